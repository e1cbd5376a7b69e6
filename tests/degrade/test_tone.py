"""Tone curves: ranks, quantiles, ties and missing pixels."""

import pytest
import torch

from llars import degrade
from llars.curves import quantiles


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def skewed(batch: int = 2, bands: int = 3, side: int = 40) -> torch.Tensor:
    """Dark images with a bright tail, as landscapes are."""
    return 0.6 * torch.rand(batch, bands, side, side, dtype=torch.float64, generator=seeded()).pow(3) + 0.05


def test_equalised_values_are_ranks() -> None:
    image = skewed()
    equalised = degrade.get("equalize")(image, 1.0)
    ranks = image.flatten(2).argsort(dim=2).argsort(dim=2).double() / (image[0, 0].numel() - 1)
    # Between two knots, 25 pixels of 1600, the distribution is taken for even.
    torch.testing.assert_close(equalised.flatten(2), ranks, atol=0.01, rtol=0)


def test_equalising_again_changes_nothing() -> None:
    once = degrade.get("equalize")(skewed(), 1.0)
    # A knot lies between two pixels: it may move by the distance of their ranks.
    torch.testing.assert_close(degrade.get("equalize")(once, 1.0), once, atol=1 / 1599, rtol=0)


@pytest.mark.parametrize("levels", [2, 5, 40])
def test_few_grey_levels_keep_their_order_and_take_their_middle_rank(levels: int) -> None:
    image = torch.randint(0, levels, (1, 1, 80, 80), generator=seeded()).double() / 255
    equalised = degrade.get("equalize")(image, 1.0)
    found = [equalised[image == level / 255] for level in range(levels)]
    assert all(one.max() - one.min() < 1e-12 for one in found)
    outcome = torch.stack([one[0] for one in found])
    assert (outcome.diff() > 0).all()
    share = torch.tensor([float((image == level / 255).double().mean()) for level in range(levels)])
    middle = (share.cumsum(0) - 0.5 * share).double()
    # A run of equal knots is short of its true extent by up to a knot at either end, and the least and greatest
    # level begin and end with the curve.
    torch.testing.assert_close(outcome, middle, atol=1.01 / 64, rtol=0)


def test_a_flat_band_becomes_medium_grey() -> None:
    flat = torch.full((1, 2, 8, 8), 0.3)
    for name in ("equalize", "stretch"):
        torch.testing.assert_close(degrade.get(name)(flat, 1.0), torch.full_like(flat, 0.5))


@pytest.mark.parametrize("name", ["equalize", "stretch"])
def test_missing_pixels_have_no_say(name: str) -> None:
    image = skewed(1, 2, 64)
    expected = degrade.get(name)(image[..., :32], 1.0)
    image[..., 32:] = torch.nan
    torch.testing.assert_close(degrade.get(name)(image, 1.0)[..., :32], expected)


def test_missing_pixels_have_no_say_in_other_tiles() -> None:
    image = skewed(1, 2, 64)
    image[..., 32:] = image[..., :32].mean()  # within the extremes of the left half
    expected = degrade.get("clahe")(image, 1.0)
    image[..., 32:] = torch.nan
    # The second column of tiles has its centres in column 24; up to there, the right half is not blended in.
    torch.testing.assert_close(degrade.get("clahe")(image, 1.0)[..., :24], expected[..., :24])


def test_stretch_takes_the_quantiles_to_the_ends() -> None:
    image = skewed()
    low, high = quantiles(image, (0.02, 0.98)).unbind(2)
    expected = ((image - low[..., None, None]) / (high - low)[..., None, None]).clamp(0, 1)
    torch.testing.assert_close(degrade.get("stretch")(image, 1.0), expected)


@pytest.mark.parametrize("name", ["equalize", "stretch", "clahe"])
def test_severity_blends(name: str) -> None:
    image = skewed()
    whole = degrade.get(name)(image, 1.0)
    torch.testing.assert_close(degrade.get(name)(image, 0.3), 0.7 * image + 0.3 * whole)


def test_clahe_brings_out_what_is_faint_in_its_own_place() -> None:
    """Faint texture in the dark half and in the bright half: global ranks spread each over half of the range."""
    image = 0.02 * torch.rand(1, 1, 64, 64, generator=seeded())
    image[..., 32:] += 0.9
    result = degrade.get("clahe")(image, 1.0)
    assert result[..., :16].std() > 3 * image[..., :16].std()
    assert result.min() >= 0 and result.max() <= 1


def test_clahe_limits_contrast() -> None:
    image = 0.5 + 0.02 * torch.rand(1, 1, 64, 64, generator=seeded())
    image[..., 0, 0], image[..., -1, -1] = 0.0, 1.0
    # Slope no more than the clip and what is spread evenly.
    assert degrade.get("clahe")(image, 1.0)[..., 8:-8, 8:-8].std() < 4.0 * image[..., 8:-8, 8:-8].std()
    assert degrade.get("equalize")(image, 1.0).std() > 10 * image[..., 8:-8, 8:-8].std()
