"""Miniatures of the public sets, made by the script that is committed for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from llars.data.readers import Paired, read_set

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="session")
def makers() -> dict[str, Callable[[Path], None]]:
    sys.path.insert(0, str(SCRIPTS))
    try:
        from miniatures import MAKERS
    finally:
        sys.path.remove(str(SCRIPTS))
    return dict(MAKERS)


@pytest.fixture
def miniature(makers: dict[str, Callable[[Path], None]], tmp_path: Path) -> Callable[[str], Path]:
    """Makes the miniature of a set and tells its folder."""

    def make(name: str) -> Path:
        makers[name](tmp_path)
        return tmp_path

    return make


@pytest.fixture(scope="session")
def read_all(
    makers: dict[str, Callable[[Path], None]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[Paired]]:
    """Reads the miniature of a set, all splits, once in a session; a fault is an error."""

    @cache
    def read(name: str) -> list[Paired]:
        folder = tmp_path_factory.mktemp(name)
        makers[name](folder)
        return [scene for split in ("train", "val", "test") for scene in read_set(name, folder, split)]

    return read
