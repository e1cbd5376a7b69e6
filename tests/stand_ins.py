"""Small files under the names that the documentation gives to files of its readers."""

import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from tests.blocks import REPOSITORY

RED_TO_NEAR_INFRARED = ("B02", "B03", "B04", "B08")
SCENES = ("mine", "bad", "noisy", "scene", "cloudy", "in")
LAND, COARSE = ("B2", "B3", "B4", "B5"), ("B3", "B4", "B1", "B2")
LANDSAT, LEVEL_2 = (
    f"LC0{name}_02_T1" for name in ("9_L1TP_197031_20230701_20230703", "8_L2SP_197031_20230701_20230703")
)


def land(bands: int, side: int, seed: int) -> np.ndarray:
    """Reflectance that varies smoothly, with a little noise."""
    y, x = np.mgrid[:side, :side] / side
    smooth = np.stack([0.2 + 0.1 * np.sin((5 + band) * x + seed) * np.cos(7 * y) for band in range(bands)])
    return smooth + np.random.default_rng(seed).normal(0, 0.01, smooth.shape)


def raster(path: Path, values: np.ndarray, gsd: float, sensor: str = "", names: tuple[str, ...] = ()) -> None:
    """A GeoTIFF whose upper left corner is the same for all."""
    count, height, width = values.shape
    grid = {"crs": "EPSG:32630", "transform": from_origin(500_000, 5_800_000, gsd, gsd)}
    shape = {"count": count, "height": height, "width": width, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **grid) as file:
        file.write(values.astype(np.float32))
        file.descriptions = names or (None,) * count
        file.update_tags(**({"SENSOR": sensor} if sensor else {}))


def furnish_with_scenes(folder: Path) -> None:
    """Scenes, guides and products."""
    for number, name in enumerate(SCENES):
        raster(folder / f"{name}.tif", land(4, 96, number), 10.0, "sentinel2-l2a", RED_TO_NEAR_INFRARED)
    raster(folder / "ms.tif", land(4, 48, 3), 30.0, "landsat8-oli-toa", LAND)
    for name in ("pan", "B8"):
        raster(folder / f"{name}.tif", land(1, 96, 3), 15.0, "landsat8-oli-toa", ("B8",))
    decibels = 10 * np.log10(land(2, 96, 5))
    for name in ("s1", "backscatter"):
        raster(folder / f"{name}.tif", decibels, 10.0, "sentinel1-grd-db", ("VV", "VH"))
    raster(folder / "landsat_before.tif", land(4, 128, 6), 30.0, "landsat8-oli-sr", LAND)
    for number, name in enumerate(("modis_before", "modis_now")):
        raster(folder / f"{name}.tif", land(4, 16, 6 + number), 240.0, "modis-mod09", COARSE)
    _products(folder)


def _products(folder: Path) -> None:
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    try:
        from miniatures import products
    finally:
        sys.path.remove(str(REPOSITORY / "scripts"))
    made = folder / "made"
    made.mkdir()
    optical = products.sentinel2(made, "L2A", side=96)
    for name in ("S2B_MSIL2A_20240601.SAFE", "S2B_MSIL2A_....SAFE", "archive/S2B_MSIL2A_20240601.SAFE"):
        shutil.copytree(optical, folder / name)
    for name in ("S2B_MSIL2A_20240601", "S2B_MSIL2A_..."):
        shutil.make_archive(str(folder / name), "zip", made, optical.name)
        shutil.move(folder / f"{name}.zip", folder / f"{name.rstrip('.')}{'....' if '...' in name else '.'}zip")
    shutil.copytree(products.sentinel1(made), folder / "S1A_IW_GRDH_1SDV_20240601.SAFE")
    for level, names in ((1, (LANDSAT, "LC09_L1TP_..._T1")), (2, (LEVEL_2,))):
        scene = products.landsat(folder / f"landsat{level}", level=level)
        for name in names:
            with tarfile.open(folder / f"{name}.tar", "w") as archive:
                for path in sorted(scene.iterdir()):
                    archive.add(path, path.name)
