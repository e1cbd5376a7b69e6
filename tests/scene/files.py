"""GeoTIFFs to open."""

from pathlib import Path

import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine

UTM = CRS.from_epsg(32633)
S2 = ("B02", "B03", "B04", "B08")


def from_origin(left: float, top: float, width: float, height: float) -> Affine:
    return Affine(width, 0, left, 0, -height, top)


def write(path: Path, values, descriptions=(), scale=None, offset=None, imagery=(), tags=None, **options) -> Path:
    """A GeoTIFF of ``values`` (band, y, x)."""
    count, height, width = values.shape
    options = {"crs": UTM, "transform": from_origin(500_000, 5_000_000, 10, 10), **options}
    colours = options.pop("colorinterp", None)
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=values.dtype, **options
    ) as file:
        if colours:
            file.colorinterp = colours
        file.write(values)
        for i, text in enumerate(descriptions, start=1):
            file.set_band_description(i, text)
        for i, (centre, width_um) in enumerate(imagery, start=1):
            file.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=centre, FWHM_UM=width_um)
        if scale is not None:
            file.scales, file.offsets = (scale,) * count, (offset or 0.0,) * count
        file.update_tags(**(tags or {}))
    return path
