"""Sentences that an adapter was taught, which are recognised before any others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from llars.infer.instructions import UNNAMED_SEVERITY, Interpretation
from llars.tasks import Step
from llars.text.clauses import cut, without_negated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Taught"]

NEAR = 0.85
"""Cosine similarity of two sentence vectors above which the sentences count as paraphrases."""


class _Encodes(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class _Interprets(Protocol):
    def interpret(self, text: str) -> Interpretation: ...


class Taught:
    """A reader of instructions that recognises the user's own sentences, and leaves the rest to another reader."""

    def __init__(self, reader: _Interprets, encoder: _Encodes, taught: Mapping[str, str]) -> None:
        """Encodes the sentences ``taught``, each with the key of its task."""
        self._reader, self._encoder = reader, encoder
        self._tasks = tuple(taught.values())
        self._vectors = encoder.encode(tuple(taught))

    def interpret(self, text: str) -> Interpretation:
        """What ``text`` asks for; a part that resembles a taught sentence becomes a step of that sentence's task.

        Raises:
            InstructionError: it asks for nothing that llars does.
        """
        wanted = without_negated(text) if self._tasks else ""
        if not wanted:
            return self._reader.interpret(text)
        if (step := self._own(wanted)) is not None:
            return Interpretation((step,), ())
        pieces = cut(wanted)
        if all(self._own(piece) is None for piece in pieces):
            return self._reader.interpret(text)
        each = [self.interpret(piece) for piece in pieces]
        return Interpretation(
            tuple(step for one in each for step in one.steps), tuple(doubt for one in each for doubt in one.doubts)
        )

    def _own(self, text: str) -> Step | None:
        """The step of the taught sentence that ``text`` resembles; None where it resembles none."""
        likeness = self._vectors @ self._encoder.encode([text])[0]
        best = int(likeness.argmax())
        if likeness[best] < NEAR:
            return None
        confidence = min(1.0, float(likeness[best]))
        return Step(self._tasks[best], UNNAMED_SEVERITY, text, confidence=confidence, taught=text)
