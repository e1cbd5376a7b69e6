"""The session of a visitor: a scene and its results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llars.bands import Band, Role
from llars.errors import InstructionError
from llars.infer.raster.profile import RasterProfile
from llars.infer.reading.grids import display_size
from llars.infer.reading.raster_file import RasterFile
from llars.infer.report.display import composites, jpeg, png
from llars.infer.report.stretch import limits, to_bytes

__all__ = ["STRETCHES", "Image", "Session", "facts_of", "picture"]

STRETCHES: dict[str, tuple[tuple[float, float], bool]] = {
    "2 to 98 %, all alike": ((2.0, 98.0), True),
    "0.5 to 99.5 %, all alike": ((0.5, 99.5), True),
    "Full range, all alike": ((0.0, 100.0), True),
    "2 to 98 %, each by itself": ((2.0, 98.0), False),
}
"""Percentiles that become black and white, and whether the images of a scene share them."""

LONGEST, SAMPLE = 2048, 320
"""Pixels of the longer side of the picture, and of the sample that the stretch is computed from."""

LOSSLESS, JPEG_BYTES = 600_000, 3_000_000
"""Most pixels of a PNG picture, and most bytes of a JPEG."""


@dataclass(frozen=True)
class Image:
    """A scene or one of its results, on disk."""

    key: str
    """Part of the image's addresses."""

    path: Path
    file: RasterFile
    prompt: str = ""
    """Empty for the scene itself."""

    interpretation: str = ""
    """What the instruction was understood as."""

    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    report: Path | None = None


@dataclass
class Session:
    """Everything of one visitor."""

    key: str
    folder: Path
    sensor: str | None = None
    """Name that the visitor gave."""

    bands: tuple[Band, ...] = ()
    facts: tuple[str, ...] = ()
    """Facts about the file, for people."""

    scene: Image | None = None
    results: list[Image] = field(default_factory=list)
    guides: dict[Role, Path] = field(default_factory=dict)
    """Files of guides, by role."""

    last_active: float = field(default_factory=time.monotonic)
    """When the visitor last did something."""

    busy: int = 0
    """Instructions that are being worked on or wait."""

    @property
    def images(self) -> list[Image]:
        """The scene, then its results, oldest first."""
        return [] if self.scene is None else [self.scene, *self.results]

    @property
    def opened(self) -> Image:
        """The scene; raises InstructionError where none is open."""
        if self.scene is None:
            raise InstructionError("no scene is open; pick one or upload a GeoTIFF")
        return self.scene


def picture(session: Session, image: Image, combination: str, stretch: str) -> bytes:
    """One of the session's images for the browser: PNG where it is small, else JPEG.

    Args:
        session: whose images share the stretch.
        image: the one to show.
        combination: key of ``composites`` of the session's bands; the first where it is unknown.
        stretch: key of ``STRETCHES``; the first where it is unknown.
    """
    choices = composites(session.bands)
    channels = choices.get(combination) or next(iter(choices.values()))
    percent, shared = STRETCHES.get(stretch) or next(iter(STRETCHES.values()))
    samples = [_decimated(one, channels, SAMPLE) for one in (session.images if shared else [image])]
    low, high = limits(samples, percent)
    pixels = to_bytes(_decimated(image, channels, LONGEST), low, high)
    return png(pixels) if pixels[0].size <= LOSSLESS else jpeg(pixels, JPEG_BYTES)


def _decimated(image: Image, channels: Sequence[int], longest: int) -> Any:
    return image.file.only(channels).decimated(*display_size(image.file.grid, longest))


def facts_of(path: Path, profile: RasterProfile, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Facts about a scene for people: name, size, bands, coordinate system and sensor."""
    crs = profile.crs.to_string() if profile.crs else "no coordinate system"
    sensor = attributes["sensor"]
    return (
        path.name,
        f"{profile.width} × {profile.height} px",
        f"{len(attributes['bands'])} bands, {profile.dtype}",
        crs if len(crs) < 40 else "a coordinate system of its own",
        "sensor unknown" if sensor == "unknown" else f"{sensor}, {attributes['units']}",
    )
