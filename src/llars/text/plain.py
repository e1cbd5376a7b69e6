"""Vectors of the canonical sentence for every task and strength, which condition the network in training and use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llars.tasks import RESOLUTIONS, TASK_KEYS, words_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PlainWords"]

_USUAL = 0.5
"""The severity that words without a strength stand for."""

_ALWAYS_TOLD = ("brightness", "sr")
"""Tasks whose words always name a direction or a factor."""

_STRENGTHS = (-0.9, -_USUAL, -0.1, 0.1, _USUAL, 0.9)


class PlainWords:
    """The vectors of ``words_for`` for all tasks, drawn by task and severity.

    The instruction reader reduces whatever users write to these sentences, so the network need not know any others.
    """

    def __init__(self, encode: Callable[[Sequence[str]], NDArray[np.float32]]) -> None:
        """Encodes a few dozen sentences; ``encode`` maps texts to vectors ``(sentence, feature)``."""
        strengths = {words_for(task, strength) for task in TASK_KEYS for strength in _STRENGTHS}
        sentences = sorted(strengths | {words_for("sr", _USUAL, scale) for scale in RESOLUTIONS})
        self._row = {text: row for row, text in enumerate(sentences)}
        self._vectors = torch.from_numpy(encode(sentences)).float()

    def draw(self, task: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        """One vector for each sample, ``(batch, feature)`` float32 on the CPU.

        Args:
            task: ``(batch,)`` int64, index into ``TASK_KEYS``.
            severity: ``(batch,)`` in [0, 1]; [-1, 1] for ``brightness``; (scale - 1) / 3 for ``sr``.
            generator: source of randomness, on the CPU.

        Half of the sentences name no strength, except for ``brightness`` and ``sr``, whose words always fit.
        """
        silent = torch.rand(len(task), generator=generator) < 0.5
        sentences = [
            _words(TASK_KEYS[index], strength, quiet)
            for index, strength, quiet in zip(task.tolist(), severity.tolist(), silent.tolist(), strict=True)
        ]
        return self._vectors[[self._row[words] for words in sentences]]


def _words(task: str, severity: float, silent: bool) -> str:
    if task in _ALWAYS_TOLD:
        return words_for(task, severity, scale=round(3 * severity) + 1)
    return words_for(task, _USUAL if silent else severity)
