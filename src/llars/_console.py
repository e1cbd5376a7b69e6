"""Output of results, notes, progress and errors on the terminal."""

import json
import os
import re
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
    "in_digits",
    "missing",
    "print_json",
    "print_table",
    "progress_bar",
    "say",
    "tell",
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


PACKAGES = {
    "PIL": "Pillow",
    "cv2": "opencv-python-headless",
    "pywt": "PyWavelets",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
}
"""What modules are called that have another name than their package."""


def missing(module: str) -> str:
    """One line about a module that is not installed: its package, and the extra of llars that brings it."""
    from importlib.metadata import PackageNotFoundError, requires

    top = module.partition(".")[0]
    package = PACKAGES.get(top, top)
    try:
        needed = requires("llars") or []
    except PackageNotFoundError:
        needed = []
    found = (
        re.match(rf"{re.escape(package)}\b(?![-.]).*extra == ['\"]([\w-]+)['\"]", one, re.IGNORECASE) for one in needed
    )
    remedies = sorted(f"pip install 'llars[{match[1]}]'" for match in found if match)
    return f"{package} is not installed, which this needs; {' or '.join(remedies) or f'pip install {package}'}"


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


def tell(line: str) -> None:
    """Print one line about how far a command is on standard error."""
    print(line, file=sys.stderr)


def written(path: object, seconds: float, steps: Sequence[Step] = ()) -> list[str]:
    """The last line of a command that wrote a file; empty unless on a terminal, as programs check the exit code."""
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


def in_digits(value: float) -> str:
    """A number with four decimals, or with four significant digits where those would hide it."""
    return f"{value:.4f}" if value == 0 or not abs(value) < 0.1 else f"{value:.4g}"


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with equal numbers of cells, aligned in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
