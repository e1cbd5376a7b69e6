"""All measurements of one scene: ``findings`` puts them into words, ``calibrate`` compares them with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from llars.bands import Band, Modality
from llars.infer.diagnosis.air import air_features
from llars.infer.diagnosis.blur import Blur, find_blur
from llars.infer.diagnosis.lines import Stripes, find_stripes
from llars.infer.initial.clouds import CloudFree
from llars.infer.initial.destriping import line_corrections
from llars.infer.initial.estimators import opacity
from llars.infer.reading.layers import Derived, Layers
from llars.infer.reading.sampling import sample_pixels
from llars.infer.tiles import Window
from llars.initial.deconvolution import SIDE
from llars.initial.impulses import find_impulses, without_impulses
from llars.initial.noise import equivalent_looks, noise_sigma
from llars.initial.noise_spectrum import noise_spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.reading.layers import Pixels

__all__ = ["OPAQUE", "Survey", "survey"]

OPAQUE = 0.4
"""Opacity of a cloud above which the diagnosis counts the ground as hidden; the limit of that share is fitted to it.

Cloud removal fills in ground above a higher opacity, ``HIDDEN_OPACITY`` of ``llars.initial.clouds``: between the two,
what shines through still helps to restore the ground.
"""

MIN_RANGE = 5e-5
"""Range of the values of a band in a window, in unit values, below which it shows nothing: half a step of 16 bits."""

ENDS = (2.0, 50.0, 98.0)
"""Percentiles by which exposure is judged."""


@dataclass(frozen=True)
class Survey:
    """Measurements of a scene; None where it has no band that allows one."""

    sigma: NDArray[np.float64]
    """``(band,)`` noise in unit values; 0 for radar."""

    impulses: float
    """Share of the samples of the other bands that are impulses."""

    looks: float | None
    """Equivalent number of looks of the radar bands."""

    blur: Blur | None
    stripes: Stripes | None
    air: NDArray[np.float64] | None
    """See ``air_features``."""

    cover: NDArray[np.uint8] | None
    """``(2, y, x)``, see ``CloudFree``."""

    ends: tuple[float, float, float]
    """The percentiles ``ENDS`` of the values of all bands together, in unit values."""

    gsd_m: float | None = None
    """Finest ground sampling distance of the bands; None where it is unknown."""

    @property
    def opaque(self) -> NDArray[np.bool_]:
        """``(y, x)``: cells that clouds hide."""
        return np.zeros((1, 1), dtype=np.bool_) if self.cover is None else np.asarray(self.cover[0] > OPAQUE * 255.0)

    @property
    def hidden(self) -> float:
        """Share of the scene under opaque clouds."""
        return float(self.opaque.mean())

    @property
    def touched(self) -> float:
        """Share of the scene that clouds or their shadows change visibly."""
        return 0.0 if self.cover is None else float(self.cover[1].mean() / 255.0)


@dataclass(frozen=True)
class _Part(Derived):
    """Some bands of layers."""

    channels: list[int]

    @property
    def bands(self) -> tuple[Band, ...]:
        return tuple(self.layers.bands[channel] for channel in self.channels)

    def read(self, window: Window) -> Pixels:
        values, valid = self.layers.read(window)
        return values[self.channels], valid[self.channels]


def survey(
    layers: Layers,
    ranges: Sequence[tuple[float, float]],
    reflectance: bool = False,
    clear_air: Sequence[float] | None = None,
) -> Survey:
    """Measure every fault, on windows from all over the scene; clouds on all of it where a band is known as optical.

    Args:
        layers: unit values.
        ranges: of each band, the physical values that the unit values 0 and 1 stand for; decibels where it is radar.
        reflectance: the optical bands are reflectances, so that brightness is comparable between scenes.
        clear_air: part of each band, in unit values, that clear air scatters; see ``Picture``.
    """
    sampled, valid = sample_pixels(layers, SIDE)
    radar = [index for index, band in enumerate(layers.bands) if band.modality is Modality.SAR]
    optical = [index for index in range(len(layers.bands)) if index not in radar]
    windows, impulses = _without_impulses(sampled, valid, optical)
    low, middle, high = np.percentile(windows[valid], ENDS).tolist() if valid.any() else (0.0, 0.0, 0.0)
    ends = (low, middle, high)
    gsd_m = min((band.gsd_m for band in layers.bands if band.gsd_m), default=None)
    sigma, looks = np.zeros(len(layers.bands)), None
    if radar:
        lows, highs = (np.array([ranges[index][end] for index in radar])[:, None, None] for end in (0, 1))
        power = 10.0 ** ((windows[:, radar] * (highs - lows) + lows) / 10.0)
        looks = equivalent_looks(power.astype(np.float32), valid[:, radar])
    if not optical:
        return Survey(sigma, impulses, looks, None, None, None, None, ends, gsd_m)
    optical_layers = layers if not radar else _Part(layers, optical)
    # Bands of unknown modality may be anything: radar amplitudes, classes and elevations look cloudy too.
    has_optical = any(band.modality is Modality.OPTICAL for band in layers.bands)
    reflectances = [ranges[index] for index in optical] if reflectance else None
    air = clear_air and [clear_air[index] for index in optical]
    correlation = noise_spectrum(windows[:, optical], valid[:, optical])
    sigma[optical] = noise_sigma(windows[:, optical], valid[:, optical]) * correlation.variance_ratio**0.5
    means = windows[:, optical].mean((0, 2, 3), dtype=np.float64)
    # A constant has no spectrum and no contrast that blur or haze could have changed, and real clouds are not constant.
    textured = _is_textured(windows[:, optical], valid[:, optical])
    return Survey(
        sigma,
        impulses,
        looks,
        find_blur(np.ascontiguousarray(windows[:, optical])) if textured else None,
        find_stripes(*line_corrections(optical_layers), means),
        air_features(windows[:, optical], optical_layers.bands, air) if textured else None,
        CloudFree.of(optical_layers, opacity(), reflectances=reflectances).cover if has_optical and textured else None,
        ends,
        gsd_m,
    )


def _without_impulses(
    windows: NDArray[np.float32], valid: NDArray[np.bool_], optical: list[int]
) -> tuple[NDArray[np.float32], float]:
    """Windows whose optical bands are free of impulses, which would hide all else, and the share of impulses there."""
    usual = find_impulses(windows[:, optical], valid[:, optical]) if optical else np.zeros(0, dtype=np.float32)
    if not usual.any():
        return windows, 0.0
    result = windows.copy()
    part = torch.from_numpy(windows[:, optical])
    result[:, optical] = without_impulses(part, torch.from_numpy(usual)[None]).numpy()
    return result, float((result != windows)[:, optical].mean())


def _is_textured(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> bool:
    """Whether the values of any band vary within any window ``(window, band, y, x)``."""
    highest = np.where(valid, windows, -np.inf).max((2, 3))
    lowest = np.where(valid, windows, np.inf).min((2, 3))
    return bool((highest - lowest > MIN_RANGE).any())
