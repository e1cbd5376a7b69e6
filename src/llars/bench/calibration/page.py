"""The tables of a calibration, and the generated sections of a page that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from llars.bench.calibration.cloud_dates import CloudyDates
from llars.bench.calibration.faults import DetectionResult
from llars.bench.calibration.uncertainty import LEVELS, UncertaintyCalibration
from llars.errors import ConfigError
from llars.infer.diagnosis.limits import Limits

__all__ = ["alarm_lines", "cloud_lines", "fault_lines", "limit_lines", "put_section", "uncertainty_lines"]

MEASURES = {
    "noise": "noise: standard deviation, share of the range",
    "blur": "blur: root mean square spread, pixels",
    "stripes": "stripes: evidence",
    "dead": "dead lines: share of the lines of a band",
    "haze": "haze: optical depth",
    "hidden": "clouds: share of the scene hidden",
    "roofs": "clouds or bright roofs, in pixels of less than two metres: share of the scene hidden",
    "dark": "too dark: 98th percentile below",
    "bright": "too bright: 2nd percentile above",
    "flat": "low contrast: difference of these percentiles below",
}
"""Fields of ``Limits`` in words."""

SHOWN = (1, 5, 9, 13, 17)
"""Indices of the ``LEVELS`` in the table: 10, 30, 50, 70 and 90 %."""


def fault_lines(judged: Sequence[DetectionResult]) -> list[str]:
    """Table: how often each fault is found, and the error of its estimated strength."""
    heads = "simulated fault | scenes | detected | median error of the strength | other faults reported"
    lines = [f"| {heads} |", "| --- " * 5 + "|"]
    for one in judged:
        error = f"{100 * float(np.median(one.errors)):.0f} %" if one.errors else "-"
        others = f"{np.mean(one.others):.2f}" if one.others else "-"
        found = f"{sum(one.found)} of {len(one.found)}"
        lines.append(f"| {one.fault.name} | {len(one.found)} | {found} | {error} | {others} |")
    return lines


def alarm_lines(alarms: Mapping[str, Sequence[bool]]) -> list[str]:
    """Table: false alarms of each fault on clean images."""
    lines = ["| fault | clean images | false alarms |", "| --- | --- | --- |"]
    for task, flags in alarms.items():
        lines.append(f"| `{task}` | {len(flags)} | {sum(flags)} ({100 * np.mean(flags):.1f} %) |")
    return lines


def cloud_lines(judged: Sequence[CloudyDates]) -> list[str]:
    """Table: on how many real dates clouds are named, and the error of the estimated share against the classes."""
    heads = (
        "place | split | bands | cloud cover by the classes | dates | reported | median reported cover "
        "| median difference"
    )
    lines = [f"| {heads} |", "| --- " * 8 + "|"]
    for one in judged:
        low, high = (f"{100 * share:.0f}" for share in one.shares)
        clouds = "none" if one.shares[1] == 0 else f"{low} to {high} %"
        named, median_share, distance = (
            sum(share > 0 for share in one.estimates),
            np.median(one.estimates),
            np.median(one.errors),
        )
        place = one.place.rpartition(" ")[2]
        lines.append(
            f"| `{place}` | {one.split} | {one.bands} | {clouds} | {len(one.estimates)} | {named} "
            f"| {100 * median_share:.0f} % | {100 * distance:.0f} points |"
        )
    return lines


def limit_lines(limits: Mapping[str, Limits]) -> list[str]:
    """Table: limits above which a fault is reported, for each kind of image."""
    lines = [f"| measure | {' | '.join(limits)} |", "| --- " * (1 + len(limits)) + "|"]
    for name, words in MEASURES.items():
        lines.append(f"| {words} | {' | '.join(f'{getattr(one, name):.3g}' for one in limits.values())} |")
    return lines


def uncertainty_lines(calibrations: Sequence[UncertaintyCalibration]) -> list[str]:
    """Table: the calibration curve of every task, and its error."""
    nominal = " | ".join(f"{100 * LEVELS[index]:.0f} %" for index in SHOWN)
    heads = (
        "task | images | temperature | error, uncalibrated | with the temperature | with temperature and half-widths "
        "| by chance | equal weight per image | single image"
    )
    lines = [f"| {heads} | {nominal} |", "| --- " * (9 + len(SHOWN)) + "|"]
    for one in calibrations:
        shares = " | ".join(f"{100 * one.curve[index]:.0f} %" for index in SHOWN)
        every = (one.before, one.scaled, one.after, one.chance, one.by_image, one.single)
        errors = " | ".join("-" if np.isnan(error) else f"{error:.3f}" for error in every)
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
