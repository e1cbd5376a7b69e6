"""Real clouds for the training of the cloud estimator: what they cover is found by comparison with a clear date.

What is brighter in the blue than on the clear date is cloud, what is darker in all infrared bands is shadow. Pixels
that changed a little, or darkened otherwise, may have done so by themselves, and do not count in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from llars.bands import plain_bands
from llars.data.catalog import entries, read_entry
from llars.data.patches import turned
from llars.data.stacks import CLEAR_CLASSES, CLEAR_SHARE, DAY, enlarged
from llars.errors import DataError
from llars.sensors import get_sensor
from llars.train.cloud_examples import DIRECT, UNKNOWN_BANDS, Examples, jittered_statistics, random_gain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.bands import Band
    from llars.sample import Sample

__all__ = ["Scene", "compared", "draw_real", "read_scenes"]

BLUE_NM, INFRARED_NM = 485.0, 700.0

LEAST_CHANGED, MAX_SHIFT = 0.25, 0.1
"""Quantile of the change in a band that is taken for that of haze and light, and its limit, in unit values, beyond
which the whole scene is taken as cloudy."""

MIN_EXCESS, MIN_DOUBT = 0.05, 0.025
"""Change in the blue, in unit values, above which a pixel is cloud, and above which (or below minus which) it does not
count. A cloud also brightens the mean of all bands by the second; a harvest brightens the visible alone.
"""

OPAQUE_SHARE, MIN_OPAQUE = 0.6, 0.35
"""Brightness from which a cloud is opaque, relative to that of the brightest of the scene, and its lower bound in unit
values: dark bases of thick clouds hide the ground as well as their tops, but the brightest may be a thin one."""

MAX_LIT, MAX_DOUBTFUL_LIT = 0.7, 0.85
"""A shadow leaves less than the first share of the infrared; between the two, a pixel does not count."""

SAME_NM = 30.0
"""Difference in wavelength up to which bands of two sensors are compared."""

DAYS_APART = 20.0
"""Largest number of days between a date of a series and the clear one that it is compared with."""


@dataclass(frozen=True)
class Scene:
    """An image under real clouds."""

    image: NDArray[np.float32]
    """``(band, y, x)`` unit values."""

    bands: tuple[Band, ...]

    target: NDArray[np.float32]
    """``(4, y, x)``: opacity, touched (0 or 1) and shadow of each pixel, and its weight: 1 where they are certain, else
    0."""


def read_scenes(folder: Path, settings: Mapping[str, Any]) -> list[Scene]:
    """The scenes that ``configs/train/clouds.yaml`` names, from the catalogue in ``folder``.

    Raises:
        DataError: the catalogue lacks an image, an image is not of the split ``train``, or a pair differs in its grid
            or has no band in common.
    """
    listed = {entry["id"]: entry for entry in entries(folder)}
    pairs, series = settings.get("pairs", {}), settings.get("series", {})
    for name in (*pairs, *pairs.values(), *series):
        if listed.get(name, {}).get("split") != "train":
            raise DataError(f"{folder}: found no image {name} of the split train; mend the list of real clouds")
    scenes = [_pair(*(read_entry(folder, listed[name]).sample for name in names)) for names in pairs.items()]
    for name, leave_out in series.items():
        scenes += _series(folder / listed[name]["file"], leave_out)
    return scenes


def compared(
    cloudy: NDArray[np.float32], clear: NDArray[np.float32], bands: tuple[Band, ...], valid: NDArray[np.bool_]
) -> Scene:
    """``cloudy`` with the targets that follow from ``clear``, both ``(band, y, x)`` unit values."""
    blue = _nearest(bands, BLUE_NM)
    change = cloudy - clear
    shift = np.quantile(change[:, valid], LEAST_CHANGED, axis=1)
    shift = np.where(shift > MAX_SHIFT, 0.0, shift.clip(min=-MAX_SHIFT)).astype(np.float32)[:, None, None]
    excess = (change - shift)[blue]
    cloud = (excess > MIN_EXCESS) & ((change - shift).mean(0) > MIN_DOUBT)
    ground = (clear + shift)[blue]
    opaque = max(OPAQUE_SHARE * np.percentile(cloudy[blue][cloud], 98), MIN_OPAQUE) if cloud.any() else 1.0
    opacity = np.where(cloud, excess / np.maximum(opaque - ground, MIN_EXCESS), 0.0).clip(0.0, 1.0)
    infrared = [index for index, band in enumerate(bands) if (band.wavelength_nm or 0.0) >= INFRARED_NM]
    darkened = infrared or [_nearest(bands, INFRARED_NM)]
    lit = (cloudy / np.maximum(clear + np.minimum(shift, 0.0), MIN_DOUBT))[darkened].max(0)
    # Far darker in the blue, too, is what a cloud hides on the other date.
    other_date = excess < -MIN_EXCESS
    shadow = np.where(~cloud & ~other_date & (lit < MAX_LIT), ((1.0 - lit) / DIRECT).clip(0.0, 1.0), 0.0)
    touched = cloud | (shadow > 0.0)
    unsure = ~touched & ((np.abs(excess) > MIN_DOUBT) | (lit < MAX_DOUBTFUL_LIT))
    target = np.stack([opacity, touched, shadow, valid & ~unsure]).astype(np.float32)
    return Scene(cloudy, bands, target)


def draw_real(scenes: Sequence[Scene], size: int, side: int, rng: np.random.Generator) -> Examples:
    """``size`` crops of scenes drawn at random, with the same number of bands each; for the arguments see ``draw``."""
    fit = [scene for scene in scenes if min(scene.image.shape[1:]) >= side]
    chosen = [fit[index] for index in rng.integers(len(fit), size=size)]
    count = int(rng.integers(3, min(len(scene.bands) for scene in chosen) + 1))
    images, targets, bands = [], [], []
    for scene in chosen:
        channels = rng.permutation(len(scene.bands))[:count]
        y, x = (int(rng.integers(length - side + 1)) for length in scene.image.shape[1:])
        part, which = (slice(y, y + side), slice(x, x + side)), int(rng.integers(8))
        images.append(turned(scene.image[channels][:, *part], which))
        targets.append(turned(scene.target[:, *part], which))
        known = rng.random() >= UNKNOWN_BANDS
        bands.append(tuple(scene.bands[channel] for channel in channels) if known else plain_bands(count))
    image, target = (torch.from_numpy(np.stack(parts)) for parts in (images, targets))
    image = image * random_gain(size, rng)
    return Examples(image, bands, jittered_statistics(image, rng), target[:, :3], target[:, 3:])


def _pair(cloudy: Sample, clear: Sample) -> Scene:
    near = [_nearest(clear.bands, band.wavelength_nm or np.inf) for band in cloudy.bands]
    ours = [number for number, other in enumerate(near) if _alike(cloudy.bands[number], clear.bands[other])]
    if cloudy.values.shape[1:] != clear.values.shape[1:] or not ours:
        raise DataError(
            f"{cloudy.scene} and {clear.scene} differ in size, or have no band in common; mend the list of real clouds"
        )
    image, reference = _unit_values(cloudy), _unit_values(clear)[[near[number] for number in ours]]
    bands = tuple(cloudy.bands[number] for number in ours)
    found = compared(image[ours], reference, bands, cloudy.valid & clear.valid)
    return replace(found, image=image, bands=cloudy.bands)


def _unit_values(sample: Sample) -> NDArray[np.float32]:
    low, high = sample.value_range
    return ((sample.values * sample.scale + sample.offset - low) / (high - low)).astype(np.float32)


def _series(path: Path, leave_out: Sequence[int]) -> Iterator[Scene]:
    """Every date of a series of Sentinel-2 at 20 m that has a clear one near, interpolated to pixels of 10 m."""
    with np.load(path, allow_pickle=False) as arrays:
        values, classes, days, names = (arrays[f"s2_20m{part}"] for part in ("", "_scl", "_days", "_bands"))
    sensor = get_sensor("sentinel2-l2a")
    bands = tuple(sensor.band(str(name)).with_gsd(10.0) for name in names)
    clear = np.flatnonzero(np.isin(classes, CLEAR_CLASSES).mean(axis=(1, 2)) >= CLEAR_SHARE)
    clear = clear[~np.isin(clear, leave_out)]
    images = [enlarged(date, 2).astype(np.float32) * np.float32(1e-4) for date in values]
    for date in np.setdiff1d(np.arange(len(values)), clear):
        distance = np.abs(days[clear] - days[date]) / DAY
        if distance.min() <= DAYS_APART:
            image = images[date]
            yield compared(image, images[clear[distance.argmin()]], bands, np.ones(image.shape[1:], dtype=bool))


def _alike(one: Band, other: Band) -> bool:
    return abs((one.wavelength_nm or -np.inf) - (other.wavelength_nm or np.inf)) <= SAME_NM


def _nearest(bands: Sequence[Band], nm: float) -> int:
    return int(np.argmin([abs((band.wavelength_nm or np.inf) - nm) for band in bands]))
