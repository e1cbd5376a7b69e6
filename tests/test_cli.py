"""The contract of the command line: exit codes, one line per mistake, nothing but JSON."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from tests.commands import Result, assert_mistake, plain, write

from llars import cli
from llars._console import in_digits
from llars.tasks import TASK_KEYS


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--task", "bake", "denoise"),
        ("--task", "stf", "joins several images"),
        ("--severity", "1.5", "1.5"),
        ("--severity", "-1", "-1"),
        ("--seed", "9" * 20, "9" * 20),
    ],
)
def test_degrade_refuses_what_it_cannot_do(
    option: str, value: str, says: str, llars: Callable[..., Result], small_scene: Path, tmp_path: Path
) -> None:
    options = {"--task": "denoise", "--severity": "0.5", option: value}
    result = llars("degrade", small_scene, tmp_path / "out.tif", *(part for pair in options.items() for part in pair))
    assert_mistake(result, says=says)
    assert not list(tmp_path.iterdir())


def test_degrade_is_reproducible_and_keeps_the_grid(
    llars: Callable[..., Result], small_scene: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        output = tmp_path / f"{name}.tif"
        done = llars("degrade", small_scene, output, "--task", "denoise", "--severity", 0.5, "--seed", seed)
        assert done == Result(cli.OK, "", "")
    with rasterio.open(small_scene) as source:
        before, profile = source.read(), source.profile
    images = {}
    for name in "abc":
        with rasterio.open(tmp_path / f"{name}.tif") as degraded:
            images[name] = degraded.read()
            assert degraded.transform == profile["transform"]
            assert degraded.dtypes[0] == profile["dtype"]
    np.testing.assert_array_equal(images["a"], images["b"])
    assert (images["a"] != images["c"]).mean() > 0.5
    # Gaussian noise of sigma 0.1 * severity = 0.05 reflectance; 2000 numbers per band leave 5 % of doubt at the most.
    # Only the bright near infrared is asked: dark bands are cut at the lowest number that can be stored.
    noise = (images["a"].astype(float) - before)[6] * 0.001
    assert noise.std() == pytest.approx(0.05, rel=0.1)


def test_compare_agrees_with_the_metrics(llars: Callable[..., Result], small_scene: Path, tmp_path: Path) -> None:
    degraded = tmp_path / "bad.tif"
    llars("degrade", small_scene, degraded, "--task", "denoise", "--severity", 0.5)
    result = llars("compare", degraded, small_scene, "--json")
    assert (result.code, result.err) == (cli.OK, "")
    measured = json.loads(result.out)
    # 20 log10(1 / 0.05) = 26 dB, a little better where dark bands are cut at zero.
    assert measured["psnr"] == pytest.approx(26.5, abs=1.0)
    table = llars("compare", degraded, small_scene)
    assert f"{measured['psnr']:.4f}" in table.out


def test_json_has_null_where_a_number_is_infinite(llars: Callable[..., Result], small_scene: Path) -> None:
    measured = json.loads(llars("compare", small_scene, small_scene, "--json").out, parse_constant=pytest.fail)
    assert measured["psnr"] is None
    assert measured["rmse"] == 0


def test_compare_refuses_another_grid(llars: Callable[..., Result], small_scene: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.tif", plain())
    assert_mistake(llars("compare", other, small_scene), says="10")


@pytest.mark.parametrize(
    ("command", "key", "expected"),
    [("tasks", "key", "denoise"), ("sensors", "name", "sentinel2-l2a"), ("models", "name", "llars-small")],
)
def test_lists_in_json_and_in_words(command: str, key: str, expected: str, llars: Callable[..., Result]) -> None:
    result = llars(command, "--json")
    assert (result.code, result.err) == (cli.OK, "")
    names = [item[key] for item in json.loads(result.out)]
    assert expected in names
    words = llars(command)
    assert [line.split()[0] for line in words.out.splitlines()] == names


def test_tasks_are_all_listed(llars: Callable[..., Result]) -> None:
    assert [task["key"] for task in json.loads(llars("tasks", "--json").out)] == list(TASK_KEYS)


def test_diagnose_prints_prompts_that_restore_understands(
    llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    result = llars("diagnose", small_scene, "--json", "--model", tiny_weights)
    assert (result.code, result.err) == (cli.OK, "")
    for finding in json.loads(result.out):
        prompt = ["-p", finding["prompt"]]
        output = tmp_path / f"{finding['task']}.tif"
        assert llars("restore", small_scene, output, *prompt, "--model", tiny_weights).code == cli.OK


def test_diagnose_tells_what_was_assumed(llars: Callable[..., Result], tmp_path: Path, tiny_weights: Path) -> None:
    source = write(tmp_path / "in.tif", plain(bands=2))
    for options in (["--model", tiny_weights], ["--model", tiny_weights, "--json"]):
        result = llars("diagnose", source, *options)
        assert result.code == cli.OK
        assert result.err.splitlines() == [
            "llars: unknown sensor: values as stored, ranges from the image itself (--sensor names one)"
        ]
        assert isinstance(json.loads(result.out), list) if "--json" in options else "unknown" not in result.out
    assert_mistake(llars("diagnose", source, "--picture", tmp_path / "a.tif"), says="the picture")


@pytest.mark.parametrize("command", [["diagnose", ""], ["restore", "", "out.tif"], ["compare", "", "out.tif"]])
def test_an_empty_input_is_not_the_current_folder(command: list[str], llars: Callable[..., Result]) -> None:
    assert_mistake(llars(*command), says="found an empty name as input")


@pytest.mark.parametrize("command", [["train"], ["evaluate"], ["data", "build"]])
def test_missing_configuration(command: list[str], llars: Callable[..., Result], tmp_path: Path) -> None:
    folder = [] if command == ["train"] else [tmp_path]
    assert_mistake(llars(*command, tmp_path / "nowhere.yaml", *folder), says="nowhere.yaml")


def test_a_fault_of_ours_is_one_line_with_the_way_to_the_traceback(
    llars: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("deep inside\nand on two lines")

    monkeypatch.setattr("llars.weights.registry.models", break_down)
    monkeypatch.delenv("LLARS_DEBUG", raising=False)
    result = llars("models")
    assert result.code == cli.FAULT
    assert len(result.err.splitlines()) == 1
    assert "ZeroDivisionError: deep inside and on two lines" in result.err
    assert "LLARS_DEBUG=1" in result.err
    monkeypatch.setenv("LLARS_DEBUG", "1")
    assert "Traceback" in llars("models").err


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("bm3d", "bm3d is not installed, which this needs; pip install 'llars[bench]'"),
        ("cv2", "opencv-python-headless is not installed, which this needs; pip install 'llars[bench]'"),
        (
            "scipy.signal",
            "scipy is not installed, which this needs; pip install 'llars[bench]' or pip install 'llars[train]'",
        ),
        ("gradio", "gradio is not installed, which this needs; pip install 'llars[app]'"),
        ("onnx", "onnx is not installed, which this needs; pip install 'llars[export]'"),
        ("rasterio", "rasterio is not installed, which this needs; pip install rasterio"),
        ("nowhere.to.be.found", "nowhere is not installed, which this needs; pip install nowhere"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    module: str, says: str, llars: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def need() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("llars.weights.registry.models", need)
    monkeypatch.delenv("LLARS_DEBUG", raising=False)
    result = llars("models")
    assert (result.code, result.err) == (cli.MISTAKE, f"llars: error: {says}\n")


def test_a_closed_pipe_is_no_error() -> None:
    script = f"'{sys.executable}' -m llars sensors --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []])
def test_the_installed_command_answers(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llars", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TERM": "dumb"},
    )
    assert "llars" in done.stdout
    assert done.stderr == ""


def test_help_answers_at_once() -> None:
    def seconds() -> float:
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "llars", "--help"], capture_output=True, check=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime

    # Time of the processor, and the best of three, so that a busy machine does not fail the contract's 0.3 s.
    assert min(seconds() for _ in range(3)) < 0.3


def test_small_numbers_keep_their_digits() -> None:
    assert [in_digits(number) for number in (26.51234, 0.5, 0.0, 4.1234e-6, 0.01234, float("inf"))] == [
        *("26.5123", "0.5000", "0.0000", "4.123e-06", "0.01234", "inf"),
    ]
