"""Stripes are found from what neighbouring lines have in common, and only where there are any."""

import numpy as np
import pytest
import torch

from llars.degrade import get
from llars.initial.stripes import find_lines, without_stripes
from llars.weights.estimators import STRIPES, load_correction


def ground(seed: int = 0, side: int = 128, bands: int = 3) -> torch.Tensor:
    """``(1, band, y, x)``: smooth hills with fields of sharp edges, as land has."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, bands, 9, 9, generator=generator)
    hills = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True)
    fields = torch.rand(1, bands, side // 16, side // 16, generator=generator).repeat_interleave(16, 2)
    texture = 0.005 * torch.randn(1, bands, side, side, generator=generator)
    return 0.2 + 0.2 * hills + 0.1 * fields.repeat_interleave(16, 3) + texture


def error(image: torch.Tensor, truth: torch.Tensor) -> float:
    return float((image - truth).square().mean().sqrt())


@pytest.mark.parametrize("seed", range(4))
def test_stripes_go_whichever_way_they_run(seed: int) -> None:
    clean = ground(seed)
    striped = get("detector_stripes")(clean, 0.5, generator=torch.Generator().manual_seed(seed))
    assert error(without_stripes(striped), clean) < 0.35 * error(striped, clean)


def test_turning_the_image_turns_the_result() -> None:
    striped = get("detector_stripes")(ground(1), 0.7, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(without_stripes(striped.mT), without_stripes(striped).mT, atol=1e-6)


def test_an_image_without_stripes_stays_nearly_as_it_is() -> None:
    clean = ground(2)
    assert error(without_stripes(clean), clean) < 0.003


def test_offsets_and_gains_are_told() -> None:
    clean = ground(3, bands=1)
    generator = torch.Generator().manual_seed(3)
    offset, gain = 0.05 * torch.randn(128, generator=generator), 1 + 0.05 * torch.randn(128, generator=generator)
    found = find_lines(clean * gain + offset)
    mended = found.correct(clean * gain + offset)
    assert error(mended, clean) < 0.4 * error(clean * gain + offset, clean)
    assert np.corrcoef(1 / found.gain[0, 0], gain)[0, 1] > 0.7


def test_missing_pixels_are_left_out() -> None:
    striped = get("detector_stripes")(ground(4), 0.5, generator=torch.Generator().manual_seed(4))
    valid = torch.ones_like(striped, dtype=torch.bool)
    valid[..., :40, :] = False
    spoilt = striped.where(valid, 7.0)
    expected = find_lines(striped[..., 40:, :])
    found = find_lines(spoilt, valid)
    assert torch.allclose(found.offset, expected.offset, atol=1e-5)
    assert torch.allclose(found.gain, expected.gain, atol=1e-5)


def test_a_band_without_data_and_a_single_line_do_no_harm() -> None:
    empty = find_lines(ground(5), torch.zeros(1, 3, 128, 128, dtype=torch.bool))
    assert bool((empty.gain == 1).all())
    assert bool((empty.offset == 0).all())
    flat = torch.full((1, 2, 32, 32), 0.3)
    assert torch.allclose(without_stripes(flat), flat, atol=1e-6)


@pytest.mark.parametrize(("fault", "least"), [("detector_stripes", 0.0), ("dead_lines", 2.0), ("uniform_stripes", 2.0)])
def test_the_network_is_nearer_to_the_ground_than_lines_alone(fault: str, least: float) -> None:
    """Most of all where stripes are no gains and offsets of whole lines. Decibels, mean over four images."""
    gains = []
    for seed in range(4):
        clean = ground(seed)
        striped = get(fault)(clean, 0.5, generator=torch.Generator().manual_seed(seed))
        plain, corrected = (error(without_stripes(striped, one), clean) for one in (None, load_correction(STRIPES)))
        gains.append(20.0 * np.log10(plain / corrected))
    assert np.mean(gains) > least
    assert error(without_stripes(ground(2), load_correction(STRIPES)), ground(2)) < 0.003
