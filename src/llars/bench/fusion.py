"""Cases of spatio-temporal fusion: real dates of a fine and a coarse sensor over one place, on one grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from llars.bands import Band, Role
from llars.bench.cases import Array, Case, Guide, Scene, with_gaps
from llars.bench.protocols import Trial
from llars.bench.scenes import Folder

__all__ = ["fusion_case", "fusion_dates", "in_range", "matched"]

COARSE_PIXEL = 16
"""Width of a coarse pixel in fine pixels, as for MODIS and Landsat."""


def fusion_dates(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Every date predicted from every other date, among those for which both sensors have an image."""
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for entry in folder.entries("fine", "coarse", task="stf"):
        if entry["id"] not in trial.leave_out:
            groups[entry["group"]][entry["id"].rpartition("_")[2]][entry["role"]] = entry
    for dates in groups.values():
        scenes = {
            date: {role: folder.scene(entry) for role, entry in roles.items()}
            for date, roles in dates.items()
            if roles.keys() == {"fine", "coarse"}
        }
        for now in scenes:
            for before in scenes:
                if now != before:
                    yield fusion_case(trial, **_named(scenes[now], "now"), **_named(scenes[before], "before"))


def _named(scenes: dict[str, Scene], date: str) -> dict[str, Scene]:
    return {f"{role}_{date}": scene for role, scene in scenes.items()}


def fusion_case(trial: Trial, fine_now: Scene, coarse_now: Scene, fine_before: Scene, coarse_before: Scene) -> Case:
    """The case of predicting ``fine_now`` from the others; coarse images are matched to the fine calibration."""
    gain, offset = matched(fine_before, coarse_before)
    now, before = (in_range(scene, fine_now) * gain + offset for scene in (coarse_now, coarse_before))
    valid = fine_now.valid & fine_before.valid & coarse_now.valid & coarse_before.valid
    guides = {
        "fine_before": _guide(fine_before.values, fine_now, Role.FINE_BEFORE),
        "coarse_before": _guide(before, fine_now, Role.COARSE_BEFORE),
    }
    date = fine_before.name.rpartition("_")[2]
    scene = replace(fine_now, name=f"{fine_now.name}_from_{date}", valid=valid)
    return Case(scene, trial, now, now, with_gaps(fine_now.values, valid), scene.bands, guides)


def matched(fine: Scene, coarse: Scene) -> tuple[Array, Array]:
    """Gain and offset of each band ``(band, 1, 1)`` from the coarse sensor to the fine one, from one date of both.

    Sensors differ in calibration and in the level to which the atmosphere is corrected. Means and standard deviations
    are matched, after the fine image is averaged to coarse pixels.
    """
    from scipy.ndimage import uniform_filter

    both = fine.valid & coarse.valid
    low = uniform_filter(fine.values, (1, COARSE_PIXEL, COARSE_PIXEL))[:, both]
    seen = in_range(coarse, fine)[:, both]
    gain = low.std(axis=1) / np.maximum(seen.std(axis=1), 1e-6)
    offset = low.mean(axis=1) - gain * seen.mean(axis=1)
    return gain[:, None, None].astype(np.float32), offset[:, None, None].astype(np.float32)


def in_range(scene: Scene, other: Scene) -> Array:
    """Values of ``scene`` as unit values of the range of ``other``."""
    (low, high), (lowest, highest) = scene.value_range, other.value_range
    return ((scene.values * (high - low) + low - lowest) / (highest - lowest)).astype(np.float32)


def _guide(values: Array, fine: Scene, role: Role) -> Guide:
    bands: tuple[Band, ...] = tuple(replace(band, role=role) for band in fine.bands)
    return Guide(values, bands, fine.value_range)
