"""Facts about the detail that radar adds to ground filled in under clouds."""

import pytest
import torch

from llars.initial.filling import pull
from llars.initial.radar_guidance import FEATURE_MARGIN, Moments, detailed, features
from llars.model.normalise import Statistics

SIDE = 128
HOLE = (..., slice(40, 88), slice(40, 88))


def fields(seed: int = 0) -> torch.Tensor:
    """A mosaic of fields, ``(1, 1, y, x)`` of mean 0.5."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 1, SIDE // 8, SIDE // 8, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)


def clear_ground() -> torch.Tensor:
    confidence = torch.ones(1, 1, SIDE, SIDE)
    confidence[HOLE] = 0.0
    return confidence


def filled_in(optical: torch.Tensor, radar: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The hole filled in without radar and with it."""
    confidence, found = clear_ground(), features(radar, Statistics.of(radar))
    hidden = optical * confidence
    surroundings = pull(hidden, confidence)
    slopes = Moments.of(hidden, found, confidence).slopes()
    deviation = optical.std((2, 3), keepdim=True)
    return surroundings, detailed(surroundings, found - pull(found, confidence), slopes, deviation)


def error(image: torch.Tensor, optical: torch.Tensor) -> float:
    return float((image - optical)[HOLE].abs().mean())


def test_fields_that_radar_shows_are_seen_under_the_cloud() -> None:
    ground = fields()
    # Near infrared rises with backscatter, red falls with it.
    optical = torch.cat((0.2 + 0.2 * ground, 0.15 - 0.1 * ground), 1)
    radar = torch.cat((0.3 + 0.2 * ground, 0.2 + 0.1 * ground), 1)
    without, with_radar = filled_in(optical, radar)
    assert error(with_radar, optical) < 0.35 * error(without, optical)


def test_radar_of_other_ground_adds_little() -> None:
    optical, radar = 0.2 + 0.2 * fields(0), 0.3 + 0.2 * fields(1)
    without, with_radar = filled_in(optical, radar)
    assert error(with_radar, optical) < 1.1 * error(without, optical)


def test_moments_add_up_over_windows() -> None:
    generator = torch.Generator().manual_seed(3)
    image, found = (torch.rand(1, count, 64, 128, generator=generator) for count in (3, 5))
    confidence = torch.ones(1, 1, 64, 128)
    # Both halves are alike, so twice the moments of one are those of both.
    image[..., 64:], found[..., 64:] = image[..., :64], found[..., :64]
    half = Moments.of(image[..., :64], found[..., :64], confidence[..., :64])
    both = half + Moments.of(image[..., 64:], found[..., 64:], confidence[..., 64:])
    assert both.pixels.item() == 2 * half.pixels.item() == 128 * 64
    torch.testing.assert_close(both.among, 2 * half.among)
    torch.testing.assert_close(both.across, 2 * half.across)


def test_added_detail_is_limited() -> None:
    surroundings, deviation = torch.full((1, 1, 4, 4), 0.3), torch.full((1, 1, 1, 1), 0.01)
    added = detailed(surroundings, torch.full((1, 2, 4, 4), 5.0), torch.ones(1, 1, 2), deviation)
    torch.testing.assert_close(added, torch.full_like(added, 0.33))


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_features_reach_no_further_than_their_margin(bands: int) -> None:
    radar = torch.rand(1, bands, 40, 40, generator=torch.Generator().manual_seed(1))
    statistics = Statistics.of(radar)
    changed = radar.clone()
    changed[..., 20, 20] += 1.0
    difference = (features(changed, statistics) - features(radar, statistics)).abs().amax((0, 1))
    far = torch.ones(40, 40, dtype=torch.bool)
    far[20 - FEATURE_MARGIN : 21 + FEATURE_MARGIN, 20 - FEATURE_MARGIN : 21 + FEATURE_MARGIN] = False
    assert difference[20, 20] > 0 and not difference[far].any()


def test_no_clear_pixel_gives_no_slope() -> None:
    image, found = torch.rand(1, 2, 32, 32), torch.rand(1, 3, 32, 32)
    slopes = Moments.of(image, found, torch.zeros(1, 1, 32, 32)).slopes()
    assert not slopes.any()
