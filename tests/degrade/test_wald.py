"""Wald's protocol: transfer functions, bounds, and the panchromatic band."""

import math

import pytest
import torch

from llars import degrade
from llars.bands import Band, Modality
from llars.degrade.wald import NYQUIST, mtf_reduce, panchromatic
from llars.errors import BandError, DataError

FACTORS = (2, 3, 4, 6)


def wave(frequency: float, length: int, phase: float = 0.0) -> torch.Tensor:
    """Cosine along x at the centres of the pixels, frequency in cycles per pixel."""
    x = torch.arange(length, dtype=torch.float64) + 0.5
    return torch.cos(2 * math.pi * frequency * x + phase).expand(1, length, length).clone()


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("gain", [0.11, 0.29, 0.35])
def test_response_at_the_coarse_nyquist_frequency(factor: int, gain: float) -> None:
    length = 40 * factor
    # Phase: coarse samples meet the crests. Tolerance: the Gaussian ends at four standard deviations.
    coarse = mtf_reduce(wave(0.5 / factor, length, -math.pi / 2), factor, gain)[:, :, 8:-8]
    torch.testing.assert_close(coarse.abs(), torch.full_like(coarse, gain), atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", FACTORS)
def test_response_is_that_of_a_gaussian_below_it(factor: int) -> None:
    length = 40 * factor
    fine = wave(0.25 / factor, length, -math.pi / 4)
    coarse = mtf_reduce(fine, factor, 0.29)[:, :, 8:-8]
    # Half of the Nyquist frequency: a quarter of the exponent; every other sample meets a crest.
    expected = 0.29**0.25
    assert coarse.abs().max().item() == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("factor", [1, *FACTORS])
def test_bounds_stay_and_nothing_shifts(factor: int) -> None:
    x = (torch.arange(30 * factor, dtype=torch.float64) + 0.5) / (30 * factor)
    ramp = torch.stack([x.expand(len(x), len(x)), x[:, None].expand(len(x), len(x))])
    place = (torch.arange(30, dtype=torch.float64) + 0.5) / 30
    coarse = mtf_reduce(ramp, factor)
    torch.testing.assert_close(coarse[0, 6:-6, 6:-6], place[6:-6].expand(18, 18), atol=1e-12, rtol=0)
    torch.testing.assert_close(coarse[1, 6:-6, 6:-6], place[6:-6, None].expand(18, 18), atol=1e-12, rtol=0)


@pytest.mark.parametrize("factor", [1, *FACTORS])
def test_constants_stay_up_to_the_edge(factor: int) -> None:
    image = torch.full((2, 3, 4 * factor, 2 * factor), 0.3)
    torch.testing.assert_close(mtf_reduce(image, factor), torch.full((2, 3, 4, 2), 0.3))


def test_bands_may_have_gains_of_their_own() -> None:
    image = torch.rand(2, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    gains = NYQUIST["quickbird"][0]
    together = mtf_reduce(image, 4, gains)
    for band, gain in enumerate(gains):
        torch.testing.assert_close(
            together[:, band], mtf_reduce(image[:, band : band + 1], 4, gain)[:, 0], atol=1e-4, rtol=0
        )


def test_missing_pixels_do_not_spread() -> None:
    image = torch.full((1, 32, 32), 0.4)
    image[:, 3, 5] = torch.nan
    coarse = mtf_reduce(image, 4)
    assert coarse[0, 0, 1].isnan() and coarse.isnan().sum() == 1
    torch.testing.assert_close(coarse[~coarse.isnan()], torch.full((63,), 0.4))


@pytest.mark.parametrize(
    ("shape", "factor", "gain", "said"),
    [((1, 9, 8), 4, 0.3, "9 x 8 pixels"), ((1, 8, 8), 0, 0.3, "at least 1"), ((1, 8, 8), 2, 1.0, "between 0 and 1")],
)
def test_what_cannot_be_reduced(shape: tuple[int, ...], factor: int, gain: float, said: str) -> None:
    with pytest.raises(DataError, match=said):
        mtf_reduce(torch.zeros(shape), factor, gain)


def test_gains_must_match_the_bands() -> None:
    with pytest.raises(DataError, match=r"for 4 bands"):
        mtf_reduce(torch.zeros(4, 8, 8), 2, (0.3, 0.2))


@pytest.mark.parametrize("severity", [0.2, 0.5, 0.9, 1.0])
def test_the_blur_leaves_what_its_law_says_at_nyquist(severity: float) -> None:
    checkers = wave(0.5, 64, -math.pi / 2)
    blurred = degrade.get("mtf_blur")(checkers, severity)[:, :, 16:-16]
    torch.testing.assert_close(blurred.abs(), torch.full_like(blurred, 1 - 0.95 * severity), atol=1e-6, rtol=0)


SENTINEL = tuple(
    Band(name, wavelength_nm=nm, width_nm=width)
    for name, nm, width in (("B02", 490.0, 66.0), ("B04", 665.0, 31.0), ("B08", 842.0, 116.0), ("B11", 1610.0, 91.0))
)


def test_pan_is_the_mean_weighted_by_width_within_its_range() -> None:
    image = torch.rand(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = (image[:, :1] * 66 + image[:, 1:2] * 31 + image[:, 2:3] * 116) / 213
    torch.testing.assert_close(panchromatic(image, SENTINEL), expected)
    torch.testing.assert_close(panchromatic(image[0], SENTINEL), expected[0])
    torch.testing.assert_close(panchromatic(image, [SENTINEL, SENTINEL]), expected)


def test_pan_reaches_a_band_at_its_edge_in_part() -> None:
    bands = (Band("a", wavelength_nm=900.0, width_nm=40.0), Band("b", wavelength_nm=600.0, width_nm=40.0))
    assert panchromatic(torch.tensor([0.0, 1.0]).view(2, 1, 1), bands).item() == pytest.approx(2 / 3)


def test_pan_of_unknown_bands_is_their_mean_without_radar() -> None:
    bands = (Band("x"), Band("y"), Band("VV", modality=Modality.SAR))
    assert panchromatic(torch.tensor([0.2, 0.4, 9.0]).view(3, 1, 1), bands).item() == pytest.approx(0.3)
    with pytest.raises(BandError, match="no optical band among VV"):
        panchromatic(torch.zeros(1, 4, 4), bands[2:])
    with pytest.raises(BandError, match="expected 1 images of 2 bands"):
        panchromatic(torch.zeros(2, 4, 4), bands)


def test_random_weights_stay_within_the_bands_and_follow_the_seed() -> None:
    image = torch.rand(6, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    first, again, other = (panchromatic(image, SENTINEL, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert (first >= image.amin(dim=1, keepdim=True)).all() and (first <= image.amax(dim=1, keepdim=True)).all()
    assert (first - panchromatic(image, SENTINEL)).abs().max() > 0.01
