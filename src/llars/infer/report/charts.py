"""Small charts as SVG, without a drawing library; their colours come from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["Line", "axis_ticks", "histogram", "spectrum"]

Line = Sequence[tuple[float, float]]
"""Points of a curve in data coordinates."""

WIDTH, HEIGHT = 300, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 22
"""Margins for the numbers of the axes, in the units of the drawing."""


def axis_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers between two ends: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


class _Frame:
    """A drawing area with its axes."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self._x[0]) / ((self._x[1] - self._x[0]) or 1.0)
        up = (y - self._y[0]) / ((self._y[1] - self._y[0]) or 1.0)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def path(self, line: Line) -> str:
        return " ".join("{:.1f},{:.1f}".format(*self.place(x, y)) for x, y in line)

    def axes(self, vertical: bool) -> str:
        parts = []
        for tick in axis_ticks(*self._x):
            x, _ = self.place(tick, 0.0)
            parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{tick:.4g}</text>')
        for tick in axis_ticks(*self._y, wanted=3) if vertical else ():
            _, y = self.place(0.0, tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{tick:.3g}</text>')
        base = HEIGHT - BOTTOM
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>')
        return "".join(parts)


def histogram(edges: Sequence[float], before: Sequence[float], after: Sequence[float], label: str) -> str:
    """Two histograms over the same bars: the first as an area, the second as a line."""
    # The outermost bars also hold all values beyond them, and are cut off at the frame.
    top = max(*before[1:-1], *after[1:-1], 1e-9)
    frame = _Frame((edges[0], edges[-1]), (0.0, top))
    steps = [
        [(edges[i + end], min(share, top)) for i, share in enumerate(shares) for end in (0, 1)]
        for shares in (before, after)
    ]
    area = [(edges[0], 0.0), *steps[0], (edges[-1], 0.0)]
    return _svg(
        label,
        frame.axes(vertical=False),
        f'<polygon class="before area" points="{frame.path(area)}"/>',
        f'<polyline class="after line" points="{frame.path(steps[1])}"/>',
    )


def spectrum(before: Line, after: Line, ends: tuple[float, float], label: str) -> str:
    """Two spectra between the same ends of the vertical axis; values that are not finite are left out."""
    lines = [[point for point in line if math.isfinite(point[1])] for line in (before, after)]
    places = [x for line in (before, after) for x, _ in line]
    margin = 0.04 * ((max(places) - min(places)) or 1.0)
    frame = _Frame((min(places) - margin, max(places) + margin), ends)
    drawn = [
        f'<polyline class="{kind} line" points="{frame.path(line)}"/>' + _dots(frame, line, kind)
        for kind, line in zip(("before", "after"), lines, strict=True)
    ]
    return _svg(label, frame.axes(vertical=True), *drawn)


def _dots(frame: _Frame, line: Line, kind: str) -> str:
    places = (frame.place(x, y) for x, y in line)
    return "".join(f'<circle class="{kind} dot" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in places)


def _svg(label: str, *parts: str) -> str:
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{inside}</svg>'
