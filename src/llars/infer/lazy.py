"""Scenes backed by Dask: the result is a graph of tiles, and nothing is read or computed until one is requested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.infer.reading.channels import bands_and_ranges
from llars.infer.reading.grids import grid_of
from llars.infer.reading.images import like
from llars.infer.reading.sources import nodata_of, with_nan
from llars.infer.tiles import TileGrid, Window
from llars.infer.tiling.stream import Options

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from llars.infer.reading.channels import BandsLike
    from llars.infer.restorer import Restorer
    from llars.infer.tiling.parts import Prepared
    from llars.tasks import Step

__all__ = ["lazily"]

TILE = 2048
"""Side in pixels of the blocks of a result: each is computed by itself, with a halo of its own."""


def lazily(
    restorer: Restorer, scene: xr.DataArray, steps: Sequence[Step], bands: BandsLike | None, options: Options
) -> xr.DataArray | tuple[xr.DataArray, xr.DataArray]:
    """The result of ``restorer(scene, steps)``, as a Dask graph.

    One node reads the whole scene once, for its statistics, and takes all steps but the last, in memory; every tile of
    the last step is a node of its own. Without steps, the result has the scene's own values.

    Raises:
        BandError: the bands are unknown, or not as many as the channels.
    """
    bands_and_ranges(scene, bands)
    if not steps:
        same: Any = like(scene, _physical(scene), grid_of(scene), grid_of(scene), 1)
        return (same, 0.0 * same) if options.uncertainty else same
    scale = math.prod(step.scale for step in steps)
    grid = grid_of(scene).on_a_map().finer(scale)
    shape = (scene.sizes["band"], scene.sizes["y"] * scale, scene.sizes["x"] * scale)
    tile = options.tile if isinstance(options.tile, int) else TILE
    tiles = TileGrid(*shape[1:], tile, 0, restorer.info.config.multiple)
    preparation = _Preparation(restorer, scene, steps, bands, options, tiles.step)
    values = _blocks(preparation, tiles, shape[0] * (2 if options.uncertainty else 1))
    images: list[Any] = [
        like(scene, values[start : start + shape[0]], grid_of(scene), grid, scale)
        for start in range(0, len(values), shape[0])
    ]
    return (images[0], images[1]) if options.uncertainty else images[0]


def _physical(scene: xr.DataArray) -> Any:
    """The scene's own values ``(band, y, x)`` as a result has them: float32, NaN where there is no data."""
    return scene.transpose("band", "y", "x").data.map_blocks(with_nan, nodata_of(scene), dtype=np.float32)


@dataclass(frozen=True)
class _Preparation:
    """All steps but the last. Not a closure: Dask pickles it for other processes."""

    restorer: Restorer
    scene: xr.DataArray
    steps: Sequence[Step]
    bands: BandsLike | None
    options: Options
    tile: int

    def __call__(self) -> Prepared:
        stream = self.restorer.stream(self.scene, self.steps, bands=self.bands, options=self.options)
        return stream.prepared(self.tile)


def _blocks(preparation: _Preparation, tiles: TileGrid, bands: int) -> Any:
    """The graph, ``(band, y, x)``; standard deviations follow the values along the band axis."""
    from dask import array, delayed

    # Not traversed: Dask would compute the whole scene before it prepares anything.
    prepared = delayed(preparation, pure=False, traverse=False)()
    rows: dict[int, list[Any]] = {}
    for tile in tiles:
        block = delayed(_block, pure=False)(prepared, tile.core)
        rows.setdefault(tile.core.top, []).append(
            array.from_delayed(block, (bands, *tile.core.shape), dtype=np.float32)
        )
    return array.block([[*columns] for columns in rows.values()])


def _block(restored: Prepared, window: Window) -> NDArray[np.float32]:
    part = restored(window)
    return part.values if part.deviation is None else np.concatenate([part.values, part.deviation])
