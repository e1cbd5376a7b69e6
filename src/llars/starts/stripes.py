"""Stripes along whole lines: the gain and the offset of every detector, from comparing neighbouring lines.

The ground changes little from one line to the next, and the median along a line is robust where it does. So the median
difference of two neighbours gives their difference in offset, the ratio of their standard deviations that in gain.
Each such difference has a variance; with a prior of no stripes, the most probable lines solve a tridiagonal system.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Lines", "find_lines", "without_stripes"]

MEDIAN_VARIANCE = 1.57
"""Variance of a median over that of a mean: pi / 2, for normal values."""

CORRELATED = 6.0
"""Pixels of a line that carry as much information as one independent pixel: the ground is smooth."""

ERRORS = 1.0

ROUNDS = 2
"""Repetitions: gains and offsets are separated better once most of both has been removed."""

FEWEST = 16
"""Valid pixels that two lines must have in common for their difference to count."""

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

    def mend(self, image: Tensor) -> Tensor:
        """``(batch, band, y, line)`` with these lines corrected."""
        return image * self.gain[:, :, None] + self.offset[:, :, None]


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
    for turn in range(ROUNDS):
        logarithm = _chained(*_gain_differences(image))
        step = torch.exp(-logarithm)
        image = (image - mean) * step[:, :, None] + mean
        difference, variance = _offset_differences(image)
        shift = _chained(difference, variance)
        if turn == 0:
            evidence = _evidence(difference, variance)
        image = image - shift[:, :, None]
        gain, offset = gain * step, (offset - mean[:, :, 0]) * step + mean[:, :, 0] - shift
    return Lines(gain, offset, evidence)


def without_stripes(image: Tensor, valid: Tensor | None = None) -> Tensor:
    """``(batch, band, y, x)`` without the stripes that run down or across it, whichever are more evident."""
    down = find_lines(image, valid)
    across = find_lines(image.mT, None if valid is None else valid.mT)
    rows = (across.evidence > down.evidence).view(-1, 1, 1, 1)
    return torch.where(rows, across.mend(image.mT).mT, down.mend(image))


def _offset_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Median difference of every line to the one before, ``(batch, band, line - 1)``, and its variance."""
    apart = image.diff(dim=3)
    count = apart.isfinite().sum(dim=2)
    median = apart.nanmedian(dim=2).values
    spread = TO_DEVIATION * (apart - median[:, :, None]).abs().nanmedian(dim=2).values
    variance = MEDIAN_VARIANCE * CORRELATED * spread.square() / count.clamp(min=1)
    return _told(median, variance, count)


def _gain_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithm of the ratio of every line's deviation to that of the one before, and its variance."""
    there = image.isfinite()
    both = there[..., 1:] & there[..., :-1]
    count = both.sum(dim=2)
    first, second = (_about_mean(part, both, count) for part in (image[..., :-1], image[..., 1:]))
    one, two = (part.square().sum(dim=2).clamp(min=1e-12) for part in (first, second))
    alike = (first * second).sum(dim=2) / (one * two).sqrt()
    variance = CORRELATED * (1.0 - alike.square()).clamp(min=1e-4) / count.clamp(min=1)
    # Where lines are uncorrelated, such as a dead one and its neighbour, the ratio means nothing.
    return _told(0.5 * (two / one).log(), variance, count.where(alike > 0.5, 0))


def _about_mean(part: Tensor, there: Tensor, count: Tensor) -> Tensor:
    held = part.where(there, 0.0)
    return (held - held.sum(dim=2, keepdim=True) / count.clamp(min=1)[:, :, None]).where(there, 0.0)


def _told(difference: Tensor, variance: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of lines with too few pixels in common become 0 with infinite variance."""
    known = (count >= FEWEST) & difference.isfinite()
    return difference.where(known, 0.0), variance.where(known, torch.inf).clamp(min=1e-9)


def _evidence(difference: Tensor, variance: Tensor) -> Tensor:
    """Difference over standard deviation, median over lines, mean over bands."""
    return (difference.abs() / variance.sqrt()).median(dim=2).values.mean(dim=1)


def _chained(difference: Tensor, variance: Tensor) -> Tensor:
    """The most probable values ``(batch, band, line)`` of which neighbours differ by ``difference``.

    Their prior is normal about 0; its variance comes from the spread of the differences in excess of their errors.
    """
    told = variance.isfinite()
    beyond = (difference.square() - ERRORS * variance).where(told, torch.nan).nanmean(dim=2, keepdim=True)
    prior = 0.5 * beyond.nan_to_num(0.0)
    precision = (1.0 / variance).double()
    edge = torch.zeros_like(precision[..., :1])
    diagonal = 1.0 / prior.clamp(min=1e-12).double() + torch.cat((edge, precision), 2) + torch.cat((precision, edge), 2)
    pull = precision * difference
    right = torch.cat((edge, pull), 2) - torch.cat((pull, edge), 2)
    return _tridiagonal(diagonal, -precision, right).to(difference.dtype)


def _tridiagonal(diagonal: Tensor, beside: Tensor, right: Tensor) -> Tensor:
    """Solve symmetric tridiagonal systems along the last axis (Thomas algorithm)."""
    columns = diagonal.unbind(-1), beside.unbind(-1), right.unbind(-1)
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
