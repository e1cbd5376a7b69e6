"""Sentences that an adapter was taught, which are recognised before any others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from llars.infer.instructions import UNNAMED_SEVERITY, Interpretation
from llars.tasks import Step
from llars.text.clauses import cut
from llars.text.negation import without_negated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SentenceMatcher"]

MIN_SIMILARITY = 0.85
"""Cosine similarity of two sentence vectors above which the sentences count as paraphrases."""


class _Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class _Interpreter(Protocol):
    def interpret(self, text: str) -> Interpretation: ...


class SentenceMatcher:
    """A reader of instructions that recognises the user's own sentences, and leaves the rest to another reader."""

    def __init__(self, reader: _Interpreter, encoder: _Encoder, custom: Mapping[str, str]) -> None:
        """Encodes the sentences ``custom``, each with the key of its task."""
        self._reader, self._encoder = reader, encoder
        self._tasks = tuple(custom.values())
        self._vectors = encoder.encode(tuple(custom))

    def interpret(self, text: str) -> Interpretation:
        """What ``text`` asks for; a part that resembles a taught sentence becomes a step of that sentence's task.

        Raises:
            InstructionError: it asks for nothing that llars does.
        """
        allowed = without_negated(text) if self._tasks else ""
        if not allowed:
            return self._reader.interpret(text)
        if (step := self._matching_step(allowed)) is not None:
            return Interpretation((step,), ())
        pieces = cut(allowed)
        if all(self._matching_step(piece) is None for piece in pieces):
            return self._reader.interpret(text)
        interpretations = [self.interpret(piece) for piece in pieces]
        return Interpretation(
            tuple(step for one in interpretations for step in one.steps),
            tuple(doubt for one in interpretations for doubt in one.doubts),
        )

    def _matching_step(self, text: str) -> Step | None:
        """The step of the taught sentence that ``text`` resembles; None where it resembles none."""
        similarity = self._vectors @ self._encoder.encode([text])[0]
        best = int(similarity.argmax())
        if similarity[best] < MIN_SIMILARITY:
            return None
        confidence = min(1.0, float(similarity[best]))
        return Step(self._tasks[best], UNNAMED_SEVERITY, text, confidence=confidence, taught=text)
