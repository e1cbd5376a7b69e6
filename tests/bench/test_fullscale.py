"""Finer grids without a truth: what is given to the methods, and what is measured of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from llars import metrics
from llars.bench.fullscale import SIDE
from llars.bench.measure import measured
from llars.bench.protocols import Protocol, Trial
from llars.bench.scenes import Folder
from llars.bench.sources import cases_of
from llars.bench.spectra import detail, spectrum
from llars.degrade.resolution import enlarge_exactly

REAL = Trial("real", "pansharpen", "sharpen", 1 / 3, scale=2, source="real_pan")
REDUCED = Trial("reduced", "pansharpen", "sharpen", 1 / 3, scale=2, source="real_pan_wald")
NATIVE = Trial("native", "sr", "double the resolution", 1 / 3, scale=2, source="native")


@pytest.fixture
def landsat(tmp_path, entry, write_tif):
    """Six windows of a plane, one with a cloud, and their PAN, whose grid lies half a pixel beside as in products."""
    rows, columns = 2 * SIDE, 3 * SIDE + 5
    # A plane: interpolation and area means are exact on it.
    plane = lambda v, u: 0.1 + 1e-4 * v + 2e-4 * u  # noqa: E731
    v, u = np.mgrid[:rows, :columns]
    ms = np.stack([plane(v, u) * k for k in (1.0, 1.1, 1.2, 1.5)])
    ms[0, :SIDE, : SIDE // 2] = 0.9
    # The grid of the PAN begins a quarter of a coarse pixel before the other's.
    pan = plane(*(np.mgrid[: 2 * rows + 1, : 2 * columns] / 2 - 0.5))[None]
    root = tmp_path / "landsat"
    root.mkdir()
    shared = {
        "scale": 1e-5,
        "offset": 0,
        "units": "reflectance",
        "nodata": 0,
        "split": "train",
        "tasks": ["pansharpen"],
    }
    entries = [
        entry("ms", "landsat8-oli-l1", ["B2", "B3", "B4", "B9"], role="ms", group="one", **shared),
        entry("pan", "landsat8-oli-l1", ["B8"], role="pan", group="one", **shared),
        entry("alone", "landsat8-oli-l1", ["B8"], role="pan", group="two", **shared),
    ]
    for name, values, pixel, before in (("ms", ms, 30, 0), ("pan", pan, 15, 7.5)):
        place = rasterio.Affine(pixel, 0, 5e5 - before, 0, -pixel, 5e6 + before)
        write_tif(root / f"{name}.tif", np.round(values / 1e-5).astype(np.uint32), transform=place, nodata=0)
    (root / "scenes.json").write_text(json.dumps(entries))
    return Folder(root, Protocol((), 5)), plane


def test_the_clearest_windows_come_with_their_pan_on_the_nested_grid(landsat):
    folder, plane = landsat
    cases = list(cases_of(REAL, folder))
    # Without the cloud, and without the brighter of the two that are left over.
    assert [case.scene.name for case in cases] == ["ms_0_128", "ms_0_256", "ms_128_0", "ms_128_128"]
    case = cases[0]
    assert [band.name for band in case.bands] == ["B2", "B3", "B4"]  # cirrus is beyond what a PAN sees
    assert case.degraded.shape == (3, SIDE, SIDE)
    pan = case.guides["pan"]
    assert pan.values.shape == (1, 2 * SIDE, 2 * SIDE) and pan.bands[0].role == "pan"
    # Centres of the nested pixels lie a quarter of a coarse pixel beside its centre.
    v, u = np.mgrid[: 2 * SIDE, : 2 * SIDE] / 2 - 0.25
    np.testing.assert_allclose(pan.values[0], plane(v, u + SIDE), atol=2e-5)
    assert np.isnan(case.truth).all()
    np.testing.assert_allclose(case.degraded[0], plane(*np.mgrid[:SIDE, :SIDE]) + 2e-4 * SIDE, atol=2e-5)


def test_made_coarser_the_image_is_the_truth_and_the_pan_lies_on_its_grid(landsat):
    folder, plane = landsat
    case, whole = (next(cases_of(trial, folder)) for trial in (REDUCED, REAL))
    np.testing.assert_array_equal(case.truth, whole.degraded)
    assert case.degraded.shape == (3, SIDE // 2, SIDE // 2)
    for coarse, fine in ((case.bands, whole.bands), (case.guides["pan"].bands, whole.guides["pan"].bands)):
        assert [band.gsd_m for band in coarse] == [2 * band.gsd_m for band in fine]
    # A symmetric blur keeps a plane, off the edges.
    inner = (slice(16, -16), slice(16, -16))
    v, u = np.mgrid[:SIDE, :SIDE]
    np.testing.assert_allclose(case.guides["pan"].values[0][inner], plane(v, u + SIDE)[inner], atol=2e-5)
    v, u = (2 * axis + 0.5 for axis in np.mgrid[: SIDE // 2, : SIDE // 2])
    np.testing.assert_allclose(case.degraded[0][inner], plane(v, u + SIDE)[inner], atol=2e-5)
    assert measured(case, whole.degraded)["ergas"] == 0


def test_scenes_are_taken_as_they_are_and_soft_ones_left_out(folder):
    cases = list(cases_of(NATIVE, Folder(folder, Protocol((), 5, crop=60, smallest=48))))
    assert [case.scene.name for case in cases] == ["grey", "veg"]
    assert cases[0].degraded.shape == (3, 60, 60) and cases[0].baseline.shape == (3, 120, 120)
    assert not cases[1].scene.valid[36:56, 20:40].any()  # the gap, on the finer grid


def test_what_holds_the_input_does_not_drift(folder):
    import torch

    grey, veg = cases_of(NATIVE, Folder(folder, Protocol((), 5, crop=60, smallest=48)))
    held = enlarge_exactly(torch.from_numpy(grey.degraded), 2).numpy()
    assert measured(grey, held)["drift"] < 1e-6
    assert measured(grey, held + np.float32(0.25))["drift"] == pytest.approx(0.25, abs=1e-6)
    spoiled = veg.baseline.copy()
    spoiled[:, 36:56, 20:40] = 9.0  # nobody looks into the gap
    assert measured(veg, spoiled) == pytest.approx(measured(veg, veg.baseline))
    assert measured(grey, grey.baseline)["beyond"] == 0
    assert measured(grey, held)["below"] > 0.1  # sharper than the enlargement alone


def test_the_figures_without_a_truth_are_those_of_the_metrics(landsat):
    folder, _ = landsat
    case = next(cases_of(REAL, folder))
    image = case.baseline + 0.01 * np.random.default_rng(0).standard_normal(case.baseline.shape).astype(np.float32)
    found = measured(case, image)
    pan = case.guides["pan"].values
    assert found["qnr"] == pytest.approx(metrics.qnr(image, case.degraded, pan))
    assert found["hqnr"] == pytest.approx(metrics.hqnr(image, case.degraded, pan, gain=0.29))
    assert "psnr" not in found


def test_spectra_tell_waves_by_their_frequency_and_power():
    wave = lambda cycles: np.sin(2 * np.pi * cycles * np.arange(64))[None, None] * np.ones((1, 64, 1))  # noqa: E731
    frequency, power = spectrum(wave(0.25))
    assert frequency[power.argmax()] == pytest.approx(0.25)
    low, high = wave(0.2), wave(0.4)
    # Twice the amplitude is four times the power: 6.02 dB, on the side of the limit of 0.25 where the wave is. What of
    # a wave lies on the other side is what a Hann window lets through: a ten thousandth.
    below, beyond = detail(2 * low + high, low + high, 2)
    assert below == pytest.approx(6.02, abs=0.01)
    assert beyond == pytest.approx(0, abs=0.01)
    below, beyond = detail(low + 0.5 * high, low + high, 2)
    assert (below, beyond) == pytest.approx((0, -6.02), abs=0.01)
    broken = (low + high).copy()
    broken[:, 5, 7] = np.nan
    assert detail(2 * low + high, broken, 2)[0] == pytest.approx(6.02, abs=0.01)
