"""A file that holds no settings is told in one line, by every reader of settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llars import cli
from llars.bench.protocols import read_protocol
from llars.data.build import read_plan
from llars.data.settings import read_settings
from llars.errors import ConfigError
from llars.train.config import read_config
from llars.train.tuning.config import settings

READERS: dict[str, Callable[[Path], Any]] = {
    "train": read_config,
    "tune": lambda path: settings(path, {}),
    "data": read_plan,
    "evaluate": read_protocol,
}

WRONG = {
    "": "found nothing in",
    "- 1\n- 2\n": "found a list in",
    "hello": "found a single value in",
    "a: [1": "is not YAML",
    "\xff": "is not YAML",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", WRONG)
def test_a_file_without_settings_is_told(tmp_path: Path, reader: str, text: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=WRONG[text]) as caught:
        READERS[reader](path)
    assert "\n" not in str(caught.value)
    assert "compare with configs/" in str(caught.value)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_is_told(tmp_path: Path, reader: str) -> None:
    with pytest.raises(ConfigError, match="is a folder; give a YAML file of settings, see configs/"):
        READERS[reader](tmp_path)


@pytest.mark.parametrize(("text", "says"), [*WRONG.items(), ("folder: [a]", "expected a path")])
def test_the_command_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(text.encode("latin-1"))
    assert cli.run(["evaluate", str(path)]) == cli.MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_arguments_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("steps: 3\n1: one\n")
    assert read_settings(path, "configs/", ["steps=4", "name=a=b", "none="]) == {
        "steps": 4,
        "1": "one",
        "name": "a=b",
        "none": None,
    }
    for word in ("steps", "=3", "steps=["):
        with pytest.raises(ConfigError, match="expected key=value"):
            read_settings(path, "configs/", [word])
