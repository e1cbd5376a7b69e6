"""Cases of radar: practically speckle-free images for simulated speckle, and images with real speckle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from llars.bench.cases import Case, Scene, SideInformation, degrade_scene
from llars.bench.protocols import Trial
from llars.bench.scenes import Folder
from llars.bench.series import Series, to_decibels, to_power
from llars.metrics import enl

__all__ = ["flat_windows", "multilooked", "radar_dates", "radar_means"]

DATES = 4
"""Dates of each orbit that are despeckled."""

BLOCK = 4
"""Side of the blocks of pixels whose power is averaged if there is no series: some fifty looks."""

SMALLEST = 32
"""Smallest side of such an averaged image in pixels."""

FLAT_SIDE, FLAT_NUMBER = 20, 3
"""Side of the windows in which the number of looks is estimated, and their number in a scene."""


def radar_means(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Simulated speckle on means over all dates of an orbit, and on means over blocks of pixels."""
    seed = folder.protocol.seed
    for series in folder.series():
        for number, dates in enumerate(series.passes()):
            yield degrade_scene(series.radar_scene(f"orbit{number}", series.radar_mean(dates)), trial, seed)
    for scene in _scenes(folder):
        mean = multilooked(scene)
        if min(mean.valid.shape) >= SMALLEST:
            yield degrade_scene(mean, trial, seed)


def radar_dates(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Single dates against the mean of their orbit, and scenes without a reference, judged by the number of looks.

    Rivals are told the measured equivalent number of looks, as products differ from their stated one.
    """
    for series in folder.series():
        yield from _dates(series, trial)
    for scene in _scenes(folder):
        unknown_truth = np.full_like(scene.values, np.nan)
        flat = flat_windows(scene)
        power = to_power(scene.values, scene.value_range)
        side_info = SideInformation(looks=float(np.mean([enl(power[:, *window]) for window in flat])))
        yield Case(scene, trial, scene.values, scene.values, unknown_truth, scene.bands, {}, side_info, flat=flat)


def _dates(series: Series, trial: Trial) -> Iterator[Case]:
    for dates in series.passes():
        mean, side_info = series.radar_mean(dates), SideInformation(looks=series.looks(dates))
        for date in dates[np.linspace(0, len(dates) - 1, DATES).round().astype(int)]:
            scene = series.radar_scene(f"{date:03}", np.ascontiguousarray(series.radar[date]))
            yield Case(scene, trial, scene.values, scene.values, mean, scene.bands, {}, side_info)


def multilooked(scene: Scene) -> Scene:
    """Means over blocks of pixels in linear power: a coarser radar image with hardly any speckle."""
    height, width = (side // BLOCK for side in scene.valid.shape)
    inside = np.s_[: height * BLOCK, : width * BLOCK]
    shape = (height, BLOCK, width, BLOCK)
    power = to_power(scene.values[:, *inside], scene.value_range).reshape(-1, *shape).mean(axis=(2, 4))
    bands = tuple(band.with_gsd(band.gsd_m and band.gsd_m * BLOCK) for band in scene.bands)
    valid = np.asarray(scene.valid[inside].reshape(shape).all(axis=(1, 3)))
    values = to_decibels(power, scene.value_range)
    return replace(scene, name=f"{scene.name}_mean", bands=bands, values=values, valid=valid)


def flat_windows(scene: Scene) -> tuple[tuple[slice, slice], ...]:
    """The non-overlapping windows in which means over blocks have the smallest coefficient of variation.

    Means over blocks are used, as single pixels vary everywhere by their speckle.
    """
    power = to_power(scene.values, scene.value_range)
    ranked = []
    for top in range(0, power.shape[1] - FLAT_SIDE + 1, FLAT_SIDE):
        for left in range(0, power.shape[2] - FLAT_SIDE + 1, FLAT_SIDE):
            window = (slice(top, top + FLAT_SIDE), slice(left, left + FLAT_SIDE))
            if scene.valid[window].all():
                ranked.append((_variation(power[:, *window]), top, left, window))
    return tuple(window for *_, window in sorted(ranked, key=lambda one: one[:3])[:FLAT_NUMBER])


def _variation(power: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    blocks = power.reshape(len(power), FLAT_SIDE // BLOCK, BLOCK, FLAT_SIDE // BLOCK, BLOCK).mean(axis=(2, 4))
    return float((blocks.std(axis=(1, 2)) / blocks.mean(axis=(1, 2))).max())


def _scenes(folder: Folder) -> list[Scene]:
    """Radar images, each once, even if listed for several tasks."""
    single = folder.entries("clean", "sar", task="denoise") + folder.entries("sar", task="cloud_sar")
    by_name = {entry["id"]: entry for entry in single if entry["units"] == "dB"}
    return [folder.scene(entry) for entry in by_name.values()]
