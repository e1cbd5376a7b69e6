"""Cases of real images for finer grids, with the PAN of their own sensor or without.

At full scale the truth is unknown; at reduced scale the image itself is the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Role
from llars.bench.cases import Array, Case, Guide, Scene, scene_of, with_gaps
from llars.bench.classical.resize import bicubic
from llars.bench.protocols import Trial
from llars.bench.scenes import Folder
from llars.data.catalog import entries, read_entry
from llars.degrade.wald import PAN_NM, mtf_reduce

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["native_scenes", "real_pans", "reduced_real_pans", "without_truth"]

SIDE, CLEAREST_WINDOWS = 128, 4
"""Side of the windows of a scene with a PAN, in multispectral pixels, and number of windows used: the clearest ones."""

BRIGHT = 0.99
"""Quantile of the bluest band by which windows are ranked: clouds are bright there, and the ground is not."""


def native_scenes(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Held-out clean scenes at full scale; soft ones, which are less sharp than their grid allows, are left out."""
    for scene in folder.clean(trial.crop):
        if scene.sharp:
            yield without_truth(trial, scene)


def real_pans(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Windows of images with role ``ms`` that share their group with a ``pan``, whatever their split.

    Corpora are packed from other roles, so no weights are trained on these images. Only bands within the PAN's range
    are used. The PAN is resampled by cubic interpolation onto the grid that nests in theirs: in Landsat products it is
    offset by half a pixel.
    """
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entry in entries(folder.root):
        if entry["role"] in ("ms", "pan"):
            groups[entry["group"]][entry["role"]] = entry
    for pair in groups.values():
        if pair.keys() == {"ms", "pan"}:
            ms, pan = (_whole(folder.root, pair[role]) for role in ("ms", "pan"))
            nested = _nested(
                folder.root / pair["pan"]["file"], folder.root / pair["ms"]["file"], pan.values, trial.scale
            )
            yield from _windows(trial, ms, replace(pan, values=nested))


def reduced_real_pans(trial: Trial, folder: Folder) -> Iterator[Case]:
    """The same windows at reduced scale: image and PAN degraded by Wald's protocol, so that there is a truth."""
    for case in real_pans(trial, folder):
        (guide,) = case.guides.values()
        coarse, pan = (_degraded_by_mtf(values, trial.scale) for values in (case.degraded, guide.values))
        bands = tuple(band.with_gsd(band.gsd_m and band.gsd_m * trial.scale) for band in case.bands)
        coarser = tuple(band.with_gsd(band.gsd_m and band.gsd_m * trial.scale) for band in guide.bands)
        truth = with_gaps(case.degraded, case.coarse_valid)
        scene = replace(case.scene, values=truth, valid=case.coarse_valid)
        sharp = {"pan": replace(guide, values=pan, bands=coarser)}
        yield Case(scene, trial, coarse, bicubic(coarse, trial.scale), truth, bands, sharp)


def without_truth(trial: Trial, scene: Scene, guides: dict[str, Guide] | None = None) -> Case:
    """A full-scale case: the image is the input, and the truth on the finer grid is unknown (NaN)."""
    scale = trial.scale
    baseline = bicubic(scene.values, scale)
    truth = np.full_like(baseline, np.nan)
    valid = scene.valid.repeat(scale, 0).repeat(scale, 1)
    fine = replace(scene, values=truth, valid=valid)
    return Case(fine, trial, scene.values, baseline, truth, scene.bands, guides or {})


def _degraded_by_mtf(values: Array, scale: int) -> Array:
    from torch import from_numpy

    return np.asarray(mtf_reduce(from_numpy(values).double(), scale), np.float32)


def _whole(root: Path, entry: dict[str, Any]) -> Scene:
    return scene_of(read_entry(root, entry).sample)


def _nested(pan: Path, ms: Path, values: Array, scale: int) -> Array:
    """``(1, y, x)``: the PAN resampled to a grid of which ``scale`` x ``scale`` pixels make one of the other image."""
    import rasterio
    from rasterio.warp import Resampling, reproject

    with rasterio.open(pan) as source, rasterio.open(ms) as target:
        finer = target.transform @ rasterio.Affine.scale(1 / scale)
        result = np.empty((1, target.height * scale, target.width * scale), np.float32)
        places = {
            "src_transform": source.transform,
            "src_crs": source.crs,
            "dst_transform": finer,
            "dst_crs": target.crs,
        }
    reproject(values, result, resampling=Resampling.cubic, **places)
    return result


def _windows(trial: Trial, ms: Scene, pan: Scene) -> Iterator[Case]:
    low, high = PAN_NM
    within_pan = [
        i for i, band in enumerate(ms.bands) if band.wavelength_nm is not None and low < band.wavelength_nm < high
    ]
    bluest = min(within_pan, key=lambda i: ms.bands[i].wavelength_nm or 0.0)
    height, width = ms.valid.shape
    corners = [(y, x) for y in range(0, height - SIDE + 1, SIDE) for x in range(0, width - SIDE + 1, SIDE)]
    inside = {corner: tuple(slice(start, start + SIDE) for start in corner) for corner in corners}
    whole = [corner for corner in corners if ms.valid[inside[corner]].all()]
    whole.sort(key=lambda corner: float(np.quantile(ms.values[bluest][inside[corner]], BRIGHT)))
    for y, x in sorted(whole[:CLEAREST_WINDOWS]):
        values = np.ascontiguousarray(ms.values[within_pan][:, y : y + SIDE, x : x + SIDE])
        bands = tuple(ms.bands[i] for i in within_pan)
        part = replace(ms, name=f"{ms.name}_{y}_{x}", values=values, bands=bands, valid=ms.valid[inside[y, x]])
        top, left, side = y * trial.scale, x * trial.scale, SIDE * trial.scale
        sharp = np.ascontiguousarray(pan.values[:, top : top + side, left : left + side])
        guide = Guide(sharp, tuple(replace(band, role=Role.PAN) for band in pan.bands), pan.value_range)
        yield without_truth(trial, part, {"pan": guide})
