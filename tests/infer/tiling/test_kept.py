"""What an interrupted run leaves to the next one."""

import pytest

from llars.errors import OutputError
from llars.infer.tiling.kept import kept_folder


def run(folder, identity, finished=(), fault=None):
    """The names of the files that were found, and what was said."""
    said = []
    with kept_folder(folder, identity, said.append):
        found = {path.name for path in folder.glob("*.tif")}
        for name in finished:
            (folder / name).touch()
        if fault:
            raise fault
    return found, said


def test_files_outlive_a_fault_and_go_when_the_run_is_complete(tmp_path) -> None:
    folder = tmp_path / ".out.tif.bands"
    with pytest.raises(KeyboardInterrupt):
        run(folder, {"input": "a"}, ["B05.tif"], KeyboardInterrupt())
    assert run(folder, {"input": "a"}) == ({"B05.tif"}, ["going on with what was finished before (1 images)"])
    assert not folder.exists()


def test_files_of_another_run_are_not_used(tmp_path) -> None:
    folder = tmp_path / ".out.tif.bands"
    with pytest.raises(KeyboardInterrupt):
        run(folder, {"input": "a"}, ["B05.tif"], KeyboardInterrupt())
    assert run(folder, {"input": "b"}) == (set(), [".out.tif.bands is of another run: begun anew"])


def test_a_run_that_fails_at_once_leaves_nothing(tmp_path) -> None:
    with pytest.raises(ValueError, match="damaged"):
        run(tmp_path / ".out.tif.bands", {}, fault=ValueError("damaged"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path) -> None:
    with pytest.raises(OutputError, match=r"cannot write to .*missing.*choose another folder"):
        run(tmp_path / "missing" / ".out.tif.bands", {})
