"""All bands of a product on its finest grid: coarser ones are made finer, those of that grid stay bit for bit.

Every group of coarser bands is refined in one of two ways: by `sr`, from itself alone, or by `pansharpen`, led by the
mixture of the fine bands whose detail comes nearest to its own (least squares of high frequencies; the idea is that of
ATPRK, Wang et al. 2016, Fusion of Sentinel-2 images, Remote Sensing of Environment 187). Both are tried on the scene
itself, one level coarser, where the truth is known (Wald's protocol), and the better one is taken; a scene too small
for that is refined by `sr`. Either way, the mean over each coarse pixel is that pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from llars.bands import Band
from llars.errors import RasterError
from llars.infer.raster import read_profile, writing
from llars.infer.raster.outputs import whole_files
from llars.infer.reading.grids import grid_of, nesting
from llars.infer.reading.layers import finer_bands
from llars.infer.tiling.engine import Extent
from llars.infer.tiling.stream import Options
from llars.scene import open_scene
from llars.scene.opening import SMALLEST
from llars.scene.products import grids_of, part_of, virtual_raster
from llars.scene.products.mixing import stacked, weighted
from llars.tasks import RESOLUTIONS, Step, get_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.restorer import Restorer

    Pixels = NDArray[np.float32]

__all__ = ["GroupStep", "to_finest_grid"]

GROUPS = (("B05",), ("B06", "B07", "B8A"), ("B11",), ("B12",), ("B01",), ("B09",), ("B10",))
"""Groups of coarser Sentinel-2 bands that look alike: each shares one mixture and one pass of the network."""

FACTORS = {2: (2,), 3: (3,), 4: (4,), 6: (3, 2)}
"""Factors of successive steps, by the total factor of refinement."""

SIDE = 384
"""Side in coarse pixels of the part of a scene on which mixtures are fitted and the two ways are tried."""

PAN = Band("PAN", wavelength_nm=700.0, width_nm=400.0)


@dataclass(frozen=True)
class BandMixture:
    """A linear combination of the fine bands, in physical values."""

    weights: NDArray[np.float64]
    constant: float

    def of(self, bands: Pixels) -> Pixels:
        """The mixture of ``(band, y, x)``, as one band ``(1, y, x)``."""
        mixed = np.tensordot(self.weights, bands, 1) + self.constant
        return np.asarray(mixed[None], dtype=np.float32)


@dataclass(frozen=True)
class GroupStep:
    """How a group of coarser bands came to the fine grid."""

    task: str
    """``pansharpen`` or ``sr``."""

    scale: int
    """How many times finer it became."""

    bands: tuple[str, ...]


def to_finest_grid(
    product: str | Path,
    folder: Path,
    restorer: Restorer,
    tile_for: Callable[[int, int], Extent],
    say: Callable[[str], object],
) -> tuple[Path, tuple[GroupStep, ...]]:
    """Bring all bands of a product to its finest grid.

    Args:
        product: a product of several grids that nest.
        folder: for the images made, about two bytes per pixel of the fine grid and coarse band, and a VRT of them all.
            Images that an earlier call finished there are used as they are.
        restorer: does the restoration.
        tile_for: gives the size of tiles for a number of bands that the network takes and a factor.
        say: called for each group with a note on how it was refined.

    Returns:
        The VRT, which needs ``folder`` and ``product``, and what was done to each group.

    Raises:
        RasterError: a band is missing or damaged, or the grids do not nest.
    """
    name, fine = virtual_raster(product), open_scene(product)
    assert name is not None
    refinement = _Refinement(product, name, fine, folder, restorer, tile_for)
    groups: list[GroupStep] = []
    members = {str(band): (name, at) for at, band in enumerate(fine.band.values, start=1)}
    # Opened before hours of work, to find now what is missing or damaged.
    scenes = [(grid, open_scene(part_of(product, grid))) for grid in grids_of(product)[1:]]
    for grid, coarse in scenes:
        nested = nesting(grid_of(coarse), grid_of(fine))
        if nested is None or (nested.rows, nested.columns) != (0, 0) or nested.factor not in FACTORS:
            raise RasterError(f"{product}: its bands of {grid} do not nest in those of {grids_of(product)[0]}")
        names = {str(band) for band in coarse.band.values}
        for group in (candidate for candidate in GROUPS if names.issuperset(candidate)):
            path, method, guided = refinement.refined(group, FACTORS[nested.factor])
            groups.append(GroupStep("pansharpen" if guided else "sr", nested.factor, group))
            say(f"{', '.join(group)}: {nested.factor} times finer, {method}")
            members |= {band: (str(path), at) for at, band in enumerate(group, start=1)}
    result = folder / "all.vrt"
    # Names of bands sort like their wavelengths, except for B8A.
    order = sorted(members, key=lambda band: band.replace("B8A", "B08A"))
    text = stacked([members[band] for band in order])
    if not (result.exists() and result.read_text(encoding="utf-8") == text):  # its time of change identifies a run
        result.write_text(text, encoding="utf-8")
    return result, tuple(groups)


@dataclass(frozen=True)
class _Refinement:
    """Refines groups of bands of one product to its fine grid."""

    product: str | Path
    name: str
    """The fine bands as GDAL opens them."""

    fine: xr.DataArray
    folder: Path
    restorer: Restorer
    tile_for: Callable[[int, int], Extent]

    def refined(self, group: Sequence[str], factors: Sequence[int]) -> tuple[Path, str, bool]:
        """A file with a group of coarser bands on the fine grid, how it was refined, and whether led by fine bands."""
        path, remaining = part_of(self.product, *group), math.prod(factors)
        scene = open_scene(path)
        errors = _compare_methods(
            self.restorer, scene.attrs["bands"], *_best_sample(scene, self.fine, remaining), factors[0]
        )
        guided = errors is not None and errors[0] < errors[1]
        for factor in factors:
            path = self._finer(path, factor, remaining, guided)
            remaining //= factor
        way = "led by the fine bands" if guided else "from themselves alone"
        if errors is None:
            return path, f"{way} (the scene is too small to try another way)", guided
        return path, f"{way} (tried one level coarser: error {errors[0]:.4f} led, {errors[1]:.4f} alone)", guided

    def _finer(self, path: Path, factor: int, remaining: int, guided: bool) -> Path:
        """Refine the bands of a file, ``remaining`` times coarser than the fine ones, by ``factor``, to a new file."""
        scene = open_scene(path)
        result = self.folder / f"{scene.band.values[0]}_{factor}.tif"
        if result.exists():
            return result
        guides = {}
        if guided:
            mixture = _fit_mixture(*_best_sample(scene, self.fine, remaining))
            guides["pan"] = _mixture_as_pan(result.with_suffix(".vrt"), self.name, mixture, remaining // factor)
        profile = read_profile(path)
        tile = self.tile_for(len(scene) + len(guides), factor)
        options = Options(tile, scratch=self.folder, limits=profile.storable)
        stream = self.restorer.stream(scene, [_step(guided, factor)], guides=guides, options=options)
        with whole_files([result]) as (place,), writing(place, profile, scale=factor) as writer:
            for part in stream:
                writer.write(part.window, part.values)
        return result


def _step(guided: bool, factor: int) -> Step:
    if guided:
        return Step("pansharpen", 0.5, get_task("pansharpen").instruction)
    return Step("sr", (factor - 1) / 3, RESOLUTIONS[factor], factor)


def _mixture_as_pan(path: Path, name: str, mixture: BandMixture, coarser: int) -> xr.DataArray:
    """The mixture as a panchromatic band, computed by GDAL as it is read."""
    path.write_text(weighted(name, [float(weight) for weight in mixture.weights], mixture.constant, coarser))
    pan = open_scene(path)
    pan.attrs |= {"bands": (PAN,), "band_ranges": ((0.0, 1.0),), "value_range": (0.0, 1.0), "units": "reflectance"}
    return pan


def _best_sample(coarse: xr.DataArray, fine: xr.DataArray, factor: int) -> tuple[Pixels, Pixels]:
    """The part of the coarse bands with the most data, and the fine bands there, averaged over coarse pixels."""
    rows, columns = (min(SIDE, coarse.sizes[axis]) // 12 * 12 for axis in ("y", "x"))
    step = max(min(rows, columns) // 12, 1)
    valid_pixels = np.isfinite(coarse[0, ::step, ::step].values)
    places = [
        (top, left)
        for top in _candidate_starts(coarse.sizes["y"], rows)
        for left in _candidate_starts(coarse.sizes["x"], columns)
    ]
    top, left = max(
        places,
        key=lambda at: valid_pixels[
            at[0] // step : (at[0] + rows) // step, at[1] // step : (at[1] + columns) // step
        ].sum(),
    )
    truth = coarse[:, top : top + rows, left : left + columns].values
    inner = (slice(top * factor, (top + rows) * factor), slice(left * factor, (left + columns) * factor))
    return truth, _means(fine[(slice(None), *inner)].values, factor)


def _candidate_starts(size: int, side: int) -> list[int]:
    """Places along an axis, the middle first."""
    return [(size - side) * share // 4 for share in (2, 1, 3, 0, 4)]


def _means(values: Pixels, factor: int) -> Pixels:
    bands, rows, columns = values.shape
    blocks = values.reshape(bands, rows // factor, factor, columns // factor, factor)
    return np.asarray(blocks.mean((2, 4)), dtype=np.float32)


def _fit_mixture(truth: Pixels, guide: Pixels) -> BandMixture:
    """The mixture of ``guide`` fitted to the detail of ``truth``, averaged over bands, and shifted to its mean."""

    def detail(values: Pixels) -> NDArray[np.float64]:
        return np.asarray((values - _means(values, 2).repeat(2, 1).repeat(2, 2)).reshape(len(values), -1), np.float64)

    x, y = detail(guide), detail(truth).mean(0)
    finite = np.isfinite(y) & np.isfinite(x).all(0)
    if not finite.any():
        weights = np.full(len(guide), 1.0 / len(guide))
        return BandMixture(weights, 0.0)
    weights = np.linalg.lstsq(x[:, finite].T, y[finite], rcond=None)[0]
    both = np.isfinite(truth).all(0) & np.isfinite(guide).all(0)
    own_mean, guide_means = truth[:, both].mean(dtype=np.float64), guide[:, both].mean(1, dtype=np.float64)
    return BandMixture(weights, float(own_mean - weights @ guide_means))


def _compare_methods(
    restorer: Restorer, bands: Sequence[Band], truth: Pixels, guide: Pixels, factor: int
) -> tuple[float, float] | None:
    """Errors (root mean square, physical) of both ways one level coarser; None where the scene is too small."""
    coarse, lower = _means(truth, factor), _means(guide, factor)
    known = np.isfinite(truth).all(0) & np.isfinite(guide).all(0)
    if min(coarse.shape[1:]) < SMALLEST or not known.any() or not np.isfinite(coarse).any():
        return None
    attrs = {"bands": finer_bands(bands, 1 / factor), "value_range": (0.0, 1.0)}
    scene = xr.DataArray(coarse, dims=("band", "y", "x"), attrs=attrs)
    pan = xr.DataArray(
        _fit_mixture(coarse, lower).of(guide),
        dims=("band", "y", "x"),
        attrs={"bands": (PAN,), "value_range": (0.0, 1.0)},
    )
    results = (
        restorer(scene, [_step(True, factor)], guides={"pan": pan}).values,
        restorer(scene, [_step(False, factor)]).values,
    )
    guided, unguided = (float(np.sqrt(np.nanmean(np.square(result - truth)[:, known]))) for result in results)
    return guided, unguided
