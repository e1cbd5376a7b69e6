"""How the plugin of QGIS runs llars; none of this needs QGIS."""

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from tests.commands import DENOISE, Result

SOURCE = Path(__file__).parents[2] / "qgis" / "llars_provider" / "command.py"

TALKS = """
import sys
for done in (1, 2):
    print(f"llars: {done} of 2 done", file=sys.stderr, flush=True)
print("llars: taken for naip", file=sys.stderr)
print('{"found": []}')
"""
FAILS = """
import sys
print("llars: error: no such file", file=sys.stderr)
sys.exit(2)
"""
ENVIRONMENT = """
import os
print(os.environ.get("GDAL_DATA"), os.environ["LLARS_PROGRESS"])
"""
TIDIES_UP = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it
try:
    print("llars: 1 of 2 done", file=sys.stderr, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1]).write_text("tidy")
"""


@pytest.fixture(scope="module")
def command() -> ModuleType:
    spec = importlib.util.spec_from_file_location("llars_provider_command", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Told:
    """What the plugin passes on to QGIS."""

    def __init__(self) -> None:
        self.progress: list[float] = []
        self.lines: list[str] = []

    def run(self, command: ModuleType, code: str, *arguments: str, cancel: Callable[[], bool] = lambda: False) -> str:
        line = [sys.executable, "-c", code, *arguments]
        return str(command.run(line, progress=self.progress.append, say=self.lines.append, is_cancelled=cancel))


def test_progress_notes_and_output_are_told_apart(command: ModuleType) -> None:
    told = Told()
    assert told.run(command, TALKS) == '{"found": []}\n'
    assert told.progress == [50.0, 100.0]
    assert told.lines == ["llars: taken for naip"]


def test_error_is_that_of_llars(command: ModuleType) -> None:
    with pytest.raises(command.CommandError, match="llars: error: no such file"):
        Told().run(command, FAILS)


def test_variables_of_qgis_stay_outside(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_DATA", "/usr/share/gdal")
    assert Told().run(command, ENVIRONMENT) == "None lines\n"


@pytest.mark.skipif(os.name == "nt", reason="interrupts are delivered otherwise there")
def test_cancel_lets_it_tidy_up(command: ModuleType, tmp_path: Path) -> None:
    told, mark = Told(), tmp_path / "mark"
    started = time.monotonic()
    with pytest.raises(command.Cancelled):
        told.run(command, TIDIES_UP, str(mark), cancel=lambda: bool(told.progress))
    assert mark.read_text() == "tidy"
    assert time.monotonic() - started < 60


def test_missing_executable_is_told_with_the_remedy(command: ModuleType) -> None:
    with pytest.raises(command.CommandError, match="Settings > Options"):
        command.find_executable("/nowhere/llars")


def test_llars_speaks_as_the_plugin_listens(
    command: ModuleType,
    llars: Callable[..., Result],
    small_scene: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLARS_PROGRESS", "lines")
    result = llars("restore", small_scene, tmp_path / "out.tif", *DENOISE, "--model", tiny_weights)
    steps = [step.groups() for step in map(command.DONE.fullmatch, result.err.splitlines()) if step]
    assert result.code == 0
    assert steps
    assert steps[-1][0] == steps[-1][1]
