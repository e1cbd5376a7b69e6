"""Scenes for display: band composites, in formats that browsers show."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llars.bands import Band, Modality, true_colour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["composites", "data_uri", "jpeg", "png"]

NEAR_INFRARED_NM, SHORT_WAVE_NM = (750.0, 900.0), (1500.0, 2400.0)

QUALITIES = (95, 90, 85, 75, 60, 45)
"""JPEG qualities, tried until a file is small enough."""


def composites(bands: Sequence[Band]) -> dict[str, tuple[int, int, int]]:
    """Channels to show as red, green and blue, by name of the composite; natural colours first, if any."""
    red, green, blue = natural = true_colour(bands)
    colours = len(set(natural)) == 3 and bands[red].modality is Modality.OPTICAL
    choices = {"Natural colour": natural} if colours else {"First bands": natural} if len(set(natural)) == 3 else {}
    near = _within(bands, NEAR_INFRARED_NM, 840.0)
    short = _within(bands, SHORT_WAVE_NM, 1610.0)
    if colours and near is not None:
        choices["False colour: vegetation in red"] = (near, red, green)
        if short is not None:
            choices["Short-wave infrared: water and bare soil"] = (short, near, blue)
    return choices | {f"{band.name} alone": (channel,) * 3 for channel, band in enumerate(bands)}


def _within(bands: Sequence[Band], ends: tuple[float, float], goal: float) -> int | None:
    """The optical band between two wavelengths that is nearest to ``goal``, in nm."""
    distances = {
        channel: abs(band.wavelength_nm - goal)
        for channel, band in enumerate(bands)
        if band.modality is Modality.OPTICAL and band.wavelength_nm and ends[0] <= band.wavelength_nm <= ends[1]
    }
    return min(distances, key=lambda channel: distances[channel], default=None)


def jpeg(image: NDArray[np.uint8], max_bytes: int) -> bytes:
    """``(3, y, x)`` as a JPEG file of at most ``max_bytes`` bytes, where any quality allows that."""
    content = b""
    for quality in QUALITIES:
        content = _encoded(image, "JPEG", QUALITY=quality, WRITE_EXIF_METADATA="NO")
        if len(content) <= max_bytes:
            break
    return content


def png(image: NDArray[np.uint8]) -> bytes:
    """``(channel, y, x)`` of 1, 3 or 4 channels as a PNG file: for few colours, small pictures, and transparency."""
    return _encoded(image, "PNG", ZLEVEL=6)


def data_uri(content: bytes) -> str:
    """A picture as a data URI."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _encoded(image: NDArray[np.uint8], driver: str, **options: object) -> bytes:
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    count, height, width = image.shape
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver=driver, width=width, height=height, count=count, dtype="uint8", **options) as picture:
            picture.write(image)
        return bytes(memory.getbuffer())
