import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from llars.bands import Band
from llars.bench import classical
from llars.metrics import psnr


@pytest.fixture
def scene() -> np.ndarray:
    y, x = np.mgrid[:64, :80]
    hills = [0.5 + 0.2 * np.sin(x / k) * np.cos(y / k) for k in (5, 7)]
    return (np.stack(hills) + 0.15 * ((x + y) % 37 < 9)).astype(np.float32)


@pytest.mark.parametrize("method", [classical.bm3d, classical.nl_means])
def test_noise_is_reduced(scene, method):
    noisy = scene + np.random.default_rng(0).normal(0, 0.05, scene.shape).astype(np.float32)
    assert psnr(method(noisy, 0.05), scene) > psnr(noisy, scene) + 4


def test_debiasing_undoes_what_the_cut_off_at_zero_did(monkeypatch):
    rng = np.random.default_rng(0)
    true = np.array([0.0, 0.02, 0.1, 0.5, 2.0])
    recorded = (true + rng.normal(0, 0.05, (400_000, 1))).clip(min=0).mean(axis=0)
    monkeypatch.setattr(classical, "bm3d", lambda image, sigma: image)
    unbiased = classical.bm3d_debiased(recorded[None, None].astype(np.float32), 0.05)
    # The standard error of each mean is below 1e-4, and less than doubled where the law is flattest.
    np.testing.assert_allclose(unbiased[0, 0], true, atol=5e-4)


@pytest.mark.parametrize("method", [classical.moment_matching, classical.wavelet_fft])
def test_stripes_go_whichever_way_they_run(scene, method):
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 0.05, (2, 1, 80)).astype(np.float32)
    striped = scene + offsets
    restored = classical.along_stripes(method, striped)
    assert psnr(restored, scene) > psnr(striped, scene) + 3
    turned = classical.along_stripes(method, striped.swapaxes(1, 2))
    np.testing.assert_array_equal(turned.swapaxes(1, 2), restored)


@pytest.mark.parametrize("method", [classical.wiener, classical.richardson_lucy])
def test_blur_with_a_known_kernel_is_undone(scene, method):
    blurred = np.stack([gaussian_filter(band, 1.0) for band in scene])
    assert psnr(method(blurred, 1.0), scene) > psnr(blurred, scene) + 2.5


def test_haze_is_taken_out_of_the_visible_bands_alone(scene):
    clear = np.concatenate([scene, scene[:1]])
    clear[:, ::6, ::6] = 0.01  # shadows everywhere: what the prior expects
    clear[:, :8, :8] = 0.9
    hazy = 0.5 * clear + 0.5 * 0.9
    hazy[2] = clear[2]
    bands = [Band("B02", 490.0), Band("B04", 665.0), Band("B11", 1610.0)]
    restored = classical.dark_channel(hazy, bands)
    assert psnr(restored[:2], clear[:2]) > psnr(hazy[:2], clear[:2]) + 5
    np.testing.assert_array_equal(restored[2], clear[2])


def test_enlargement_keeps_what_its_kernel_must():
    y, x = np.mgrid[:20, :24].astype(np.float32)
    coarse = (0.3 + 0.01 * x - 0.02 * y + 0.001 * x * y + 0.0005 * x**2)[None].astype(np.float32)
    fine_y, fine_x = ((np.arange(n * 2) + 0.5) / 2 - 0.5 for n in (20, 24))
    v, u = np.meshgrid(fine_y, fine_x, indexing="ij")
    expected = 0.3 + 0.01 * u - 0.02 * v + 0.001 * u * v + 0.0005 * u**2
    # Keys' kernel with a = -1/2 reproduces quadratics; the margin sees the replicated edge.
    np.testing.assert_allclose(classical.bicubic(coarse, 2)[0, 4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-5)
    flat = np.full((2, 9, 7), 0.4, np.float32)
    for method in (classical.bicubic, classical.lanczos):
        np.testing.assert_allclose(method(flat, 3), 0.4, atol=1e-6)
        assert method(flat, 3).shape == (2, 27, 21)


def test_every_rival_answers_on_the_grid_of_the_truth(scene):
    scene, bands = scene[:, :32, :40], [Band("B02", 490.0), Band("B04", 665.0)]
    for task, rivals in classical.RIVALS.items():
        for rival in rivals:
            result = rival.run(scene, 1 / 3, bands)
            factor = 2 if task == "sr" else 1
            assert result.shape == (2, 32 * factor, 40 * factor), rival.name
            assert result.dtype == np.float32, rival.name
            assert np.isfinite(result).all(), rival.name
