"""Output of results, notes, progress and errors on the terminal."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from math import isfinite
from typing import Any

from llars.tasks import Step

__all__ = [
    "FAULT",
    "INTERRUPTED",
    "MISTAKE",
    "OK",
    "fail",
    "hush_libraries",
    "print_json",
    "print_table",
    "progress_bar",
    "say",
    "written",
]

OK, FAULT, MISTAKE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def fail(message: str, code: int) -> int:
    """Print an error as one line on standard error, after the traceback if LLARS_DEBUG is set; returns ``code``."""
    if os.environ.get("LLARS_DEBUG"):
        import traceback

        traceback.print_exc()
    print(f"llars: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def hush_libraries() -> None:
    """Keep warnings and log lines of libraries off the terminal: users get what they must know as errors or notes."""
    import logging
    import warnings

    if not (sys.warnoptions or os.environ.get("LLARS_DEBUG")):
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())


def say(notes: Iterable[str]) -> None:
    """Print notes, which are not errors, on standard error."""
    for note in notes:
        print(f"llars: {note}", file=sys.stderr)


def written(path: object, seconds: float, steps: Sequence[Step] = ()) -> list[str]:
    """The closing note of a command that wrote a file; empty unless on a terminal, as programs check the exit code."""
    done = ", then ".join(f"{step.task} at strength {step.severity:.2f}" for step in steps)
    return [f"wrote {path} in {seconds:.1f} s{': ' if done else ''}{done}"] if sys.stderr.isatty() else []


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A callback for (done, total) that draws a bar on standard error; None where nobody would see it.

    With ``LLARS_PROGRESS=lines`` it writes a line for each call instead, for programs that show progress themselves.
    """
    if os.environ.get("LLARS_PROGRESS") == "lines":
        yield lambda done, total: print(f"llars: {done} of {total} done", file=sys.stderr, flush=True)
        return
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output; dataclasses become objects, numbers that are not finite null."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with equal numbers of cells, aligned in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
