"""Makes the cases of a trial from a folder, by the trial's source of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from llars.bench.cases import Array, Case, Scene, degrade_scene
from llars.bench.cloud_cases import cloudy_dates, radar_pairs
from llars.bench.fullscale import native_scenes, real_pans, reduced_real_pans
from llars.bench.fusion import fusion_dates
from llars.bench.protocols import Trial
from llars.bench.published import published_pairs, reduced_pairs
from llars.bench.radar import radar_dates, radar_means
from llars.bench.scenes import Folder
from llars.degrade.wald import PAN_NM

__all__ = ["cases_of"]

NEEDS_SHARP = frozenset({"deblur", "sr", "pansharpen"})
"""Tasks whose truth must be sharp itself."""

MIN_SIDE = 16
"""Smallest side in pixels on the coarser grid: the least that the restorer accepts."""

MIN_BANDS, MIN_WITHIN = 4, 3
"""Smallest number of bands of a scene for pansharpening, and of bands within the PAN's range."""


def cases_of(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Every case of a trial, in the order of the catalogue; none if the folder holds no such images.

    Raises:
        ConfigError: a public set does not fit the trial.
        DataError: an image of a catalogue cannot be read.
    """
    return MAKERS[trial.source](trial, folder)


def clean(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Clean scenes with a fault; soft scenes cannot be the truth of tasks that sharpen."""
    scenes = folder.clean(trial.crop)
    for scene in scenes:
        if (trial.task in NEEDS_SHARP and not scene.sharp) or min(scene.valid.shape) < trial.scale * MIN_SIDE:
            continue
        if trial.task == "pansharpen" and not _suits_pan(scene):
            continue
        yield degrade_scene(scene, trial, folder.protocol.seed, others=_other_dates(scene, scenes))


MAKERS: Mapping[str, Callable[[Trial, Folder], Iterator[Case]]] = {
    "clean": clean,
    "radar_mean": radar_means,
    "radar_dates": radar_dates,
    "radar_pairs": radar_pairs,
    "cloudy_dates": cloudy_dates,
    "fusion_dates": fusion_dates,
    "native": native_scenes,
    "real_pan": real_pans,
    "real_pan_wald": reduced_real_pans,
    "published": published_pairs,
    "published_wald": reduced_pairs,
}
"""Functions that make cases, by the trial's ``source``."""


def _suits_pan(scene: Scene) -> bool:
    low, high = PAN_NM
    within = [band for band in scene.bands if band.wavelength_nm is not None and low < band.wavelength_nm < high]
    return len(scene.bands) >= MIN_BANDS and len(within) >= MIN_WITHIN


def _other_dates(scene: Scene, scenes: list[Scene]) -> Array | None:
    """Other clean scenes of the same place and grid; None if there is none."""
    same = [one for one in scenes if one.data_set == scene.data_set and one.bands == scene.bands]
    dates = [one.values for one in same if one.name != scene.name and one.values.shape == scene.values.shape]
    return np.stack(dates) if dates else None
