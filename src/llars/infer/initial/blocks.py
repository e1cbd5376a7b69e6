"""Pieces in which windows are processed where whole ones would take too much memory."""

from __future__ import annotations

from collections.abc import Iterator

from llars.infer.tiles import Window

__all__ = ["blocks"]


def blocks(window: Window, side: int) -> Iterator[Window]:
    """The window in pieces of at most ``side`` squared pixels; flat ones are wider, as margins cost less then."""
    width = side**2 // min(side, window.shape[0])
    for top in range(window.top, window.bottom, side):
        for left in range(window.left, window.right, width):
            yield Window(top, left, min(top + side, window.bottom), min(left + width, window.right))
