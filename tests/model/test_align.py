"""Transport plans: marginals, masks, permutations."""

import pytest
import torch

from llars.bands import Band
from llars.errors import BandError
from llars.model.align import REFERENCE_BANDS, Alignment, Plan, describe, sinkhorn
from llars.model.config import PRESETS


def random_logits(slots: int, bands: int, reach: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(slots * 100 + bands)
    return reach * (2 * torch.rand(3, slots, bands, generator=generator) - 1)


@pytest.mark.parametrize("bands", [1, 3, 4, 10, 13, 40])
def test_marginals_hold_after_the_configured_iterations(bands: int) -> None:
    logits = random_logits(16, bands, reach=Alignment.REACH)
    iterations = min(config.sinkhorn_iterations for config in PRESETS.values())
    mass = sinkhorn(logits, torch.ones(3, bands, dtype=torch.bool), iterations)
    torch.testing.assert_close(mass.sum(2), torch.full((3, 16), 1 / 16), atol=1e-6, rtol=0)
    torch.testing.assert_close(mass.sum(1), torch.full((3, bands), 1 / bands), atol=1e-3 / bands, rtol=0)


def test_rows_and_columns_of_the_normalised_plans_sum_to_one() -> None:
    plan = Plan(sinkhorn(random_logits(6, 4, 5.0), torch.ones(3, 4, dtype=torch.bool), 50))
    torch.testing.assert_close(plan.to_slots.sum(-1), torch.ones(3, 6))
    torch.testing.assert_close(plan.to_bands.sum(-1), torch.ones(3, 4))


def test_padding_takes_no_part() -> None:
    logits = random_logits(6, 5, 5.0)
    present = torch.tensor([True, True, True, False, False]).expand(3, 5)
    padded = sinkhorn(logits, present, 50)
    alone = sinkhorn(logits[..., :3], present[:, :3], 50)
    torch.testing.assert_close(padded[..., :3], alone)
    assert padded[..., 3:].abs().max() == 0


def test_the_plan_passes_gradients_to_the_logits() -> None:
    logits = random_logits(6, 4, 5.0).requires_grad_()
    (sinkhorn(logits, torch.ones(3, 4, dtype=torch.bool), 50)[:, 0, 0]).sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[:, 0, 0].min() > 0


def test_description_knows_what_is_unknown() -> None:
    described = describe([[Band("B04", 665.0, 31.0, 10.0), Band("x")], [Band("VV")]])
    assert described.present.tolist() == [[True, True], [True, False]]
    assert described.known[0].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert described.numbers[0, 0, 0].item() == pytest.approx(2.8228, abs=1e-4)  # log10(665)


def test_an_image_without_bands_is_refused() -> None:
    with pytest.raises(BandError, match="at least one band"):
        describe([[]])


def test_reference_bands_are_told_apart() -> None:
    described = describe([REFERENCE_BANDS])
    features = torch.cat((described.numbers, described.kinds.float()), -1)[0]
    assert len(torch.unique(features, dim=0)) == len(REFERENCE_BANDS)
