"""Files that GDAL opens, but whose numbers are no image that can be restored."""

from collections.abc import Sequence

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from llars.errors import RasterError

__all__ = ["refuse_mixed_types", "refuse_unreadable"]


def refuse_unreadable(dataset: DatasetReader) -> None:
    """Raise RasterError if the file has no bands, or holds complex numbers or colour indices."""
    if dataset.count == 0:
        inside = (
            f"; it holds {len(dataset.subdatasets)} data sets: open one of them, such as {dataset.subdatasets[0]}"
            if dataset.subdatasets
            else ""
        )
        raise RasterError(f"{dataset.name} has no bands{inside or '; give an image'}")
    if any("complex" in str(dtype) for dtype in dataset.dtypes):
        raise RasterError(
            f"{dataset.name} holds complex numbers (single-look complex radar?); convert them to intensity: "
            f"gdal_translate DERIVED_SUBDATASET:INTENSITY:{dataset.name} intensity.tif"
        )
    if dataset.colorinterp[0] is ColorInterp.palette:
        raise RasterError(f"{dataset.name} holds colour indices; expand them: gdal_translate -expand rgb IN OUT")


def refuse_mixed_types(dataset: DatasetReader, indexes: Sequence[int]) -> None:
    """Raise RasterError if the bands at ``indexes`` are stored as numbers of different types."""
    types = [str(dataset.dtypes[i - 1]) for i in indexes]
    if len({*types}) < 2:
        return
    common = str(np.result_type(*types))
    gdal = common.replace("uint", "UInt") if common.startswith("u") else common.capitalize()
    raise RasterError(
        f"{dataset.name} has bands of different types ({', '.join(dict.fromkeys(types))}), expected one type for all; "
        f"convert them: gdal_translate -ot {gdal} IN OUT"
    )
