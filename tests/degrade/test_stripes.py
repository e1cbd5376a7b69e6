"""Stripes are lines, straight through the image, other ones in every band."""

import pytest
import torch

from llars import degrade

GREY = torch.full((64, 3, 96, 80), 0.5)


def striped(name: str, severity: float = 0.5, image: torch.Tensor = GREY) -> torch.Tensor:
    return degrade.get(name)(image, severity, torch.Generator().manual_seed(9))


def is_constant(lines: torch.Tensor, axis: int) -> torch.Tensor:
    """Of each image, whether it is the same all along the axis."""
    return (lines.amax(dim=axis) == lines.amin(dim=axis)).flatten(1).all(dim=1)


@pytest.mark.parametrize("name", ["detector_stripes", "dead_lines"])
def test_stripes_run_through_the_image_more_often_down_than_across(name: str) -> None:
    result = striped(name)
    columns, rows = is_constant(result, 2), is_constant(result, 3)
    assert (columns ^ rows).all()
    assert 0.1 < rows.float().mean() < 0.5


@pytest.mark.parametrize("name", ["detector_stripes", "dead_lines"])
def test_bands_have_detectors_of_their_own(name: str) -> None:
    result = striped(name)
    for first, second in ((0, 1), (1, 2)):
        assert not (result[:, first] == result[:, second]).flatten(1).all(dim=1).any()


def test_some_patterns_repeat_as_detectors_take_turns() -> None:
    result = striped("detector_stripes")
    rows = is_constant(result, 3)
    profiles = [one[..., 0] if across else one[:, 0] for one, across in zip(result, rows, strict=True)]
    periodic = [any(torch.equal(one[:, period:], one[:, :-period]) for period in range(4, 33)) for one in profiles]
    assert 0.1 < sum(periodic) / len(periodic) < 0.5


@pytest.mark.parametrize("severity", [0.3, 0.8])
def test_offsets_and_gains_have_their_laws(severity: float) -> None:
    image = torch.full((64, 8, 4, 64), 0.5)
    change = striped("detector_stripes", severity, image) - image
    # Offset and gain at 0.5: sqrt(0.1^2 + 0.05^2).
    expected = severity * (0.1**2 + 0.05**2) ** 0.5
    assert change.std().item() == pytest.approx(expected, rel=0.05)


def test_gains_act_on_the_signal() -> None:
    dark, bright = (striped("detector_stripes", 0.2, torch.full((8, 2, 16, 16), value)) for value in (0.4, 0.6))
    assert (bright - 0.6).std() > (dark - 0.4).std()


def test_dead_lines_are_dark_and_the_rest_untouched() -> None:
    result = striped("dead_lines", 1.0)
    assert set(result.unique().tolist()) == {0.0, 0.5}
    assert (result == 0).float().mean().item() == pytest.approx(0.1, abs=0.01)
