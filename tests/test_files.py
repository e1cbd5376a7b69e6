"""A file is the old one or the new one, and what hinders is told in one line."""

import os
import stat
from pathlib import Path

import pytest

from llars.errors import OutputError
from llars.files import make_folder, replacing, write_whole


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A file where a folder would have to be: unlike permissions, this stops root too."""
    path = tmp_path / "blocked"
    path.write_text("a file")
    return path


def test_content_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content, expected in ((b"old", b"old"), ("n\u00e9w", b"n\xc3\xa9w")):
        write_whole(path, content)
        assert path.read_bytes() == expected
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_write_that_breaks_off_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def interrupted() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_in_one_line(tmp_path: Path, blocked: Path) -> None:
    for attempt in (
        lambda: write_whole(tmp_path / "none" / "a", b""),
        lambda: write_whole(blocked / "a", b""),
        lambda: make_folder(blocked),
        lambda: make_folder(blocked / "deeper"),
    ):
        with pytest.raises(OutputError, match=r"^cannot write .*: .*; choose another place$") as told:
            attempt()
        assert "\n" not in str(told.value)
