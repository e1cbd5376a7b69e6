"""Where pixels lie, and how large they are."""

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine
from tests.scene.files import S2, from_origin, write

from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_the_sampling_distance_is_that_of_the_grid(tmp_path: Path, numbers: np.ndarray) -> None:
    def gsd(name: str, **options) -> float | None:
        return open_scene(write(tmp_path / f"{name}.tif", numbers, S2, **options)).attrs["bands"][0].gsd_m

    assert gsd("metres", transform=from_origin(5e5, 5e6, 20, 20)) == 20
    assert gsd("turned", transform=Affine(12, 16, 5e5, 16, -12, 5e6)) == pytest.approx(20)
    assert gsd("feet", crs=CRS.from_epsg(2263)) == pytest.approx(10 * 1200 / 3937)
    assert gsd("nothing", crs=None, transform=None) == 10  # Sentinel-2's own
    degrees = from_origin(10, 60, 0.001, 0.001)
    assert gsd("degrees", crs=CRS.from_epsg(4326), transform=degrees) == pytest.approx(
        111.195 * math.sqrt(math.cos(math.radians(59.98))), rel=1e-3
    )
    web = from_origin(0, 8_399_738, 10, 10)  # 60 degrees north: map metres are half as long
    assert gsd("web", crs=CRS.from_epsg(3857), transform=web) == pytest.approx(5.0, rel=1e-2)


def test_rotated_and_control_point_grids_keep_their_place(tmp_path: Path, numbers: np.ndarray) -> None:
    turned = Affine(8, 6, 5e5, 6, -8, 5e6)
    scene = open_scene(write(tmp_path / "turned.tif", numbers, S2, transform=turned))
    assert scene.rio.transform() == turned
    points = [
        GroundControlPoint(0, 0, 10.0, 50.0),
        GroundControlPoint(0, 50, 10.01, 50.0),
        GroundControlPoint(40, 0, 10.0, 49.99),
    ]
    loose = write(tmp_path / "points.tif", numbers, S2, crs=None, transform=None)
    with rasterio.open(loose, "r+") as file:
        file.gcps = (points, CRS.from_epsg(4326))
    scene = open_scene(loose)
    assert [(p.row, p.col, p.x, p.y) for p in scene.rio.get_gcps()] == [(p.row, p.col, p.x, p.y) for p in points]
    # 0.01 degrees of longitude at 50 degrees north are 715 m on 50 pixels, 0.01 of latitude 1112 m on 40
    assert scene.attrs["bands"][0].gsd_m == pytest.approx(math.sqrt(715 / 50 * 1112 / 40), rel=1e-2)
