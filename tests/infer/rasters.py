"""Files like those that come in, with everything that must survive."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine

from llars.infer.raster import read_profile, write_like
from llars.infer.reading.raster_file import RasterFile
from llars.scene import open_scene

UTM = CRS.from_epsg(32633)
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_000_000)
ROTATED = Affine(8, 6, 500_000, 6, -8, 5_000_000)
MSI = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
BANDS = {1: ("B04",), 3: ("B04", "B03", "B02"), 4: ("B02", "B03", "B04", "B08"), 13: MSI}
BANDS[10] = tuple(name for name in MSI if name not in ("B01", "B09", "B10"))
POINTS = [
    GroundControlPoint(row, col, 10 + col / 1000, 50 - row / 1000, 0.0)
    for row, col in ((0, 0), (0, 70), (60, 0), (60, 70), (31, 33))
]
HEIGHT, WIDTH = 60, 70


def opened(path: Path) -> RasterFile:
    """A file as reports and the playground read it."""
    profile = read_profile(path)
    return RasterFile(path, profile.decoding, profile.grid)


def make(
    path: Path, dtype: str = "uint16", count: int = 4, place: str = "north up", *, nodata=0, brightest=12000, **options
) -> Path:
    """A Sentinel-2-like file with everything that must survive, and gaps in every band."""
    rng = np.random.default_rng(count)
    top = {"uint8": 256, "float32": 8000}.get(dtype, brightest)
    values = rng.integers(1, top, (count, HEIGHT, WIDTH)).astype(dtype)
    if dtype == "float32":
        values *= np.float32(1e-4)
    gaps = rng.random(values.shape) < 0.05
    if nodata is not None:
        values[gaps] = nodata
    georeference = {
        "north up": {"crs": UTM, "transform": NORTH_UP},
        "rotated": {"crs": UTM, "transform": ROTATED},
        "points": {},
        "nowhere": {},
    }[place]
    creation = {"photometric": "MINISBLACK", **georeference, **options}
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=HEIGHT, width=WIDTH, dtype=dtype, nodata=nodata, **creation
    ) as file:
        file.descriptions = BANDS[count]
        file.units = ["reflectance"] * count
        file.update_tags(ORIGIN="somewhere", TIFFTAG_DATETIME="2021:06:26 10:00:00")
        file.update_tags(ns="IMAGERY", SATELLITEID="Sentinel-2B")
        file.update_tags(ns="OUR_ARCHIVE", SHELF="7")
        for i in file.indexes:
            file.update_tags(i, DETECTOR=str(i), STATISTICS_MEAN="1")
            file.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM="0.5", FWHM_UM="0.05")
            file.update_tags(i, ns="OUR_ARCHIVE", SHELF=str(7 + i))
        if place == "points":
            file.gcps = (POINTS, CRS.from_epsg(4326))
        file.write(values)
    return path


def rescale(path: Path, scale: float, offset: float) -> Path:
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,) * file.count, (offset,) * file.count
    return path


def restore(source: Path, target: Path, change=lambda values: values, sensor: str | None = "sentinel2-l1c", **options):
    """Read, change and write; the numbers before and after."""
    scene = open_scene(source, sensor)
    write_like(target, change(scene.values), read_profile(source, sensor), **options)
    with rasterio.open(source) as before, rasterio.open(target) as after:
        return before.read(), after.read()


def facts(path: Path) -> dict[str, object]:
    """What must not change."""
    with rasterio.open(path) as file:
        return {
            "crs": file.crs,
            "transform": file.transform,
            "points": [(p.row, p.col, p.x, p.y) for p in file.gcps[0]],
            "points crs": file.gcps[1],
            "shape": (file.count, *file.shape),
            "dtypes": file.dtypes,
            "nodata": repr(file.nodata),
            "descriptions": file.descriptions,
            "units": file.units,
            "scales": file.scales,
            "offsets": file.offsets,
            "colours": file.colorinterp,
            "masks": file.mask_flag_enums,
            "tags": {key: text for key, text in file.tags().items() if key not in ("AREA_OR_POINT",)},
            "wavelengths": [file.tags(i, ns="IMAGERY") for i in file.indexes],
            "satellite": file.tags(ns="IMAGERY"),
            "shelves": [file.tags(i, ns="OUR_ARCHIVE") for i in (0, *file.indexes)],
            "detectors": [file.tags(i).get("DETECTOR") for i in file.indexes],
        }
