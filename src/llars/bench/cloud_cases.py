"""Cases of clouds: simulated over optical scenes that have radar, and real with a clear date as reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llars.bands import Band, Role
from llars.bench.cases import Array, Case, Guide, Mask, Scene, SideInformation, degrade_scene, with_gaps
from llars.bench.protocols import Trial
from llars.bench.scenes import Folder
from llars.bench.series import DAY, Series

__all__ = ["clouded", "cloudy_dates", "radar_pairs"]

HIDDEN_SHARE = 0.02
"""Largest share of hidden pixels, by scene classes, of a date that counts as clear."""

HAZY = 1.25
"""A date is not clear if its blue band is more than this many times as bright as usual, whatever its classes say."""

CLEAR_DATES = 4
"""Clear dates of a series over which clouds are simulated."""

OTHER_DATES = 8
"""Number of other clear dates for a composite: those nearest in time."""

COVER = (0.1, 0.7)
"""Range of the share of a real date that clouds cover: part of it must be clouded, and part clear."""

DAYS_APART = 12
"""Largest number of days between a cloudy date and the clear one that serves as its truth."""

CLOUD_EXCESS = 0.04
"""Excess in the blue band over the clear date, in unit values, above which a pixel counts as clouded.

In the blue the ground is dark whatever grows on it, and clouds are bright.
"""

BLUE_NM = 490.0

CLOUDY_ROLES = ("low_cloudy", "mid_cloudy", "cloudy")


def radar_pairs(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Clean optical scenes with radar on the same grid, under simulated clouds; the radar guides ``cloud_sar``."""
    seed = folder.protocol.seed
    for optical, radar in _pairs(folder):
        yield degrade_scene(optical, trial, seed, _guides(trial, radar))
    for series in folder.series():
        clear = _clear(series)
        spread = np.linspace(0, len(clear) - 1, min(CLEAR_DATES, len(clear))).round().astype(int)
        for date in clear[spread].tolist():
            guides = _guides(trial, series.radar_near(date))
            yield degrade_scene(series.optical_scene(date), trial, seed, guides, _others(series, clear, date))


def cloudy_dates(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Real clouds. The truth under them is the nearest clear date, so changes of the ground count as error too."""
    for series in folder.series():
        yield from _of_series(series, trial)
    if trial.task == "cloud":
        yield from _of_images(trial, folder)


def _pairs(folder: Folder) -> Iterator[tuple[Scene, Guide]]:
    radar = {entry["group"]: entry for entry in folder.entries("sar", task="cloud_sar")}
    for entry in folder.entries("optical", "clear", "clean", task="cloud_sar"):
        radar_entry = radar.get(entry["group"])
        if radar_entry is not None and folder.size(radar_entry) == folder.size(entry):
            scene = folder.scene(radar_entry)
            yield folder.scene(entry), Guide(scene.values, scene.bands, scene.value_range)


def _guides(trial: Trial, radar: Guide) -> Mapping[str, Guide]:
    if trial.task != "cloud_sar":
        return {}
    return {"sar": replace(radar, bands=tuple(replace(band, role=Role.SAR) for band in radar.bands))}


def _clear(series: Series) -> npt.NDArray[np.int64]:
    """Dates on which practically all of the ground is visible."""
    candidates = np.flatnonzero(series.hidden.mean(axis=(1, 2)) <= HIDDEN_SHARE)
    blue = series.optical[candidates, _bluest(series.optical_bands)].mean(axis=(1, 2))
    return candidates[blue <= HAZY * np.median(blue)] if len(candidates) else candidates


def _bluest(bands: Sequence[Band]) -> int:
    blue = [abs(band.wavelength_nm - BLUE_NM) if band.wavelength_nm else np.inf for band in bands]
    return int(np.argmin(blue))


def _others(series: Series, clear: npt.NDArray[np.int64], *without: int) -> Array | None:
    """The clear dates nearest to ``without[0]``, except those in ``without``; None if there is none."""
    candidates = clear[~np.isin(clear, without)]
    distances = np.abs(series.optical_seconds[candidates] - series.optical_seconds[without[0]])
    return series.optical[candidates[np.argsort(distances, kind="stable")[:OTHER_DATES]]] if len(candidates) else None


def _of_series(series: Series, trial: Trial) -> Iterator[Case]:
    clear = _clear(series)
    for date in range(len(series.optical)) if len(clear) else ():
        distances = np.abs(series.optical_seconds[clear] - series.optical_seconds[date]) / DAY
        if date in clear or distances.min() > DAYS_APART or f"{series.name}_s2_{date:03}" in trial.leave_out:
            continue
        reference = int(clear[distances.argmin()])
        case = _case_with_reference(series.optical_scene(date), series.optical_scene(reference), trial)
        if _is_partly_clouded(case):
            side_info = replace(case.side_info, others=_others(series, clear, date, reference))
            yield replace(case, guides=_guides(trial, series.radar_near(date)), side_info=side_info)


def _of_images(trial: Trial, folder: Folder) -> Iterator[Case]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in folder.entries("clear", *CLOUDY_ROLES, task="cloud"):
        groups[entry["group"]].append(entry)
    for members in groups.values():
        references = [entry for entry in members if entry["role"] == "clear"]
        for entry in members if references else ():
            if entry["role"] == "clear":
                continue
            alike = [one for one in references if one["bands"] == entry["bands"]]
            same = [one for one in alike if folder.size(one) == folder.size(entry)]
            if not same:
                continue
            case = _case_with_reference(folder.scene(entry), folder.scene(same[0]), trial)
            if _is_partly_clouded(case):
                yield case


def clouded(cloudy: Array, clear: Array, bands: Sequence[Band]) -> Mask:
    """``(y, x)``: where an image is brighter in the blue than a clear one, both unit values ``(band, y, x)``."""
    blue = _bluest(bands)
    return np.asarray(cloudy[blue] - clear[blue] > CLOUD_EXCESS)


def _is_partly_clouded(case: Case) -> bool:
    low, high = COVER
    return case.under is not None and low < float(case.under.mean()) < high


def _case_with_reference(scene: Scene, reference: Scene, trial: Trial) -> Case:
    clouds = clouded(scene.values, reference.values, scene.bands)
    truth = with_gaps(reference.values, reference.valid & scene.valid)
    return Case(
        scene, trial, scene.values, scene.values, truth, scene.bands, {}, SideInformation(clouds=clouds), clouds
    )
