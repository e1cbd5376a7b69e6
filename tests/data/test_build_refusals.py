"""What a build cannot do is told in one line: impossible settings of sources, places that cannot be written."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llars.cli import MISTAKE, run
from llars.data.build import build, read_plan
from llars.data.shards import ShardWriter
from llars.errors import ConfigError, DataError, OutputError

NOISE = {"synthetic": 60, "side": 4}


def configured(tmp_path: Path, source: dict[str, Any], out: str = "out") -> Path:
    path = tmp_path / "data.yaml"
    path.write_text(yaml.safe_dump({"out": str(tmp_path / out), "splits": ["train"], "sources": {"noise": source}}))
    return path


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (NOISE | {"synthetic": "many"}, "source noise: synthetic='many' is not what was expected: int"),
        (NOISE | {"parts": 0}, "source noise: parts=0; expected 1 or more"),
        (NOISE | {"side": 0}, "source noise: side=0; expected 1 or more"),
        (NOISE | {"held_out": "some"}, "source noise: held_out='some' is not what was expected: float"),
        (NOISE | {"held_out": 1.5}, "source noise: held_out=1.5; expected a share from 0 to 1"),
        (NOISE | {"sensors": []}, "source noise: sensors is []; expected a list of names"),
        (NOISE | {"tasks": "haze"}, "source noise: tasks is 'haze'; expected a list of names"),
        ({"catalogue": ".", "held_out": "some"}, "source noise: held_out='some'"),
        ({"set": 5}, "source noise: set is 5; expected a list of names"),
    ],
)
def test_settings_of_a_source_that_cannot_be_are_refused(tmp_path: Path, source: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_plan(configured(tmp_path, source))


def test_what_a_set_assumes_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(DataError, match="no source gave anything"):
        build(read_plan(configured(tmp_path, {"set": "rice1"}), tmp_path), told.append)
    assert told[0] == "rice1: taken on trust: that neighbouring numbers show one scene"
    assert not any("trust" in line for line in told[1:])


@pytest.mark.parametrize("place", ["blocked", "blocked/deeper"])
def test_a_place_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blocked").write_text("a file, not a folder")
    config = configured(tmp_path, NOISE, place)
    assert run(["data", "build", str(config)]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("llars: error: cannot write") and line.endswith("choose another place")


def test_a_disk_that_fills_up_is_told_and_is_no_fault_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(configured(tmp_path, NOISE))

    def full(self: ShardWriter, raw: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ShardWriter, "_write", full)
    with pytest.raises(OutputError, match=r"cannot write .*\.tar: No space left on device"):
        build(plan)
    monkeypatch.undo()
    assert build(plan)["samples"] == 60
