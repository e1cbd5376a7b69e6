"""Instructions: words to steps, with the bundled encoder and reader."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llars.errors import InstructionError
from llars.infer.doubts import MAX_STOPS, doubts, ignored, is_aside
from llars.model.reading import SURE, Reading
from llars.tasks import TASK_KEYS, Step, get_task
from llars.text.clauses import Clause, cut, likelier, requests
from llars.text.direction import direction, plain_stops, stops
from llars.text.encoder import SentenceEncoder
from llars.text.layout import set_apart, takes_back
from llars.text.lengths import plain_arrows
from llars.text.negation import leaves_open, without_negated
from llars.text.restrictions import names_only_bands
from llars.text.scales import quoted, repeats, scale_in, scale_of, shortened
from llars.text.spoiling import plain_wishes, without_denied
from llars.text.strength import joined_strengths, may_name_strength, named_strength
from llars.text.unsupported import unsupported
from llars.text.vague import vague
from llars.weights.reader import load_parser

__all__ = ["Interpretation", "Reader"]

UNNAMED_SEVERITY = 0.5
"""Strength of a step whose words name none."""

_SHORT = {
    "cloud_sar": "remove the clouds with the radar",
    "deblur": "sharpen the image",
    "pansharpen": "pansharpen",
    "stf": "predict the later date",
}
"""Shorter requests for some tasks than their canonical sentences, for lists of what can be said."""


@dataclass(frozen=True)
class Interpretation:
    """What an instruction was taken to mean."""

    steps: tuple[Step, ...]
    """What to do, in order."""

    doubts: tuple[str, ...]
    """A line for the user on each step that might have been meant otherwise, and on whatever is not done as asked."""


class Reader:
    """Understands instructions. Loading takes a fraction of a second; reading one, a few milliseconds."""

    def __init__(self, encoder: SentenceEncoder | None = None, tasks: Sequence[str] = TASK_KEYS) -> None:
        """Loads the bundled weights.

        Args:
            encoder: one that is loaded already, to share it.
            tasks: keys of the tasks that error messages suggest; all tasks are understood.

        Raises:
            WeightsError: the bundled weights are missing or damaged.
        """
        self._parser = load_parser(encoder or SentenceEncoder())
        self._tasks = tuple(tasks)

    def understand(self, text: str) -> list[Step]:
        """The steps that ``text`` asks for, in order.

        Raises:
            InstructionError: it asks for nothing that llars does, for a scale that is not 2, 3 or 4, or for several.
        """
        return list(self.interpret(text).steps)

    def interpret(self, text: str) -> Interpretation:
        """The steps that ``text`` asks for, and where it could be read otherwise; raises like ``understand``."""
        if not text.strip():
            raise InstructionError(f"the instruction is empty; {self._hint()}")
        if (key := text.strip().lower()) in TASK_KEYS:
            return Interpretation((_step(key, get_task(key).instruction, None, 1.0),), ())
        parts = _with_repetitions(self._parts(text))
        asking = [part for part in parts if _asks(part)]
        requested = requests(asking, _merged)
        if not requested:
            raise InstructionError(f"{quoted(text)} {self._why_nothing(text, parts)}")
        _check_supported(requested)
        _check_scales(requested)
        steps = tuple(
            _step(clause.reading.task, clause.text, clause.reading.severity, clause.reading.probability)
            for clause in requested
        )
        found = doubts(asking, requested, steps)
        found += [ignored(clause) for clause in parts if not _asks(clause) and not is_aside(clause.text)]
        return Interpretation(steps, tuple(found))

    def _parts(self, text: str) -> list[Clause[Reading]]:
        """All pieces of the text in order, without what it forbids; raises like ``interpret``."""
        if leaves_open(text):
            raise InstructionError(f"{quoted(text)} says what not to do and leaves open what to do; {self._hint()}")
        if takes_back(text):
            raise InstructionError(f"{quoted(text)} takes a part of itself back; say only what is to be done")
        if names_only_bands(text):
            raise InstructionError(
                f"{quoted(text)} restricts the work to some bands; llars restores all bands of its input, so give it "
                "those bands alone (SCENE.SAFE:B04, or gdal_translate -b 4), or leave these words out"
            )
        allowed = [
            without_negated(self._parser.spell(plain_wishes(plain_arrows(plain_stops(piece)))))
            for piece in set_apart(joined_strengths(text))
        ]
        if not any(allowed):
            raise InstructionError(f"{quoted(text)} only says what not to do; {self._hint()}")
        remaining = [piece for one in allowed if one and (piece := without_denied(one))]
        if not remaining:
            raise InstructionError(
                f"{quoted(text)} says that a fault is absent, and asks for nothing that llars does; to have one "
                "removed, say so: 'remove the haze', 'make it less hazy'"
            )
        return [part for piece in remaining for part in self._parser.parts(piece)]

    def _why_nothing(self, text: str, parts: Sequence[Clause[Reading]]) -> str:
        """Why nothing can be done, to follow the words of the instruction."""
        for piece in (text, *(part.text for part in parts)):
            if reason := unsupported("none", piece) or vague(piece):
                return reason
        return f"asks for nothing that llars does; {self._hint()}"

    def _hint(self) -> str:
        return f"say for example: {', '.join(_SHORT.get(key, get_task(key).instruction) for key in self._tasks)}"


EXPOSURES = (0.25, 0.5, 1.0)
"""Stops that words convey: slightly, somewhat, much."""


def _step(task: str, text: str, severity: float | None, confidence: float) -> Step:
    words = shortened(text)
    if task == "sr":
        scale = scale_of(text)
        return Step(task, (scale - 1) / 3, words, scale, confidence)
    named = named_strength(task, text)
    if task == "brightness":
        strength = UNNAMED_SEVERITY if severity is None else min(max(severity, -1.0), 1.0)
        exposure = _exposure(text, strength) if named is None else math.copysign(named, direction(text) or strength)
        return Step(task, exposure, words, 1, confidence)
    strength = UNNAMED_SEVERITY if severity is None else min(max(severity, 0.0), 1.0)
    return Step(task, strength if named is None else named, words, 1, confidence)


def _exposure(text: str, strength: float) -> float:
    """Stops from -1 to 1: as many as the words name, else one of ``EXPOSURES``, nearest to their ``strength``."""
    named_stops = stops(text)
    if named_stops is None and not may_name_strength(text):
        return math.copysign(UNNAMED_SEVERITY, direction(text) or strength)
    size = (
        min(abs(named_stops), MAX_STOPS)
        if named_stops
        else min(EXPOSURES, key=lambda level: abs(level - abs(strength)))
    )
    return math.copysign(size, direction(text) or strength)


def _merged(first: Clause[Reading], second: Clause[Reading]) -> Clause[Reading] | None:
    """One request instead of two neighbours for the same task; None if they contradict each other."""
    if first.reading.task == "sr":
        before, after = scale_in(first.text), scale_in(second.text)
        if before is None or after is None:
            return likelier(first, second) if before == after else second if before is None else first
        return likelier(first, second) if before == after else None
    if first.reading.task == "brightness" and direction(first.text) * direction(second.text) < 0:
        return None
    return likelier(first, second)


def _check_supported(found: Sequence[Clause[Reading]]) -> None:
    """Raises ``InstructionError`` if a request asks for the opposite of its task, or for something beside it."""
    for clause in found:
        if reason := unsupported(clause.reading.task, clause.text):
            raise InstructionError(f"{quoted(clause.text)} {reason}")


def _check_scales(found: Sequence[Clause[Reading]]) -> None:
    """Raises ``InstructionError`` if the requests name different scales."""
    pieces = [piece for clause in found if clause.reading.task == "sr" for piece in cut(clause.text)]
    scales = {piece: scale for piece in pieces if (scale := scale_in(piece)) is not None}
    if len(set(scales.values())) > 1:
        listed = " and ".join(f"x{scale} in {quoted(piece)}" for piece, scale in scales.items())
        raise InstructionError(f"the instruction names several scales, {listed}; name a single one: x2, x3 or x4")


def _asks(clause: Clause[Reading]) -> bool:
    sure = clause.reading.task in TASK_KEYS and clause.reading.probability >= SURE
    return sure and vague(clause.text) is None


def _with_repetitions(parts: Sequence[Clause[Reading]]) -> list[Clause[Reading]]:
    """The pieces, with those that ask for a still finer grid ("then double it again") joined to the one before."""
    kept: list[Clause[Reading]] = []
    for part in parts:
        if kept and kept[-1].reading.task == "sr" and repeats(part.text):
            kept[-1] = Clause(f"{kept[-1].text}, {part.text}", kept[-1].reading)
        else:
            kept.append(part)
    return kept
