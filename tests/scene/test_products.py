"""Products of Sentinel and Landsat, opened like a file: the right bands, the right values, on the right grid."""

import gc
import math
import re
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import rasterio

from llars.scene import open_scene
from llars.scene.products import grids_of, named_like_product, part_of, virtual_raster


def names(scene) -> list[str]:
    return scene.band.values.tolist()


def zipped(product: Path, place: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(place, "w", method) as archive:
        for file in sorted(product.rglob("*")):
            archive.write(file, Path(product.name) / file.relative_to(product))
    return place


def tarred(product: Path, place: Path) -> Path:
    with tarfile.open(place, "w:gz" if place.name.endswith("gz") else "w") as archive:
        for file in sorted(product.iterdir()):
            archive.add(file, file.name)
    return place


@pytest.mark.parametrize(("level", "others"), [("L1C", ["B01", "B09", "B10"]), ("L2A", ["B01", "B09"])])
@pytest.mark.parametrize("offset", [-1000, 0])
def test_sentinel2_opens_as_its_10_m_bands_in_reflectance(
    miniatures: ModuleType, tmp_path, level, others, offset
) -> None:
    safe = miniatures.sentinel2(tmp_path, level, offset)
    scene = open_scene(safe)
    assert names(scene) == ["B02", "B03", "B04", "B08"]
    assert scene.attrs["sensor"] == f"sentinel2-{level.lower()}"
    assert scene.attrs["bands"][0].gsd_m == 10
    # The landscape lies between 0.05 and 0.45 before it is rounded to 1e-4: a forgotten offset would show as 0.1.
    bands = list(miniatures.MSI) if level == "L1C" else [band for band in miniatures.MSI if band != "B10"]
    truth = miniatures.reflectance(len(bands), 192)[bands.index("B04")]
    red = scene.sel(band="B04").values
    assert np.isnan(red[:6, :6]).all() and np.isfinite(red).sum() == red.size - 36
    assert np.nanmax(np.abs(red - truth)) < 1e-4
    assert names(open_scene(part_of(safe, "60m"))) == others
    fine, coarse = open_scene(safe), open_scene(f"{safe}:20m")
    assert names(coarse) == ["B05", "B06", "B07", "B8A", "B11", "B12"]
    assert coarse.rio.bounds() == fine.rio.bounds()
    assert names(open_scene(part_of(safe, "B8A", "B05"))) == ["B8A", "B05"]
    assert any(":20m" in note for note in scene.attrs["notes"])


def test_offsets_are_taken_by_the_number_of_the_band(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel2(tmp_path, "L2A")
    before = open_scene(part_of(safe, "B8A")).values
    metadata = safe / "MTD_MSIL2A.xml"
    text = metadata.read_text()
    # B8A is number 8, between B08 and B09.
    metadata.write_text(text.replace('band_id="8">-1000', 'band_id="8">-500'))
    (safe / "manifest.safe").unlink()
    assert np.nanmax(np.abs(open_scene(part_of(safe, "B8A")).values - before - 0.05)) < 1e-6
    assert np.nanmax(np.abs(open_scene(part_of(safe, "B12")).values)) < 0.46


@pytest.mark.parametrize("kind", ["stored", "deflated", "metadata", "folder around"])
def test_a_product_opens_alike_in_every_form(miniatures: ModuleType, tmp_path, kind) -> None:
    safe = miniatures.sentinel2(tmp_path / "around", "L2A")
    forms = {
        "stored": lambda: zipped(safe, tmp_path / f"{safe.stem}.zip", zipfile.ZIP_STORED),
        "deflated": lambda: zipped(safe, tmp_path / f"{safe.stem}.zip"),
        "metadata": lambda: safe / "MTD_MSIL2A.xml",
        "folder around": lambda: tmp_path / "around",
    }
    scene, other = open_scene(safe), open_scene(forms[kind]())
    np.testing.assert_array_equal(scene.values, other.values)
    assert scene.attrs["bands"] == other.attrs["bands"]
    assert scene.rio.crs == other.rio.crs


def test_products_are_read_when_they_are_used(miniatures: ModuleType, tmp_path, monkeypatch) -> None:
    """What is larger than the sample comes window by window."""
    monkeypatch.setattr("llars.scene.opening.SAMPLE", 64)
    safe = miniatures.sentinel2(tmp_path, "L2A")
    scene = open_scene(safe)
    assert not scene.variable._in_memory
    part = scene[1:3, 50:90, 100:130].values
    with rasterio.open(next(safe.rglob("*_B03_10m.jp2"))) as file:
        stored = file.read(1, window=((50, 90), (100, 130)))
    np.testing.assert_allclose(part[0], stored * 1e-4 - 0.1, atol=1e-6)


@pytest.mark.parametrize("form", ["txt", "json", "xml"])
def test_landsat_level_1_is_reflectance_corrected_for_the_sun(miniatures: ModuleType, tmp_path, form) -> None:
    product = miniatures.landsat(tmp_path, 1, form)
    scene = open_scene(product)
    assert names(scene) == ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9"]
    assert scene.attrs["sensor"] == "landsat8-oli-toa"
    sine = math.sin(math.radians(miniatures.SUN_ELEVATION))
    fine = miniatures.reflectance(8, 192)[3].reshape(96, 2, 96, 2).mean((1, 3))
    assert np.nanmax(np.abs(scene.sel(band="B4").values - fine / sine)) < 2e-5 / sine
    # Fill is where the flags say so, in every band, wherever the band itself ends.
    gaps = np.isnan(scene.values)
    assert gaps[:, :5, :5].all() and gaps.sum() == 8 * 25
    pan = open_scene(part_of(product, "pan"))
    assert names(pan) == ["B8"] and pan.shape == (1, 192, 192) and pan.attrs["bands"][0].gsd_m == 15
    assert grids_of(product) == ("30m", "pan")


def test_landsat_level_2_takes_its_own_scale_and_not_level_1s(miniatures: ModuleType, tmp_path) -> None:
    product = miniatures.landsat(tmp_path, 2)
    scene = open_scene(product)
    assert names(scene) == ["B1", "B2", "B3", "B4", "B5", "B6", "B7"]
    assert scene.attrs["sensor"] == "landsat8-oli-sr"
    fine = miniatures.reflectance(8, 192)[4].reshape(96, 2, 96, 2).mean((1, 3))
    assert np.nanmax(np.abs(scene.sel(band="B5").values - fine)) < 2.75e-5
    for file in product.glob("*_MTL.*"):
        file.unlink()
    np.testing.assert_allclose(open_scene(product).values, scene.values)
    assert any("2.75e-05" in note for note in open_scene(product).attrs["notes"])


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_landsat_opens_from_archives(miniatures: ModuleType, tmp_path, suffix) -> None:
    product = miniatures.landsat(tmp_path, 1)
    archive = tmp_path / f"{product.name}{suffix}"
    (zipped if suffix == ".zip" else tarred)(product, archive)
    np.testing.assert_array_equal(open_scene(archive).values, open_scene(product).values)
    assert open_scene(part_of(archive, "pan")).shape == (1, 192, 192)


def test_sentinel1_is_sigma_nought_in_decibel(miniatures: ModuleType, tmp_path) -> None:
    safe = miniatures.sentinel1(tmp_path)
    scene = open_scene(safe)
    assert names(scene) == ["VV", "VH"]
    assert (scene.attrs["sensor"], scene.attrs["units"]) == ("sentinel1-grd-db", "dB")
    with rasterio.open(next(safe.glob("measurement/*-vv-*.tiff"))) as file:
        amplitude = file.read(1).astype(float)
    gain = miniatures.calibration(np.arange(150)[:, None], np.arange(170)[None])
    with np.errstate(divide="ignore"):
        truth = 20 * np.log10(amplitude / gain)
    # The miniature's table is a plane, which interpolation between its nodes gives back; the rest is float32.
    assert np.abs(scene.values[0, :, 6:] - truth[:, 6:]).max() < 1e-4
    assert np.isnan(scene.values[:, :, :6]).all()
    assert len(scene.rio.get_gcps()) == 9
    assert 10 * math.log10(float((10 ** (scene.values[0, :, 6:] / 10)).mean())) == pytest.approx(-10, abs=0.2)


def test_calibration_does_not_depend_on_the_window(miniatures: ModuleType, tmp_path, monkeypatch) -> None:
    safe = miniatures.sentinel1(tmp_path)
    whole = open_scene(safe).values
    monkeypatch.setattr("llars.scene.opening.SAMPLE", 64)
    np.testing.assert_allclose(open_scene(safe)[:, 33:77, 41:113].values, whole[:, 33:77, 41:113], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S2A_MSIL2A_20220801T100031_N0400_R122_T33UVP_20220801T134102.SAFE", True),
        ("S2A_MSIL2A_20220801T100031_N0400_R122_T33UVP_20220801T134102.zip", True),
        ("LC08_L1TP_193029_20210801_20210810_02_T1", True),
        ("LC08_L1TP_193029_20210801_20210810_02_T1.tar", True),
        ("LC08_L1TP_193029_20210801_20210810_02_T1_MTL.txt", False),
        ("S2A_results", False),
        ("S2A_T33UVP.jp2", False),
    ],
)
def test_products_are_known_by_their_names(name, expected) -> None:
    assert named_like_product(f"folder/{name}") is expected


def calibrations(text: str) -> list[str]:
    """The files in memory that the text of a VRT names."""
    return re.findall(r"/vsimem/[^<&]+", text)


def there(name: str) -> bool:
    try:
        rasterio.open(name).close()
    except rasterio.errors.RasterioIOError:
        return False
    return True


def test_calibrations_go_with_the_last_who_reads_them(miniatures: ModuleType, tmp_path) -> None:
    """A product's calibration lay in memory for as long as the process lived."""
    held = virtual_raster(miniatures.sentinel1(tmp_path / "held"))
    made = []
    for number in range(30):
        safe = miniatures.sentinel1(tmp_path / str(number), 20, 24)
        made += calibrations(virtual_raster(safe))
        assert np.isfinite(open_scene(safe).values).any()
    assert len(set(made)) == 60
    gc.collect()
    # 16 texts of VRTs are remembered, and the files kept open are among them.
    assert sum(map(there, made)) == 2 * 16
    with rasterio.open(held) as file:
        assert np.isfinite(file.read()).any()
