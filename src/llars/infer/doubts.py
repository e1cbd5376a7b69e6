"""What a user is told about an instruction: what might have been meant otherwise, or is not done as asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llars.model.reading import Reading
from llars.tasks import Step, get_task, words_for
from llars.text.clauses import Clause, cut, is_courtesy
from llars.text.direction import direction, stops
from llars.text.restrictions import restrictions, says_again
from llars.text.scales import quoted, scale_in
from llars.text.strength import named_strength
from llars.text.unsupported import unsupported
from llars.text.vague import refers_back, vague

__all__ = ["MAX_STOPS", "doubts", "ignored", "is_aside"]

MAX_STOPS = 1.0
"""Most by which an image is made brighter or darker."""

_CLEAR = 0.75
"""Below this probability the user is told what was understood."""


def doubts(parts: Sequence[Clause[Reading]], requested: Sequence[Clause[Reading]], steps: Sequence[Step]) -> list[str]:
    """Lines on the requests that might have been meant otherwise or are not done as asked.

    Args:
        parts: all pieces of the instruction that ask for something.
        requested: the same, with neighbours for the same task merged.
        steps: what is done about each of ``requested``.
    """
    found = [_doubt(clause) for clause in requested if clause.reading.probability < _CLEAR]
    found += [_too_many_stops(clause) for clause in requested if _stops_asked(clause) > MAX_STOPS]
    found += [
        _both_directions(clause, step)
        for clause, step in zip(requested, steps, strict=True)
        if _is_contradictory(clause)
    ]
    found += [
        f"{quoted(clause.text)} names the strength {step.severity:g}; the network knows three grades and is told "
        f"{words_for(step.task, step.severity)!r}"
        for clause, step in zip(requested, steps, strict=True)
        if step.task != "brightness" and named_strength(step.task, clause.text) is not None
    ]
    found += [
        f"{quoted(clause.text)} {note}"
        for clause in requested
        for note in restrictions(clause.reading.task, clause.text)
    ]
    found += [
        f"{quoted(part.text)} names a repetition; it is done once"
        for before, part in pairwise(parts)
        if part.reading.task == before.reading.task != "sr" and says_again(part.text)
    ]
    found += [
        f"{quoted(part.text)} names the factor x{scale} a second time; the grid is made finer by it once"
        for before, part in pairwise(parts)
        if part.reading.task == before.reading.task == "sr"
        and (scale := scale_in(part.text)) is not None
        and scale == scale_in(before.text)
    ]
    found += [ignored(Clause(piece, clause.reading)) for clause in requested for piece in _vague_pieces(clause.text)]
    return found


def is_aside(text: str) -> bool:
    """Whether a piece of an instruction asks for nothing of its own beside the others: "thanks", "improve it"."""
    return is_courtesy(text) or refers_back(text)


def ignored(clause: Clause[Reading]) -> str:
    """A line on a piece of the instruction that is left out."""
    reason = unsupported("none", clause.text) or vague(clause.text) or "asks for nothing that llars does"
    return f"{quoted(clause.text)} {reason}; it was left out"


def _vague_pieces(text: str) -> list[str]:
    """The pieces of one request that name no fault, beside those that do: "remove the noise and normalize it"."""
    return [piece for piece in cut(text) if vague(piece) and not is_aside(piece)]


def _stops_asked(clause: Clause[Reading]) -> float:
    """Stops, either way, that a request for another brightness names; 0 where it names none."""
    return abs(stops(clause.text) or 0.0) if clause.reading.task == "brightness" else 0.0


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
