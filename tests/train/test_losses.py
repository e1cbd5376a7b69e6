"""What training minimises."""

import torch

from llars.model.normalise import Statistics
from llars.model.output import Output
from llars.train.losses import LossWeights, restoration_loss, spectral_angle


def output(image: torch.Tensor) -> Output:
    return Output(image, torch.zeros_like(image))


def test_spectral_angle_ignores_brightness_and_sees_colour() -> None:
    truth = torch.rand(2, 4, 8, 8) + 0.1
    tinted = truth * torch.tensor([1.0, 2.0, 1.0, 1.0])[:, None, None]
    torch.testing.assert_close(spectral_angle(3 * truth, truth), torch.zeros(2), atol=1e-6, rtol=0)
    assert spectral_angle(tinted, truth).min() > 0.01
    assert spectral_angle(truth[:, :1], tinted[:, 1:2]).tolist() == [0.0, 0.0]


def test_a_perfect_restoration_costs_nothing() -> None:
    truth = torch.randn(2, 3, 16, 16)
    statistics = Statistics(torch.full((2, 3), 0.5), torch.full((2, 3), 0.1))
    assert restoration_loss(output(truth), truth, statistics, LossWeights()).abs().max() < 1e-6


def test_the_error_of_a_hazy_image_counts_in_the_contrast_of_its_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(1, 1, 64, 64, generator=generator)
    statistics = Statistics(torch.zeros(1, 1), torch.ones(1, 1))
    plain = restoration_loss(output(truth + 0.5), truth, statistics, LossWeights())
    hazy = restoration_loss(output(5 * truth + 2.5), 5 * truth, statistics, LossWeights())
    torch.testing.assert_close(hazy, plain, rtol=0.02, atol=0)
