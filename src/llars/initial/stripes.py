"""Stripes along whole lines: the gain and the offset of every detector, from comparing neighbouring lines.

The ground changes little from one line to the next, and the median along a line is robust where it does. So the median
difference of two neighbours gives their difference in offset, the ratio of their standard deviations that in gain.
Each such difference has a variance; with a prior of no stripes, the most probable lines solve a tridiagonal system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from llars.model.correction import CorrectionNetwork

__all__ = ["LineEstimate", "Lines", "corrected", "find_lines", "line_estimate", "without_stripes"]

MEDIAN_VARIANCE = 1.57
"""Variance of a median over that of a mean: pi / 2, for normal values."""

CORRELATED = 6.0
"""Pixels of a line that carry as much information as one independent pixel: the ground is smooth."""

ROUNDS = 2
"""Repetitions: gains and offsets are separated better once most of both has been removed."""

MIN_PIXELS = 16
"""Valid pixels that two lines must have in common for their difference to count."""

SMALL_CORRECTION = 0.15
"""Corrections smaller than this multiple of the scale are weighed down, as they do more harm than good: what is common
to a whole line is found more precisely than the network sees it. Chosen on the validation split.
"""

LEAST_SCALE = 5e-3
"""Scale of stripes, in unit values, where none are found."""

TO_DEVIATION = 1.4826
"""Standard deviation over median absolute deviation, for normal values."""


@dataclass(frozen=True)
class Lines:
    """The correction of each line: ``gain * value + offset``."""

    gain: Tensor
    """``(batch, band, line)``."""

    offset: Tensor
    """``(batch, band, line)`` unit values."""

    evidence: Tensor
    """``(batch,)``: how far the differences between lines exceed what the ground explains."""

    def correct(self, image: Tensor) -> Tensor:
        """``(batch, band, y, line)`` with these lines corrected."""
        return image * self.gain[:, :, None] + self.offset[:, :, None]

    def scale(self, mean: Tensor) -> Tensor:
        """``(batch, band, 1, 1)``: root mean square of what is taken from a pixel of ``mean`` value, at least a little.

        Stripes that are not straight, and dead lines, are hardly found as lines: some scale must be left for them.
        """
        taken = (self.gain - 1.0) * mean[..., None] + self.offset
        return (taken.square().mean(2) + LEAST_SCALE**2).sqrt()[..., None, None]


def find_lines(sample: Tensor, valid: Tensor | None = None) -> Lines:
    """The stripes along the third axis.

    Args:
        sample: ``(batch, band, y, line)`` unit values: pixels of each line, from all over it.
        valid: boolean, the same shape: pixels that hold data; None means all.
    """
    image = sample.float() if valid is None else sample.float().where(valid, torch.nan)
    mean = image.nanmean(dim=(2, 3), keepdim=True).nan_to_num(0.0)
    gain, offset = torch.ones_like(image[:, :, 0]), torch.zeros_like(image[:, :, 0])
    evidence = torch.zeros(len(image), device=image.device)
    for iteration in range(ROUNDS):
        logarithm = _integrated(*_gain_differences(image))
        step = torch.exp(-logarithm)
        image = (image - mean) * step[:, :, None] + mean
        difference, variance = _offset_differences(image)
        shift = _integrated(difference, variance)
        if iteration == 0:
            evidence = _evidence(difference, variance)
        image = image - shift[:, :, None]
        gain, offset = gain * step, (offset - mean[:, :, 0]) * step + mean[:, :, 0] - shift
    return Lines(gain, offset, evidence)


@dataclass(frozen=True)
class LineEstimate:
    """Images without the stripes along whole lines."""

    estimate: Tensor
    """``(batch, band, y, x)``, without the stripes that run down or across, whichever are more evident."""

    scale: Tensor
    """``(batch, band, 1, 1)``: size of the stripes; see ``Lines.scale``."""


def line_estimate(image: Tensor) -> LineEstimate:
    """The classical estimate of ``(batch, band, y, x)`` unit values without gaps."""
    down, across = find_lines(image), find_lines(image.mT)
    rows = (across.evidence > down.evidence).view(-1, 1, 1, 1)
    estimate = torch.where(rows, across.correct(image.mT).mT, down.correct(image))
    mean = image.mean((2, 3))
    return LineEstimate(estimate, torch.where(rows, across.scale(mean), down.scale(mean)))


def without_stripes(image: Tensor, network: CorrectionNetwork | None = None) -> Tensor:
    """``(batch, band, y, x)`` unit values without their stripes; the network, if there is one, corrects the result."""
    found = line_estimate(image)
    return found.estimate if network is None else corrected(image, found.estimate, found.scale, network)


def corrected(image: Tensor, estimate: Tensor, scale: Tensor, network: CorrectionNetwork) -> Tensor:
    """The classical estimate with the correction of the network, weighed down where that is small."""
    correction = network.correction(image, estimate, scale.expand_as(image))
    power = correction.square()
    return estimate + correction * power / (power + (SMALL_CORRECTION * scale).square())


def _offset_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Median difference of every line to the one before, ``(batch, band, line - 1)``, and its variance."""
    differences = image.diff(dim=3)
    count = differences.isfinite().sum(dim=2)
    median = differences.nanmedian(dim=2).values
    spread = TO_DEVIATION * (differences - median[:, :, None]).abs().nanmedian(dim=2).values
    variance = MEDIAN_VARIANCE * CORRELATED * spread.square() / count.clamp(min=1)
    return _reliable_differences(median, variance, count)


