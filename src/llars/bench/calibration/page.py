"""The figures of a calibration, in the part of a page that is made anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from llars.bench.calibration.faults import Judged
from llars.bench.calibration.sureness import LEVELS, Sureness
from llars.errors import ConfigError
from llars.infer.faults.limits import Limits

__all__ = ["alarm_lines", "fault_lines", "limit_lines", "put_section", "sureness_lines"]

MEASURES = {
    "noise": "noise: standard deviation, part of the range",
    "blur": "blur: root mean square spread, pixels",
    "stripes": "stripes: evidence",
    "dead": "dead lines: share of a band's",
    "haze": "haze: optical depth",
    "hidden": "clouds: share of the scene hidden",
    "dark": "too dark: 98th percentile below",
    "bright": "too bright: 2nd percentile above",
    "flat": "low contrast: distance of the two below",
}
"""Fields of ``Limits`` in words."""

SHOWN = (1, 5, 9, 13, 17)
"""Which of ``LEVELS`` stand in the table: 10, 30, 50, 70 and 90 %."""


def fault_lines(judged: Sequence[Judged]) -> list[str]:
    """Table: how often each fault is found, and how well its strength is told."""
    lines = ["| put in | scenes | found | median error of the strength | other faults named |", "| --- " * 5 + "|"]
    for one in judged:
        error = f"{100 * float(np.median(one.errors)):.0f} %" if one.errors else "-"
        others = f"{np.mean(one.others):.2f}" if one.others else "-"
        found = f"{sum(one.found)} of {len(one.found)}"
        lines.append(f"| {one.fault.name} | {len(one.found)} | {found} | {error} | {others} |")
    return lines


def alarm_lines(alarms: Mapping[str, Sequence[bool]]) -> list[str]:
    """Table: how often each fault is named where there is none."""
    lines = ["| named | clean images | false alarms |", "| --- | --- | --- |"]
    for task, heard in alarms.items():
        lines.append(f"| `{task}` | {len(heard)} | {sum(heard)} ({100 * np.mean(heard):.1f} %) |")
    return lines


def limit_lines(limits: Mapping[str, Limits]) -> list[str]:
    """Table: from where on a fault is said to be there, for each kind of image."""
    lines = [f"| measure | {' | '.join(limits)} |", "| --- " * (1 + len(limits)) + "|"]
    for name, words in MEASURES.items():
        lines.append(f"| {words} | {' | '.join(f'{getattr(one, name):.3g}' for one in limits.values())} |")
    return lines


def sureness_lines(told: Sequence[Sureness]) -> list[str]:
    """Table: the calibration curve of every task, and its error."""
    nominal = " | ".join(f"{100 * LEVELS[index]:.0f} %" for index in SHOWN)
    heads = (
        "task | images | temperature | error without | with the temperature | with both | images alike | a single image"
    )
    lines = [f"| {heads} | {nominal} |", "| --- " * (8 + len(SHOWN)) + "|"]
    for one in told:
        shares = " | ".join(f"{100 * one.curve[index]:.0f} %" for index in SHOWN)
        errors = " | ".join(f"{error:.3f}" for error in (one.before, one.scaled, one.after, one.by_image, one.single))
        lines.append(f"| `{one.task}` | {one.images} | {one.calibration.temperature:.2f} | {errors} | {shares} |")
    return lines


def put_section(path: Path, name: str, lines: Sequence[str]) -> None:
    """Write ``lines`` between the comments ``<!-- name -->`` and ``<!-- /name -->`` of a page.

    Raises:
        ConfigError: the page has no such section.
    """
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if begin not in text or end not in text:
        raise ConfigError(f"{path} lacks the section {name}: expected the lines {begin.strip()} and {end}")
    head, tail = text.split(begin)[0], text.split(end)[1]
    path.write_text(head + begin + "\n" + "\n".join(lines) + "\n\n" + end + tail, encoding="utf-8")
