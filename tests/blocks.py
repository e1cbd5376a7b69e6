"""Fenced blocks of Markdown pages, run as a reader would run them."""

import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def blocks(page: Path, languages: str) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks of a page; ``languages`` joins those that are wanted by ``|``."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```({languages})\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def furnish(folder: Path) -> Path:
    """A folder with the examples in it, and with a `llars` that is the one under test, installed or not."""
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    command = folder / "bin" / "llars"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llars "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    """Variables with which commands find `llars` in ``place``, and Python the sources."""
    path = os.pathsep.join([str(place / "bin"), os.environ["PATH"]])
    python = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PATH": path, "PYTHONPATH": python}


def run_block(language: str, code: str, place: Path) -> subprocess.CompletedProcess[str]:
    """A block of bash or Python in ``place``, where files of one block are there for the next."""
    runner = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
    return subprocess.run(
        [*runner, code], cwd=place, env=environment(place), capture_output=True, text=True, check=False
    )
