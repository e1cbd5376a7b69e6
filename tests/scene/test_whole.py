"""Truncated PNG and JPEG files, which GDAL reads as if nothing were missing."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from llars.errors import RasterError
from llars.scene import open_scene
from llars.scene.whole import check_whole

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

THUMBNAIL = b"\xff\xe1\x00\x0e" + b"\xff\xd8 small \xff\xd9\x00"
"""A segment of 12 bytes with a whole JPEG in it, as cameras write them."""


@pytest.fixture(params=["png", "jpg"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(0, 255, (3, 64, 80)).astype(np.uint8)
    path = tmp_path / f"picture.{request.param}"
    driver = {"png": "PNG", "jpg": "JPEG"}[request.param]
    with rasterio.open(path, "w", driver=driver, count=3, height=64, width=80, dtype="uint8") as target:
        target.write(values)
    return path


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_picture_is_refused_in_one_line(picture: Path, share: float) -> None:
    content = picture.read_bytes()
    picture.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RasterError, match=r"is a truncated (PNG|JPEG).*fetch it again") as caught:
        open_scene(picture)
    assert str(picture) in str(caught.value) and "\n" not in str(caught.value)


def test_a_whole_picture_passes_and_so_do_bytes_behind_its_end(picture: Path) -> None:
    assert open_scene(picture).shape == (3, 64, 80)
    picture.write_bytes(picture.read_bytes() + b"\0\0 a comment")
    check_whole(picture)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    scan = b"\xff\xda\x00\x02 pixels \xff\x00 and \xff\xd0 more"
    path.write_bytes(b"\xff\xd8" + THUMBNAIL + scan)
    with pytest.raises(RasterError, match="truncated JPEG"):
        check_whole(path)
    path.write_bytes(b"\xff\xd8" + THUMBNAIL + scan + b"\xff\xd9")
    check_whole(path)


def test_other_files_and_addresses_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture at all")
    for path in (
        tmp_path / "empty.png",
        tmp_path / "text.png",
        tmp_path,
        "s3://bucket/a.png",
        tmp_path / "missing.png",
    ):
        check_whole(path)
