"""Instructions: words to steps, with the bundled encoder and reader."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llars.errors import InstructionError
from llars.model.reading import SURE, Reading
from llars.tasks import TASK_KEYS, Step, get_task, words_for
from llars.text.clauses import Clause, cut, is_courtesy, likelier, requests
from llars.text.direction import direction, plain_stops, stops
from llars.text.encoder import SentenceEncoder
from llars.text.layout import set_apart, takes_back
from llars.text.lengths import plain_arrows
from llars.text.negation import leaves_open, without_negated
from llars.text.restrictions import names_only_bands, restrictions
from llars.text.scales import quoted, scale_in, scale_of
from llars.text.spoiling import without_denied
from llars.text.strength import joined_strengths, may_name_strength, named_strength
from llars.text.unsupported import unsupported
from llars.weights.reader import load_parser

__all__ = ["Interpretation", "Reader"]

UNNAMED_SEVERITY = 0.5
"""Strength of a step whose words name none."""

_CLEAR = 0.75
"""Below this probability the user is told what was understood."""


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
        parts = self._parts(text)
        requested = [clause for clause in requests(parts, _merged) if _asks(clause)]
        if not requested:
            raise InstructionError(f"{quoted(text)} asks for nothing that llars does; {self._hint()}")
        _check_supported(requested)
        _check_scales(requested)
        steps = tuple(
            _step(clause.reading.task, clause.text, clause.reading.severity, clause.reading.probability)
            for clause in requested
        )
        doubts = _doubts(requested, steps)
        doubts += [_ignored(clause) for clause in parts if not _asks(clause) and not is_courtesy(clause.text)]
        return Interpretation(steps, tuple(doubts))

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
            without_negated(self._parser.spell(plain_arrows(plain_stops(piece))))
            for piece in set_apart(joined_strengths(text))
        ]
        if not any(allowed):
            raise InstructionError(f"{quoted(text)} only says what not to do; {self._hint()}")
        remaining = [piece for one in allowed if one and (piece := without_denied(one))]
        return [part for piece in remaining for part in self._parser.parts(piece)]

    def _hint(self) -> str:
        return f"say for example 'remove the haze'; the tasks are {', '.join(self._tasks)}"


EXPOSURES = (0.25, 0.5, 1.0)
"""Stops that words convey: slightly, somewhat, much."""

MAX_STOPS = 1.0
"""Most by which an image is made brighter or darker."""


def _step(task: str, text: str, severity: float | None, confidence: float) -> Step:
    if task == "sr":
        scale = scale_of(text)
        return Step(task, (scale - 1) / 3, text, scale, confidence)
    named = named_strength(task, text)
    if task == "brightness":
        strength = UNNAMED_SEVERITY if severity is None else min(max(severity, -1.0), 1.0)
        exposure = _exposure(text, strength) if named is None else math.copysign(named, direction(text) or strength)
        return Step(task, exposure, text, 1, confidence)
    strength = UNNAMED_SEVERITY if severity is None else min(max(severity, 0.0), 1.0)
    return Step(task, strength if named is None else named, text, 1, confidence)


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


def _stops_asked(clause: Clause[Reading]) -> float:
    """Stops, either way, that a request for another brightness names; 0 where it names none."""
    return abs(stops(clause.text) or 0.0) if clause.reading.task == "brightness" else 0.0


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


def _is_contradictory(clause: Clause[Reading]) -> bool:
    """Whether one request for another brightness names both directions: "brighten and darken"."""
    if clause.reading.task != "brightness":
        return False
    return {-1, 1} <= {direction(piece) for piece in cut(clause.text)}


def _both_directions(clause: Clause[Reading], step: Step) -> str:
    done, other = ("brighter", "darker") if step.severity > 0 else ("darker", "brighter")
    return (
        f"{quoted(clause.text)} asks for a brighter and a darker image; it is made {done}, and '{other}' was left out"
    )


def _asks(clause: Clause[Reading]) -> bool:
    return clause.reading.task in TASK_KEYS and clause.reading.probability >= SURE


def _doubts(requested: Sequence[Clause[Reading]], steps: Sequence[Step]) -> list[str]:
    """Lines on the requests that might have been meant otherwise or are not done as asked."""
    doubts = [_doubt(clause) for clause in requested if clause.reading.probability < _CLEAR]
    doubts += [_too_many_stops(clause) for clause in requested if _stops_asked(clause) > MAX_STOPS]
    doubts += [
        _both_directions(clause, step)
        for clause, step in zip(requested, steps, strict=True)
        if _is_contradictory(clause)
    ]
    doubts += [
        f"{quoted(step.text)} names the strength {step.severity:g}; the network knows three grades and is told "
        f"{words_for(step.task, step.severity)!r}"
        for step in steps
        if step.task != "brightness" and named_strength(step.task, step.text) is not None
    ]
    doubts += [
        f"{quoted(clause.text)} {note}"
        for clause in requested
        for note in restrictions(clause.reading.task, clause.text)
    ]
    return doubts


def _doubt(clause: Clause[Reading]) -> str:
    reading = clause.reading
    other = "nothing that llars does" if reading.second == "none" else reading.second
    return (
        f"{quoted(clause.text)} was understood as {reading.task} ({get_task(reading.task).instruction}), "
        f"{100 * reading.probability:.0f} % sure; it could be read as {other}"
    )


def _too_many_stops(clause: Clause[Reading]) -> str:
    return (
        f"{quoted(clause.text)} asks for {_stops_asked(clause):.3g} stops; llars makes an image brighter or darker by "
        f"{MAX_STOPS:g} at most, and does that"
    )


def _ignored(clause: Clause[Reading]) -> str:
    return f"{quoted(clause.text)} asks for nothing that llars does; it was left out"
