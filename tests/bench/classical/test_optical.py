"""Rivals for faults of one optical image."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d

from llars.bands import Band
from llars.bench.classical import deblur, denoise, destripe, haze, impulses, resize
from llars.degrade import get
from llars.metrics import psnr


@pytest.mark.parametrize(("method", "gain"), [(denoise.bm3d, 4), (denoise.nl_means, 4), (denoise.wavelet, 3)])
def test_noise_is_reduced(scene, method, gain):
    clean = scene[:1, :48, :48] if method is denoise.bm3d else scene  # a slow one
    noisy = clean + np.random.default_rng(0).normal(0, 0.05, clean.shape).astype(np.float32)
    assert psnr(method(noisy, 0.05), clean) > psnr(noisy, clean) + gain


def test_debiasing_undoes_what_the_cut_off_at_zero_did(monkeypatch):
    rng = np.random.default_rng(0)
    true = np.array([0.0, 0.02, 0.1, 0.5, 2.0])
    recorded = (true + rng.normal(0, 0.05, (400_000, 1))).clip(min=0).mean(axis=0)
    monkeypatch.setattr(denoise, "bm3d", lambda image, sigma: image)
    unbiased = denoise.bm3d_debiased(recorded[None, None].astype(np.float32), 0.05)
    # The standard error of each mean is below 1e-4, and less than doubled where the law is flattest.
    np.testing.assert_allclose(unbiased[0, 0], true, atol=5e-4)


def test_impulses_go_and_only_the_adaptive_median_spares_the_rest(scene):
    spoiled = np.asarray(get("impulse_noise")(scene, 0.3, np.random.default_rng(1)))
    plain, adaptive = impulses.median(spoiled), impulses.adaptive_median(spoiled)
    assert psnr(plain, scene) > psnr(spoiled, scene) + 5
    assert psnr(adaptive, scene) > psnr(plain, scene)
    assert (adaptive == scene).mean() > 0.6 > (plain == scene).mean()


@pytest.mark.parametrize("method", [destripe.moment_matching, destripe.wavelet_fft])
def test_stripes_go_whichever_way_they_run(scene, method):
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 0.05, (2, 1, 80)).astype(np.float32)
    striped = scene + offsets
    restored = destripe.along_stripes(method, striped)
    assert psnr(restored, scene) > psnr(striped, scene) + 3
    turned = destripe.along_stripes(method, striped.swapaxes(1, 2))
    np.testing.assert_array_equal(turned.swapaxes(1, 2), restored)


@pytest.mark.parametrize("method", [deblur.wiener, deblur.richardson_lucy])
def test_blur_with_a_known_kernel_is_undone_and_a_wrong_one_does_worse(scene, method):
    blurred = np.stack([gaussian_filter(band, 1.0) for band in scene])
    right, wrong = (psnr(method(blurred, deblur.gaussian_kernel(sigma)), scene) for sigma in (1.0, 1.6))
    assert right > psnr(blurred, scene) + 2.5
    assert wrong < right - 1


def test_motion_is_undone_up_to_the_edge(scene):
    blurred = uniform_filter1d(scene, 9, axis=2)  # the image goes on as its mirror image
    kernel = np.zeros((9, 9))
    kernel[4] = 1 / 9
    before = psnr(blurred, scene)
    assert psnr(deblur.wiener(blurred, kernel, 1e-2), scene) > before + 1.5
    assert psnr(deblur.richardson_lucy(blurred, kernel), scene) > before + 3


def test_haze_is_taken_out_of_the_visible_bands_alone(scene):
    clear = np.concatenate([scene, scene[:1]])
    clear[:, ::6, ::6] = 0.01  # shadows everywhere: what the prior expects
    clear[:, :8, :8] = 0.9
    hazy = 0.5 * clear + 0.5 * 0.9
    hazy[2] = clear[2]
    bands = [Band("B02", 490.0), Band("B04", 665.0), Band("B11", 1610.0)]
    restored = haze.dark_channel(hazy, bands)
    assert psnr(restored[:2], clear[:2]) > psnr(hazy[:2], clear[:2]) + 5
    np.testing.assert_array_equal(restored[2], clear[2])


def test_clahe_brings_local_contrast_back_within_the_range_of_the_image():
    slope = np.linspace(0.2, 0.8, 128, dtype=np.float32) * np.ones((2, 128, 1), np.float32)
    hazy = slope + np.random.default_rng(0).normal(0, 0.01, slope.shape).astype(np.float32)
    restored = haze.clahe(hazy)
    rough = [np.diff(image, 2, axis=1).std() for image in (hazy, restored)]
    assert rough[1] > 1.2 * rough[0]
    assert restored.min() >= hazy.min() - 1e-6
    assert restored.max() <= hazy.max() + 1e-6


def test_enlargement_keeps_what_its_kernel_must():
    y, x = np.mgrid[:20, :24].astype(np.float32)
    coarse = (0.3 + 0.01 * x - 0.02 * y + 0.001 * x * y + 0.0005 * x**2)[None].astype(np.float32)
    fine_y, fine_x = ((np.arange(n * 2) + 0.5) / 2 - 0.5 for n in (20, 24))
    v, u = np.meshgrid(fine_y, fine_x, indexing="ij")
    expected = 0.3 + 0.01 * u - 0.02 * v + 0.001 * u * v + 0.0005 * u**2
    # Keys' kernel with a = -1/2 reproduces quadratics; the margin sees the replicated edge.
    np.testing.assert_allclose(resize.bicubic(coarse, 2)[0, 4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-5)
    flat = np.full((2, 9, 7), 0.4, np.float32)
    for method in (resize.bicubic, resize.lanczos):
        np.testing.assert_allclose(method(flat, 3), 0.4, atol=1e-6)
        assert method(flat, 3).shape == (2, 27, 21)
