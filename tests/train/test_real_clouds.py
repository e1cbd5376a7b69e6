"""Facts about the targets that a clear date gives for real clouds."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from llars.bands import Band
from llars.errors import DataError
from llars.train.real_clouds import Scene, compared, draw_real, read_scenes

BANDS = tuple(Band(name, wavelength_nm=nm) for name, nm in (("B2", 490.0), ("B4", 665.0), ("B8", 842.0)))
SIDE = 96
CLOUD, SHADOW, FIELD = (np.s_[8:24, 8:24], np.s_[40:56, 40:56], np.s_[70:90, 8:24])
"""Where a cloud, its shadow, and a field lie that became brown."""


def ground() -> np.ndarray:
    rng = np.random.default_rng(0)
    levels = np.array([0.05, 0.08, 0.3])[:, None, None]
    return (levels * (1.0 + 0.1 * rng.standard_normal((3, SIDE, SIDE)))).astype(np.float32)


def cloudy(clear: np.ndarray, opacity: float = 0.9) -> np.ndarray:
    image = clear.copy()
    image[:, *CLOUD] = (1.0 - opacity) * image[:, *CLOUD] + opacity * 0.7
    image[:, *SHADOW] *= 0.4
    image[:, *FIELD] *= np.array([1.0, 1.5, 0.8], np.float32)[:, None, None]
    return image


def scene(image: np.ndarray, clear: np.ndarray) -> Scene:
    return compared(image, clear, BANDS, np.ones((SIDE, SIDE), dtype=bool))


def test_clouds_are_brighter_and_shadows_darker_than_on_the_clear_date() -> None:
    clear = ground()
    opacity, touched, shadow, weight = scene(cloudy(clear), clear).target
    # An opacity of 0.9 is beyond the brightness from which clouds count as opaque.
    assert opacity[CLOUD].min() == 1.0 and touched[CLOUD].all() and weight[CLOUD].all()
    assert shadow[SHADOW].min() > 0.6 and touched[SHADOW].all() and not opacity[SHADOW].any()
    elsewhere = np.ones((SIDE, SIDE), dtype=bool)
    elsewhere[CLOUD] = elsewhere[SHADOW] = False
    assert not touched[elsewhere].any()
    # The field is darker in the near infrared, which may be a faint shadow; the rest is certainly clear.
    elsewhere[FIELD] = False
    assert weight[elsewhere].mean() > 0.99


def test_haze_and_light_of_the_date_are_no_cloud_but_overcast_is_one() -> None:
    clear = ground()
    hazy = scene(cloudy(clear) + np.float32(0.06), clear).target
    assert hazy[1][CLOUD].all() and not hazy[1][70:, 40:].any()
    overcast = scene(np.full_like(clear, 0.5) + 0.1 * clear, clear).target
    assert (overcast[0] == 1.0).all() and overcast[3].all()


def test_thin_clouds_are_half_opaque_and_faint_ones_do_not_count() -> None:
    clear = ground()
    image = cloudy(clear)
    image[:, 8:24, 60:76] += 0.15
    image[:, 40:56, 60:76] += 0.035
    opacity, touched, _, weight = scene(image, clear).target
    assert 0.3 < np.median(opacity[8:24, 60:76]) < 0.6
    assert not touched[40:56, 60:76].any() and not weight[40:56, 60:76].any()


def test_a_cloud_on_the_other_date_is_no_shadow() -> None:
    clear = ground()
    _, touched, shadow, weight = scene(clear, cloudy(clear)).target
    assert not shadow[CLOUD].any() and not touched[CLOUD].any() and not weight[CLOUD].any()


def test_crops_carry_image_target_and_weight_together() -> None:
    clear = ground()
    image = cloudy(clear)
    image[:, *CLOUD] = 0.9
    examples = draw_real([scene(image, clear)], 16, 48, np.random.default_rng(1))
    assert examples.image.shape == (16, 3, 48, 48) and examples.target.shape == (16, 3, 48, 48)
    assert examples.weight is not None and examples.weight.shape == (16, 1, 48, 48)
    brightest = examples.image.amin(1) / examples.image.amax((1, 2, 3), keepdim=True)[:, 0] > 0.95
    is_cloud = examples.target[:, 0] == 1.0
    seen = is_cloud.any(2).any(1)
    assert seen.any() and (brightest[seen] == is_cloud[seen]).all()


def listed(
    root: Path,
    name: str,
    image: np.ndarray,
    split: str = "train",
    sensor: str = "sentinel2-l2a",
    bands: str = "B02 B04 B08",
) -> dict[str, object]:
    """The entry in a catalogue of an image, which is written."""
    options = {"driver": "GTiff", "dtype": "uint16", "transform": from_origin(300_000, 5_000_000, 10, 10)}
    with rasterio.open(root / f"{name}.tif", "w", width=SIDE, height=SIDE, count=len(image), **options) as file:
        file.write((1e4 * image).round().astype(np.uint16))
    return (
        {"id": name, "file": f"{name}.tif", "sensor": sensor, "bands": bands.split()}
        | {"scale": 1e-4, "offset": 0.0, "units": "reflectance", "gsd_m": 10, "nodata": None, "role": "clear"}
        | {"group": "place", "split": split, "tasks": ["cloud"], "source": "", "licence": "CC0", "note": ""}
    )


def test_images_that_are_not_for_training_are_refused(tmp_path: Path) -> None:
    entry = listed(tmp_path, "one", ground(), split="test")
    (tmp_path / "scenes.json").write_text(json.dumps([entry]))
    with pytest.raises(DataError, match="no image one of the split train"):
        read_scenes(tmp_path, {"pairs": {"one": "one"}})


def test_sensors_are_compared_in_the_bands_of_both(tmp_path: Path) -> None:
    clear = ground()
    entries = [
        listed(tmp_path, "cloudy", cloudy(clear)),
        listed(tmp_path, "clear", clear[[1, 0]], sensor="landsat8-oli-l1", bands="B4 B2"),
    ]
    (tmp_path / "scenes.json").write_text(json.dumps(entries))
    (found,) = read_scenes(tmp_path, {"pairs": {"cloudy": "clear"}})
    assert [band.name for band in found.bands] == ["B02", "B04", "B08"] and len(found.image) == 3
    assert found.target[0][CLOUD].min() == 1.0 and not found.target[1][:8].any()
    listed(tmp_path, "clear", clear[[2]], sensor="landsat8-oli-l1", bands="B7")
    entries[1]["bands"] = ["B7"]
    (tmp_path / "scenes.json").write_text(json.dumps(entries))
    with pytest.raises(DataError, match="have no band in common"):
        read_scenes(tmp_path, {"pairs": {"cloudy": "clear"}})


def test_pairs_and_series_are_read_from_a_catalogue(tmp_path: Path) -> None:
    clear = ground()
    entries = [listed(tmp_path, name, image) for name, image in (("cloudy", cloudy(clear)), ("clear", clear))]
    dates = np.full((3, 6, 32, 32), 1500, np.uint16)
    dates[1, :, :16] = 6000
    classes = np.full((3, 32, 32), 4, np.uint8)
    classes[1, :16] = 9
    np.savez(
        tmp_path / "series.npz",
        s2_20m=dates,
        s2_20m_bands=["B05", "B06", "B07", "B8A", "B11", "B12"],
        s2_20m_scl=classes,
        s2_20m_days=np.array([0.0, 5.0, 40.0]) * 86400,
    )
    entries.append({"id": "series", "file": "series.npz", "split": "train", "role": "series"})
    (tmp_path / "scenes.json").write_text(json.dumps(entries))
    pair, date = read_scenes(tmp_path, {"pairs": {"cloudy": "clear"}, "series": {"series": []}})
    assert pair.image.shape == (3, SIDE, SIDE) and pair.target[0][CLOUD].min() == 1.0
    # Interpolation blurs the edge between the two halves over a few pixels.
    assert date.image.shape == (6, 64, 64)
    assert (date.target[0][:28] == 1.0).all() and not date.target[1][36:].any()