def _gain_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithm of the ratio of every line's deviation to that of the one before, and its variance."""
    finite = image.isfinite()
    both = finite[..., 1:] & finite[..., :-1]
    count = both.sum(dim=2)
    first, second = (_centred(part, both, count) for part in (image[..., :-1], image[..., 1:]))
    first_power, second_power = (part.square().sum(dim=2).clamp(min=1e-12) for part in (first, second))
    correlation = (first * second).sum(dim=2) / (first_power * second_power).sqrt()
    variance = CORRELATED * (1.0 - correlation.square()).clamp(min=1e-4) / count.clamp(min=1)
    # Where lines are uncorrelated, such as a dead one and its neighbour, the ratio means nothing.
    return _reliable_differences(0.5 * (second_power / first_power).log(), variance, count.where(correlation > 0.5, 0))


def _centred(part: Tensor, finite: Tensor, count: Tensor) -> Tensor:
    centred = part.where(finite, 0.0)
    return (centred - centred.sum(dim=2, keepdim=True) / count.clamp(min=1)[:, :, None]).where(finite, 0.0)


def _reliable_differences(difference: Tensor, variance: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of lines with too few pixels in common become 0 with infinite variance."""
    reliable = (count >= MIN_PIXELS) & difference.isfinite()
    return difference.where(reliable, 0.0), variance.where(reliable, torch.inf).clamp(min=1e-9)


def _evidence(difference: Tensor, variance: Tensor) -> Tensor:
    """Difference over standard deviation, median over lines, mean over bands."""
    return (difference.abs() / variance.sqrt()).median(dim=2).values.mean(dim=1)


def _integrated(difference: Tensor, variance: Tensor) -> Tensor:
    """The most probable values ``(batch, band, line)`` of which neighbours differ by ``difference``.

    Their prior is normal about 0; its variance comes from the spread of the differences in excess of their errors.
    """
    reliable = variance.isfinite()
    excess = (difference.square() - variance).where(reliable, torch.nan).nanmean(dim=2, keepdim=True)
    prior = 0.5 * excess.nan_to_num(0.0)
    precision = (1.0 / variance).double()
    edge = torch.zeros_like(precision[..., :1])
    diagonal = 1.0 / prior.clamp(min=1e-12).double() + torch.cat((edge, precision), 2) + torch.cat((precision, edge), 2)
    weighted = precision * difference
    right_side = torch.cat((edge, weighted), 2) - torch.cat((weighted, edge), 2)
    return _tridiagonal(diagonal, -precision, right_side).to(difference.dtype)


def _tridiagonal(diagonal: Tensor, off_diagonal: Tensor, right_side: Tensor) -> Tensor:
    """Solve symmetric tridiagonal systems along the last axis (Thomas algorithm)."""
    columns = diagonal.unbind(-1), off_diagonal.unbind(-1), right_side.unbind(-1)
    ratios, parts = [], []
    pivot = columns[0][0]
    parts.append(columns[2][0] / pivot)
    for i, off in enumerate(columns[1]):
        ratios.append(off / pivot)
        pivot = columns[0][i + 1] - off * ratios[i]
        parts.append((columns[2][i + 1] - off * parts[i]) / pivot)
    solved = [parts[-1]]
    for part, ratio in zip(reversed(parts[:-1]), reversed(ratios), strict=True):
        solved.append(part - ratio * solved[-1])
    return torch.stack(solved[::-1], dim=-1)
