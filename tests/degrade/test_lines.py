"""Even, uneven and slanted stripes, and gaps between scan lines."""

import pytest
import torch

from llars import degrade

GREY = torch.full((64, 3, 96, 80), 0.5)


def seen(name: str, severity: float = 0.5, image: torch.Tensor = GREY) -> torch.Tensor:
    return degrade.get(name)(image, severity, torch.Generator().manual_seed(9))


@pytest.mark.parametrize("name", ["uniform_stripes", "uneven_stripes", "rotated_stripes"])
@pytest.mark.parametrize("severity", [0.2, 0.4])
def test_offsets_have_their_law(name: str, severity: float) -> None:
    # Lines, not pixels, are independent: 64 x 3 x 80 of them.
    deviation = seen(name, severity).var(dim=(2, 3)).mean().sqrt().item()
    assert deviation == pytest.approx(0.1 * severity, rel=0.05)


def test_uniform_stripes_are_equal_and_equally_far_apart() -> None:
    change = seen("uniform_stripes", 0.2) - 0.5
    down = (change.amax(dim=2) == change.amin(dim=2)).all(dim=(1, 2))
    assert 0.5 < down.float().mean() < 0.9
    for one in change[down][:, :, 0]:
        for band in one:
            struck = band.nonzero().flatten()
            assert len(band[struck].unique()) == 1
            assert len(struck.diff().unique()) <= 1
            assert 2 <= int(struck.diff()[0]) < 24


def test_uneven_stripes_swell_and_fade() -> None:
    change = seen("uneven_stripes", 0.2) - 0.5
    along, across = change.diff(dim=2).abs().mean(dim=(1, 2, 3)), change.diff(dim=3).abs().mean(dim=(1, 2, 3))
    # Along a line the offset changes slowly, from line to line at once; most stripes run down the image.
    ratio = along / across
    assert ((ratio < 0.3) | (ratio > 1 / 0.3)).all()
    assert 0.5 < (ratio < 1).float().mean() < 0.9
    assert (change.amax(dim=2) - change.amin(dim=2)).mean() > 0.01


def test_rotated_stripes_run_straight_at_any_angle() -> None:
    """All power lies on one line through the origin of the spectrum."""
    change = seen("rotated_stripes", 0.3, torch.full((64, 1, 96, 96), 0.5))[:, 0] - 0.5
    window = torch.hann_window(96)
    power = torch.fft.fft2(change * window * window[:, None]).abs().square()
    frequency = torch.fft.fftfreq(96)
    y, x = torch.meshgrid(frequency, frequency, indexing="ij")
    power = torch.where(torch.hypot(y, x) < 0.25, power, 0.0)  # beyond, steps of the lines alias
    moments = torch.stack([torch.stack([(power * a * b).sum(dim=(1, 2)) for a in (y, x)], -1) for b in (y, x)], -1)
    spread, direction = torch.linalg.eigh(moments)
    assert (spread[:, 0] < 0.1 * spread[:, 1]).all()
    steep = direction[:, 0, 1].abs()
    assert all(((steep >= low) & (steep < low + 0.35)).any() for low in (0.0, 0.35, 0.7))


def test_gaps_take_their_share_of_the_swath() -> None:
    image = torch.full((256, 2, 64, 64), 0.5)
    whole, third = (seen("slc_off", severity, image) == 0 for severity in (1.0, 1 / 3))
    assert torch.equal(whole[:, 0], whole[:, 1])
    # A whole swath has 22 %; parts of it have less towards the middle, where most of a random part lies.
    assert 0.15 < whole.float().mean() < 0.22
    assert third.float().mean().item() == pytest.approx(whole.float().mean().item() / 3, rel=0.05)
    assert set(seen("slc_off").unique().tolist()) == {0.0, 0.5}


def test_gaps_widen_towards_one_side_or_both() -> None:
    gaps = (seen("slc_off", 1.0, torch.full((64, 1, 128, 128), 0.5)) == 0).float().mean(dim=(1, 2))
    uneven = (gaps[:, -16:].mean(dim=1) - gaps[:, :16].mean(dim=1)).abs()
    assert (uneven > 0.05).float().mean() > 0.5
