"""How close one file's image is to another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llars import metrics
from llars.errors import DataError
from llars.infer.reading.grids import Grid, Nesting, grid_of, in_common_frame, nesting
from llars.scene import open_scene
from llars.scene.decode import open_raster

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Comparison", "compare_files"]


@dataclass(frozen=True)
class Comparison:
    """What was measured of an image and its reference."""

    metrics: Mapping[str, float]
    """Every metric that their bands allow, by name, in physical units."""

    notes: tuple[str, ...]
    """Sentences that the user should read."""


def compare_files(image: str | Path, reference: str | Path, *, sensor: str | None = None) -> Comparison:
    """How close ``image`` is to ``reference``, pixel by pixel.

    Args:
        image: a raster that GDAL reads, or a product.
        reference: the truth, on the same grid.
        sensor: name of the sensor of both; by default that of the reference, where it is known.

    Raises:
        DataError: the images lie on different grids, have different units or shapes, or no valid pixel in common.
        SensorError: the image's bands are not those of the reference's sensor.
    """
    truth, image_grid = open_scene(reference, sensor), _grid(image)
    reference_grid = grid_of(truth)
    if not _same_grid(image_grid, reference_grid):
        raise DataError(
            f"{image} has {_describe(image_grid)}, {reference} has {_describe(reference_grid)}; expected one grid: "
            "bring the image to that of the reference (gdalwarp -t_srs -te -tr)"
        )
    known_sensor = truth.attrs["sensor"]
    compared = open_scene(image, sensor or (None if known_sensor == "unknown" else known_sensor))
    if compared.attrs["units"] != truth.attrs["units"]:
        raise DataError(
            f"{image} is in {compared.attrs['units']}, {reference} in {truth.attrs['units']}; expected the same units: "
            "name the sensor of both (--sensor)"
        )
    notes = [*truth.attrs["notes"], *compared.attrs["notes"]]
    if image_grid.transform is None and reference_grid.transform is not None:
        notes.append(f"{image} does not say where it lies: taken to cover what {reference} covers")
    order, note = _band_order(compared, truth)
    notes += [f"{image}: {note}"] if note else []
    low, high = truth.attrs["value_range"]
    return Comparison(metrics.compare(compared.values[order], truth.values, high - low), tuple(dict.fromkeys(notes)))


def _band_order(image: xr.DataArray, reference: xr.DataArray) -> tuple[list[int], str]:
    """The image's bands in the order of the reference's, and what the user should know; by position if names differ."""
    names, wanted = ([band.name for band in scene.attrs["bands"]] for scene in (image, reference))
    if names == wanted or len(names) != len(wanted):
        return [*range(len(names))], ""
    if sorted(names) == sorted(wanted) and len({*names}) == len(names):
        return [names.index(name) for name in wanted], f"bands {', '.join(names)} compared by their names"
    return [*range(len(names))], f"bands {', '.join(names)} compared by position with {', '.join(wanted)}"


def _grid(path: str | Path) -> Grid:
    with open_raster(str(path)) as dataset:
        transform = None if dataset.transform.is_identity else dataset.transform
        return Grid(dataset.height, dataset.width, transform, dataset.crs)


def _same_grid(image: Grid, reference: Grid) -> bool:
    """Whether every pixel of the one is the same place as that of the other, as far as is known."""
    if (image.height, image.width) != (reference.height, reference.width):
        return False
    placed = in_common_frame(image, reference)
    return placed is not None and nesting(*placed) == Nesting(1, 0, 0)


def _describe(grid: Grid) -> str:
    size = f"{grid.width} x {grid.height} px"
    if grid.transform is None:
        return size
    a, _, left, d, _, top = tuple(grid.transform)[:6]
    crs = "an unknown CRS" if grid.crs is None else grid.crs.to_string()
    return f"{size} of {(a * a + d * d) ** 0.5:g} from ({left:.10g}, {top:.10g}) in {crs[:40]}"
