"""What is measured of faults, on images in which they are known."""

import math

import numpy as np
import pytest
import torch

import llars
from llars import degrade
from llars.bands import Band, Modality
from llars.infer.diagnosis.air import air_features, visible_bands
from llars.infer.diagnosis.blur import find_blur, spread_of
from llars.infer.diagnosis.lines import find_stripes
from llars.infer.diagnosis.survey import survey
from llars.infer.initial.destriping import line_corrections
from llars.infer.reading.layers import Filled
from llars.infer.reading.sources import ImageSource
from llars.initial.deconvolution import Kernel
from llars.initial.noise import equivalent_looks, noise_sigma
from llars.sensors import get_sensor

RNG = np.random.default_rng(5)


def smooth_ground(bands: int = 3, side: int = 128) -> np.ndarray:
    """Hills that no single pixel shows, alike in all bands."""
    y, x = np.mgrid[:side, :side] / side
    hills = sum(np.sin(2 * math.pi * (a * y + b * x + a * b)) for a, b in ((1, 2), (3, 1), (2, 5))) / 12
    return np.stack([0.4 + (0.7 + 0.1 * band) * hills for band in range(bands)]).astype(np.float32)


def textured(bands: int = 3, side: int = 128) -> np.ndarray:
    """Fields with hard edges and texture that all bands share, in half of the image."""
    ground = smooth_ground(bands, side)
    texture = RNG.normal(0, 0.04, (side, side)).astype(np.float32)
    texture[:, : side // 2] = 0
    return ground + texture * np.linspace(0.8, 1.2, bands, dtype=np.float32)[:, None, None]


@pytest.mark.parametrize("sigma", [0.01, 0.05])
@pytest.mark.parametrize("ground", [smooth_ground, textured])
def test_noise_is_measured_and_texture_is_not(ground, sigma):
    image = ground()[None]
    valid = np.ones(image.shape, dtype=bool)
    noisy = image + RNG.normal(0, sigma, image.shape).astype(np.float32)
    assert noise_sigma(image, valid).max() < 0.001
    # Cells of 64 values, and a bias that is known to 5 %.
    assert noise_sigma(noisy, valid) == pytest.approx(np.full(3, sigma), rel=0.12)


def test_noise_of_each_band_is_its_own():
    image = textured(4)[None]
    sigma = np.array([0.01, 0.02, 0.04, 0.02])
    noisy = image + (RNG.normal(0, 1, image.shape) * sigma[:, None, None]).astype(np.float32)
    assert noise_sigma(noisy, np.ones(image.shape, dtype=bool)) == pytest.approx(sigma, rel=0.2)


def test_filled_gaps_do_not_hide_noise():
    image = smooth_ground()[None] + RNG.normal(0, 0.03, (1, 3, 128, 128)).astype(np.float32)
    valid = np.ones(image.shape, dtype=bool)
    valid[..., :60, :] = False
    image[~valid] = 0.3 + 1e-3 * RNG.normal(size=int((~valid).sum()))
    assert noise_sigma(image, valid) == pytest.approx(np.full(3, 0.03), rel=0.12)
    assert (noise_sigma(image, np.zeros_like(valid)) == 0).all()


def test_a_survey_counts_noise_that_neighbours_share(example_values):
    ground = example_values[1:4] / example_values[1:4].max()
    noisy = np.asarray(degrade.get("resampled_noise")(ground, 0.4, np.random.default_rng(2)))
    bands = get_sensor("sentinel2-l2a").bands[1:4]
    found = survey(Filled.of(ImageSource(noisy), bands), [(0.0, 1.0)] * 3)
    assert found.sigma == pytest.approx(np.full(3, 0.04), rel=0.3)


def test_a_survey_of_radar_alone_counts_looks():
    power = np.random.default_rng(9).gamma(4.0, 0.25, (2, 96, 96)).astype(np.float32)
    decibels = 0.6 + np.log10(power) * 10.0 / 40.0
    bands = get_sensor("sentinel1-grd-db").bands[:2]
    found = survey(Filled.of(ImageSource(decibels.astype(np.float32)), bands), [(-35.0, 5.0)] * 2)
    assert found.looks == pytest.approx(4.0, rel=0.35)
    assert found.impulses == 0.0


def test_a_survey_counts_defective_pixels_apart_from_noise(example_values):
    ground = example_values[1:4] / example_values[1:4].max()
    bands = get_sensor("sentinel2-l2a").bands[1:4]
    spoiled = np.asarray(degrade.get("impulse_noise")(ground, 0.3, np.random.default_rng(2)))
    clean, found = (survey(Filled.of(ImageSource(image), bands), [(0.0, 1.0)] * 3) for image in (ground, spoiled))
    assert clean.impulses == 0.0
    assert found.impulses == pytest.approx(0.03, rel=0.2)
    assert found.sigma == pytest.approx(clean.sigma, abs=0.002)


@pytest.mark.parametrize("looks", [1.0, 4.0, 16.0])
def test_looks_of_speckle_are_counted(looks):
    power = RNG.gamma(looks, 1 / looks, (4, 1, 64, 64)).astype(np.float32)
    assert equivalent_looks(power, np.ones(power.shape, dtype=bool)) == pytest.approx(looks, rel=0.35)


def test_blur_is_told_with_its_width(example_values):
    ground = torch.from_numpy(example_values)
    sharp = find_blur(windows_of(example_values))
    assert (sharp.kind, sharp.spread_px < 0.4) == ("none", True)
    soft = find_blur(windows_of(degrade.get("gaussian_blur")(ground, 0.7).numpy()))
    assert soft.kind == "gaussian"
    assert soft.size_px == pytest.approx(1.4, abs=0.3)
    moved = find_blur(windows_of(degrade.get("motion_blur")(ground, 0.5, torch.Generator().manual_seed(3)).numpy()))
    assert moved.kind == "motion"
    assert moved.size_px == pytest.approx(8.0, abs=2.5)
    assert moved.spread_px > 3 * sharp.spread_px


def test_spread_is_the_second_moment():
    assert spread_of(Kernel("none")) == 0
    assert spread_of(Kernel("gaussian", 1.5)) == 1.5
    assert spread_of(Kernel("defocus", 3.0)) == 1.5
    assert spread_of(Kernel("motion", 12.0)) == pytest.approx(math.sqrt(12.0**2 / 12 / 2))


@pytest.mark.parametrize("rows", [True, False])
def test_stripes_are_measured_along_and_across(example_values, rows):
    offsets = RNG.normal(0, 0.02, example_values.shape[1 if rows else 2]).astype(np.float32)
    offsets = offsets[:, None] if rows else offsets[None]
    clean, striped = stripes_of(example_values), stripes_of(example_values + offsets)
    assert striped.rows is rows
    assert striped.evidence > 5 * clean.evidence
    assert striped.amplitude == pytest.approx(0.02, rel=0.2)
    assert clean.dead == striped.dead == 0


def test_dead_lines_are_counted(example_values):
    image = example_values.copy()
    image[2, :, [20, 21, 77, 120]] = 0.0
    found = stripes_of(image)
    assert found.dead == pytest.approx(4 / image.shape[2], rel=0.3)


def test_haze_lifts_the_dark_and_lowers_contrast(example_values):
    bands = get_sensor("sentinel2-l2a").bands[:10]
    hazy = degrade.get("haze")(torch.from_numpy(example_values), 0.6, torch.Generator().manual_seed(1), bands).numpy()
    clear, veiled = (air_features(windows_of(image), bands) for image in (example_values, hazy))
    dark, relative = 0, 4
    assert veiled[dark] > clear[dark] + 0.1
    assert veiled[relative] < clear[relative] - 0.2


def test_haze_is_looked_for_in_visible_bands():
    bands = get_sensor("sentinel2-l2a").bands
    assert [bands[index].name for index in visible_bands(bands)] == ["B01", "B02", "B03", "B04"]
    unknown = (Band("a", modality=Modality.UNKNOWN),) * 3
    assert visible_bands(unknown) == [0, 1, 2]
    assert visible_bands(unknown[:2]) == []
    assert air_features(np.zeros((1, 2, 64, 64), np.float32), unknown[:2]) is None


@pytest.fixture(scope="module")
def example_values(example) -> np.ndarray:
    """Unit values of a part of a real scene, ten bands."""
    return np.ascontiguousarray(llars.open_scene(example).values[:, :256, :192])


def windows_of(image: np.ndarray) -> np.ndarray:
    places = [(y, x) for y in range(0, image.shape[1] - 63, 64) for x in range(0, image.shape[2] - 63, 64)]
    return np.stack([image[:, y : y + 64, x : x + 64] for y, x in places])


def stripes_of(image: np.ndarray):
    layers = Filled.of(ImageSource(image), tuple(Band(f"b{i}") for i in range(len(image))))
    return find_stripes(*line_corrections(layers), image.mean((1, 2)).astype(np.float64))
