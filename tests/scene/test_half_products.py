"""Products that lack something, and folders that are none: one line that names what is wrong."""

import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from llars.errors import RasterError
from llars.scene import open_scene


def refusal(path: Path | str) -> str:
    with pytest.raises(RasterError) as caught:
        open_scene(path).values  # noqa: B018  (pixels may be read only now)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_band_is_named_and_what_is_whole_is_offered(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    next(safe.rglob("*_B03_10m.jp2")).unlink()
    said = refusal(safe)
    assert "lacks B03 of 10m" in said and f"{safe}:20m" in said
    assert open_scene(f"{safe}:20m").shape == (6, 96, 96)
    landsat = miniatures.landsat(tmp_path)
    next(landsat.glob("*_B5.TIF")).unlink()
    assert "lacks B5 of 30m" in refusal(landsat)


def test_missing_metadata_are_named(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L1C")
    (safe / "MTD_MSIL1C.xml").unlink()
    assert "no MTD_MSIL1C.xml" in refusal(safe)
    landsat = miniatures.landsat(tmp_path)
    next(landsat.glob("*_MTL.txt")).unlink()
    assert "lacks its _MTL" in refusal(landsat)
    radar = miniatures.sentinel1(tmp_path)
    next(radar.glob("annotation/calibration/*-vh-*.xml")).unlink()
    assert "lacks annotation/calibration/calibration-s1a-iw-grd-vh" in refusal(radar)


@pytest.mark.parametrize("share", [0.02, 0.6])
@pytest.mark.parametrize("manifest", [True, False])
def test_a_truncated_image_is_named(miniatures: ModuleType, tmp_path, share, manifest) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    image = next(safe.rglob("*_B04_10m.jp2"))
    content = image.read_bytes()
    image.write_bytes(content[: int(len(content) * share)])
    if not manifest:
        (safe / "manifest.safe").unlink()
    said = refusal(safe)
    assert image.name in said
    if manifest:
        assert f"expected {len(content)} by the manifest" in said


def test_damaged_metadata_are_named(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    metadata = safe / "MTD_MSIL2A.xml"
    text = metadata.read_text()
    metadata.write_text(text[: len(text) // 2])
    assert "MTD_MSIL2A.xml is no XML" in refusal(safe)
    metadata.write_text(text.replace("BOA_QUANTIFICATION_VALUE", "OTHER"))
    assert "no BOA_QUANTIFICATION_VALUE" in refusal(safe)
    landsat = miniatures.landsat(tmp_path, form="json")
    next(landsat.glob("*_MTL.json")).write_text("{}")
    assert "_MTL.json is damaged" in refusal(landsat)


def test_a_grid_that_is_not_there_is_refused_with_those_that_are(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    said = refusal(f"{safe}:15m")
    assert "'15m'" in said and "10m, 20m, 60m" in said


def test_other_products_are_told_apart(miniatures: ModuleType, tmp_path) -> None:
    radar = miniatures.sentinel1(tmp_path / "a")
    for file in radar.glob("measurement/*"):
        file.rename(file.with_name(file.name.replace("-grd-", "-slc-")))
    assert "single-look complex" in refusal(radar)
    etm = miniatures.landsat(tmp_path / "etm", 1)
    for file in etm.iterdir():
        file.rename(file.with_name(file.name.replace("LC08", "LE07")))
    assert "Landsat 7 Level-1" in refusal(etm)
    miniatures.landsat(tmp_path / "b", 1)
    miniatures.landsat(tmp_path / "b", 2)
    assert "2 Landsat scenes" in refusal(tmp_path / "b")
    miniatures.sentinel2(tmp_path / "c", "L1C")
    miniatures.sentinel2(tmp_path / "c", "L2A")
    assert "2 Sentinel-2 products" in refusal(tmp_path / "c")


def test_folders_and_archives_of_something_else_say_what_is_in_them(tmp_path, example: Path) -> None:
    folder = tmp_path / "things"
    folder.mkdir()
    assert "without files" in refusal(folder)
    (folder / "notes.txt").write_text("nothing")
    assert "1 files, none of them an image" in refusal(folder)
    (folder / "scene.tif").write_bytes(example.read_bytes())
    said = refusal(folder)
    assert "1 images (scene.tif)" in said and str(folder / "scene.tif") in said and "Sentinel-2" in said
    archive = tmp_path / "scene.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "scene.tif", "scene.tif")
    said = refusal(archive)
    assert "/vsizip/" in said
    assert open_scene(said.partition("give one of them (")[2].rstrip(")")).shape[0] == 10
    archive.write_bytes(archive.read_bytes()[:-100])
    assert "no whole zip archive" in refusal(archive)


def test_a_link_to_nowhere_is_no_file(miniatures: ModuleType, tmp_path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "broken.tif").symlink_to(folder / "nowhere.tif")
    assert "is a folder without files" in refusal(folder)
    safe = miniatures.sentinel2(tmp_path, "L2A")
    image = next(safe.rglob("*_B03_10m.jp2"))
    image.unlink()
    image.symlink_to(tmp_path / "nowhere.jp2")
    assert "lacks B03 of 10m" in refusal(safe)


def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "found an empty name as input" in refusal("")


def test_bands_of_two_grids_are_told_from_damage(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    said = refusal(f"{safe}:B02,B11,B12")
    assert "bands of 2 grids (B02 of 10m and B11,B12 of 20m), expected those of one" in said
    assert said.endswith(f"open {safe}:B02 and {safe}:B11,B12")
    assert open_scene(f"{safe}:B12,B11").shape[0] == 2
