"""The width of a blur is told from the fall of the spectrum, whatever the ground, the sensor and the noise are."""

import pytest
import torch
from tests.initial.test_motion import rough_ground

from llars.degrade import get
from llars.initial.deconvolution import SIDE, Kernel, corner_windows, kernels, transfers
from llars.initial.widths import Curves, width_likelihood

ALIKE = [kernel for kernel in kernels() if kernel.kind != "motion"]


def likeliest(image: torch.Tensor) -> Kernel:
    curves = Curves.of(transfers()[[kernel.kind != "motion" for kernel in kernels()]].square())
    windows = image[0].unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).flatten(1, 2).swapaxes(0, 1)
    return ALIKE[int(width_likelihood(windows, curves).argmax())]


@pytest.mark.parametrize(
    ("severity", "noise", "off_px"),
    [(0.5, 0.0, 0.15), (0.75, 0.0, 0.15), (1.0, 0.0, 0.15), (0.75, 1e-3, 0.45), (1.0, 1e-3, 0.45)],
)
def test_the_width_of_a_gaussian_is_found(severity: float, noise: float, off_px: float) -> None:
    blurred = get("gaussian_blur")(rough_ground(0, 256), severity)
    blurred = blurred + noise * torch.randn(blurred.shape, generator=torch.Generator().manual_seed(0))
    found = likeliest(blurred)
    assert found.kind == "gaussian"
    assert found.size_px == pytest.approx(2 * severity, abs=off_px)


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_a_disc_is_told_from_a_gaussian(severity: float) -> None:
    found = likeliest(get("defocus_blur")(rough_ground(1, 256), severity))
    assert found.kind == "defocus"
    assert found.size_px == pytest.approx(4 * severity, abs=0.25)


def test_what_is_sharp_is_not_taken_for_wide() -> None:
    found = likeliest(rough_ground(2, 256))
    assert found.kind == "none" or found.size_px < 0.7


def test_bands_without_contrast_have_no_say() -> None:
    curves = Curves.of(transfers()[:20].square())
    windows = torch.full((4, 2, SIDE, SIDE), 0.3)
    assert not width_likelihood(windows, curves).any()
    windows[:, 0] = corner_windows(rough_ground(3))[0, :, 0]
    assert torch.allclose(width_likelihood(windows, curves), width_likelihood(windows[:, :1], curves))
