"""The estimator of blur looks at the shape of the spectrum alone."""

import torch

from llars.model.optics import SIDE, OpticsEstimator, log_power


def windows(seed: int = 0, count: int = 3, bands: int = 2) -> torch.Tensor:
    return torch.rand(1, count, bands, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_scale_and_level_of_a_band_tell_nothing() -> None:
    shown = windows()
    torch.testing.assert_close(log_power(shown), log_power(5.0 * shown - 2.0), atol=1e-3, rtol=0)


def test_the_order_of_windows_and_bands_does_not_matter() -> None:
    torch.manual_seed(0)
    estimator = OpticsEstimator(7).eval()
    shown = windows(1)
    with torch.no_grad():
        (logits, roughness), (again, rough) = estimator(shown), estimator(shown.flip(1).flip(2))
    torch.testing.assert_close(logits, again)
    torch.testing.assert_close(roughness, rough)
    assert logits.shape == (1, 7)
    assert 0 < float(roughness) < 1


def test_white_noise_has_a_flat_spectrum_and_smooth_ground_has_not() -> None:
    noise = windows(2, count=16)
    smooth = torch.nn.functional.avg_pool2d(noise[0], 5, 1, 2)[None]
    assert float(log_power(smooth).std()) > 3 * float(log_power(noise).std())


def test_a_constant_band_gives_finite_numbers() -> None:
    assert bool(log_power(torch.full((1, 2, 1, SIDE, SIDE), 0.4)).isfinite().all())
