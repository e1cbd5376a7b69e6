"""Several faults in one image, in the order of the imaging chain: atmosphere, optics, sampling, detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llars.degrade.base import Bands, Degradation
from llars.degrade.registry import sample_operator
from llars.errors import ConfigError

__all__ = ["ORDER", "Composite", "compose"]

ORDER: tuple[tuple[str, ...], ...] = (("haze", "cloud"), ("deblur",), ("sr",), ("destripe", "denoise"))
"""Tasks whose faults arise in the atmosphere, in the optics, in sampling and in the detector, in this order.

Within a stage this order holds, too: detectors amplify the signal before noise is added.
"""

FEWEST, MOST = 2, 3
"""Range of the number of faults in an image."""

SEVERITIES = (0.1, 0.8)
"""Range of severities that are drawn: a weaker fault is hidden by the others, a stronger one hides them."""


@dataclass(frozen=True)
class Composite:
    """An image with several faults."""

    image: Tensor
    """The degraded image, in the shape of the clean one."""

    operators: tuple[Degradation, ...]
    """The operators in the order of application. They are undone in reverse order."""

    severities: Tensor
    """``(operator, batch)`` severities; batch is 1 for a single image."""

    before: tuple[Tensor, ...]
    """The image before each operator, the clean one first: the targets of undoing the last faults one by one."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Keys of the tasks that undo the faults, in the order of the faults."""
        return tuple(operator.task for operator in self.operators)


def compose(
    image: Tensor,
    generator: torch.Generator,
    bands: Bands | None = None,
    *,
    tasks: Sequence[str] | None = None,
    count: int | None = None,
) -> Composite:
    """Draw two or three faults and apply them to ``image`` in physical order.

    Args:
        image: unit values, ``(band, y, x)`` or ``(batch, band, y, x)``; NaN is no data.
        generator: source of all random numbers.
        bands: bands of the image, or of each image of the batch.
        tasks: keys of the tasks whose faults are applied, in any order; None draws them.
        count: how many to draw, 2 or 3; None draws the number, too.

    Raises:
        ConfigError: a task has no place in the order or appears twice, or there are not two or three.
        LlarsError: as a ``Degradation`` does.
    """
    chosen = _drawn(generator, count) if tasks is None else _checked(tasks)
    batch = len(image) if image.ndim == 4 else 1
    operators = tuple(sample_operator(task, generator) for task in chosen)
    low, high = SEVERITIES
    drawn = torch.rand(len(operators), batch, generator=generator, device=generator.device).cpu()
    severities = low + (high - low) * drawn
    before = []
    for operator, severity in zip(operators, severities, strict=True):
        before.append(image)
        # Operators may return other strides, which the next one would pass on.
        image = operator(image, severity, generator, bands).contiguous()
    return Composite(image, operators, severities, tuple(before))


def _drawn(generator: torch.Generator, count: int | None) -> list[str]:
    """Tasks from different stages of ``ORDER``, in that order."""
    if count is None:
        count = int(torch.randint(FEWEST, MOST + 1, (), generator=generator, device=generator.device))
    if not FEWEST <= count <= MOST:
        raise ConfigError(f"a composite of {count} faults; expected {FEWEST} or {MOST}")
    places = torch.randperm(len(ORDER), generator=generator, device=generator.device)[:count].sort().values
    chosen = []
    for place in places.tolist():
        among = ORDER[place]
        chosen.append(among[int(torch.randint(len(among), (), generator=generator, device=generator.device))])
    return chosen


def _checked(tasks: Sequence[str]) -> list[str]:
    """The tasks in physical order."""
    order = [task for place in ORDER for task in place]
    unknown = [task for task in tasks if task not in order]
    if unknown or len(set(tasks)) != len(tasks) or not FEWEST <= len(tasks) <= MOST:
        raise ConfigError(
            f"a composite of {', '.join(tasks) or 'nothing'}; expected {FEWEST} or {MOST} different ones of "
            f"{', '.join(order)}"
        )
    return sorted(tasks, key=order.index)
