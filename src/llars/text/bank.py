"""Sentence vectors made ahead of training, so that the training loop never runs the sentence encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from llars.errors import DataError
from llars.tasks import TASK_KEYS
from llars.text.grammar import corpus, signed_levels

if TYPE_CHECKING:
    from llars.text.encoder import SentenceEncoder

__all__ = ["InstructionBank"]


class InstructionBank:
    """Vectors of many sentences for every task, drawn at random by task and strength."""

    def __init__(self, vectors: Tensor, task: Tensor, severity: Tensor) -> None:
        """Holds ``vectors`` (n, 384) float16, ``task`` (n,) int64 and ``severity`` (n,) float32.

        ``task`` indexes ``TASK_KEYS``; ``severity`` is signed, and NaN where the sentence names no strength.
        """
        self.vectors, self.task, self.severity = vectors, task, severity
        # For each task and each strength that sentences can name, the rows that fit it.
        self._levels: list[Tensor] = []
        self._rows: list[list[Tensor]] = []
        for index, key in enumerate(TASK_KEYS):
            levels = torch.tensor(signed_levels(key))
            mine = task == index
            rows = [self._fitting(mine, float(level)) for level in levels]
            for level, found in zip(levels, rows, strict=True):
                if not len(found):
                    raise DataError(
                        f"the instruction bank has no sentence for {key} at strength {float(level):.2f}; build it anew"
                    )
            self._levels.append(levels)
            self._rows.append(rows)

    def _fitting(self, mine: Tensor, level: float) -> Tensor:
        silent = self.severity.isnan()
        return torch.nonzero(mine & (silent | ((self.severity - level).abs() < 1e-3))).flatten()

    def __len__(self) -> int:
        return len(self.task)

    @classmethod
    def build(
        cls, encoder: SentenceEncoder, per_task: int = 3000, seed: int = 0, split: str = "train"
    ) -> InstructionBank:
        """Writes ``per_task`` sentences for every task and encodes them (about 1 ms each on one core)."""
        spoken = [utterance for key in TASK_KEYS for utterance in corpus(key, per_task, seed, split)]
        vectors = torch.from_numpy(encoder.encode([utterance.text for utterance in spoken])).half()
        task = torch.tensor([TASK_KEYS.index(utterance.task) for utterance in spoken])
        severity = torch.tensor(
            [float("nan") if utterance.severity is None else utterance.severity for utterance in spoken]
        )
        return cls(vectors, task, severity)

    def save(self, path: str | Path) -> None:
        """Writes the bank as safetensors."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        tensors = {"vectors": self.vectors, "task": self.task, "severity": self.severity}
        save_file(tensors, str(path), metadata={"tasks": ",".join(TASK_KEYS)})

    @classmethod
    def load(cls, path: str | Path) -> InstructionBank:
        """Reads a bank.

        Raises:
            DataError: the file is missing, or is no bank.
        """
        try:
            tensors = load_file(str(path))
            return cls(tensors["vectors"], tensors["task"], tensors["severity"])
        except (OSError, SafetensorError, KeyError) as error:
            raise DataError(
                f"{path} is not an instruction bank ({error}); build one with InstructionBank.build"
            ) from error

    def draw(self, task: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        """One sentence vector for each sample, ``(batch, 384)`` float32 on the CPU.

        Args:
            task: ``(batch,)`` int64, index into ``TASK_KEYS``.
            severity: ``(batch,)`` in [0, 1]; [-1, 1] for ``brightness``; (scale - 1) / 3 for ``sr``.
            generator: source of randomness, on the CPU.

        The sentence names no strength, or the one nearest to ``severity``; direction and scale always fit.
        """
        pick = torch.rand(len(task), generator=generator)
        chosen = torch.empty(len(task), dtype=torch.int64)
        for sample, (index, strength) in enumerate(zip(task.tolist(), severity.tolist(), strict=True)):
            nearest = int((self._levels[index] - strength).abs().argmin())
            rows = self._rows[index][nearest]
            chosen[sample] = rows[int(pick[sample] * len(rows))]
        return self.vectors[chosen].float()
