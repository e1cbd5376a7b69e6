"""What the README tells people to type is typed here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples in it, where files of one block are there for the next."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    # `llars` on the path is the one under test, installed or not.
    command = folder / "bin" / "llars"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llars "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize("index", range(len(BLOCKS)), ids=[language for language, _ in BLOCKS])
def test_block_runs(index: int, place: Path) -> None:
    language, code = BLOCKS[index]
    runner = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
    path = os.pathsep.join([str(place / "bin"), os.environ["PATH"]])
    python = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [*runner, code],
        cwd=place,
        env={**os.environ, "PATH": path, "PYTHONPATH": python},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout


def test_there_are_blocks_of_both_kinds() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "python"}


def test_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|    )make ([a-z]+)", README))
    assert named
    assert named <= targets


def test_linked_files_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (REPOSITORY / link).exists()]
    assert not missing
