"""The filter undoes a blur as far as it is sure of it."""

import math

import pytest
import torch
from tests.initial.test_stripes import error, ground

from llars.degrade import get
from llars.initial.deconvolution import SIDE, kernels, transfers, wiener
from llars.initial.filters import deconvolve

KINDS = {"gaussian_blur": "gaussian", "defocus_blur": "defocus", "motion_blur": "motion"}


def certain(index: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor([index]), len(kernels())).float()


@pytest.mark.parametrize("kind", KINDS)
def test_transfers_are_those_of_the_degradations(kind: str) -> None:
    """Whatever the operator makes of a point, some kernel of its kind makes nearly the same."""
    impulse = torch.zeros(1, 1, SIDE, SIDE)
    impulse[..., SIDE // 2, SIDE // 2] = 1.0
    spread = get(kind)(impulse, 0.5, generator=torch.Generator().manual_seed(0))
    transfer = torch.fft.rfft2(torch.fft.ifftshift(spread[0, 0])).real
    apart = (transfers() - transfer).square().mean((1, 2))
    best = kernels()[int(apart.argmin())]
    assert best.kind == KINDS[kind]
    assert float(apart.min()) < 2e-3


def test_a_known_blur_is_undone() -> None:
    clean = ground(0)
    blurred = get("gaussian_blur")(clean, 0.5)
    known = next(
        n for n, kernel in enumerate(kernels()) if kernel.kind == "gaussian" and math.isclose(kernel.size_px, 1)
    )
    restored = deconvolve(blurred, wiener(certain(known), torch.tensor([1e-5])))
    assert error(restored, clean) < 0.5 * error(blurred, clean)


def test_doubt_makes_the_filter_cautious() -> None:
    doubt = torch.full((1, len(kernels())), 1 / len(kernels()))
    strongest = [
        float(torch.fft.rfft2(wiener(odds, torch.tensor([1e-4]))).abs().max()) for odds in (certain(10), doubt)
    ]
    assert strongest[1] < strongest[0]


def test_where_nothing_is_blurred_nothing_changes() -> None:
    image = ground(1)
    assert torch.allclose(deconvolve(image, wiener(certain(0), torch.tensor([1e-8]))), image, atol=1e-5)


def test_a_constant_image_stays_constant() -> None:
    flat = torch.full((1, 2, 40, 50), 0.4)
    assert torch.allclose(deconvolve(flat, wiener(certain(30), torch.tensor([1e-4]))), flat, atol=1e-5)


def test_every_image_has_its_own_filter() -> None:
    pair = torch.cat((ground(2), ground(3)))
    filters = torch.cat((wiener(certain(5), torch.tensor([1e-4])), wiener(certain(60), torch.tensor([1e-4]))))
    together = deconvolve(pair, filters)
    for image, taps, expected in zip(pair, filters, together, strict=True):
        assert torch.allclose(deconvolve(image[None], taps[None])[0], expected, atol=1e-6)
