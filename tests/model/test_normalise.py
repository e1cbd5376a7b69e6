"""Statistics of a scene: reversible, blind to what is not valid, safe for constant bands."""

import torch

from llars.model.normalise import STD_FLOOR, Statistics


def test_apply_and_undo_are_inverse() -> None:
    image = 0.02 * torch.randn(2, 3, 40, 40) + 0.3
    statistics = Statistics.of(image)
    normalised = statistics.apply(image)
    torch.testing.assert_close(normalised.mean((-2, -1)), torch.zeros(2, 3), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.std((-2, -1)), torch.ones(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(statistics.undo(normalised), image)


def test_invalid_pixels_do_not_count() -> None:
    image = torch.rand(1, 2, 30, 30)
    valid = torch.rand(1, 2, 30, 30) > 0.4
    spoilt = torch.where(valid, image, torch.nan)
    found = Statistics.of(spoilt, valid)
    for band in range(2):
        kept = image[0, band][valid[0, band]].double()
        torch.testing.assert_close(found.mean[0, band].double(), kept.mean(), atol=1e-6, rtol=0)
        torch.testing.assert_close(found.std[0, band].double(), kept.std(correction=0), atol=1e-6, rtol=0)


def test_constant_and_empty_bands_stay_finite() -> None:
    image = torch.stack((torch.full((8, 8), 0.4), torch.zeros(8, 8)))[None]
    statistics = Statistics.of(image, torch.tensor([True, False]).view(1, 2, 1, 1).expand_as(image))
    assert statistics.std.min() >= STD_FLOOR
    assert torch.isfinite(statistics.apply(image)).all()
