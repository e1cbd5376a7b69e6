"""The contract of the command line: exit codes, one line per mistake, nothing left behind, nothing but JSON."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from llars import cli
from llars.tasks import TASK_KEYS

DENOISE = ["-p", "reduce the noise"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def llars(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process and returns its exit code and what it wrote, libraries included."""

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return call


def write(path: Path, values: np.ndarray, **profile: object) -> Path:
    bands, height, width = values.shape
    options = {"crs": "EPSG:32737", "transform": from_origin(500000, 8000000, 10, 10), **profile}
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=height, width=width, dtype=values.dtype, **options
    ) as target:
        target.write(values)
    return path


def plain(height: int = 48, width: int = 40, bands: int = 3) -> np.ndarray:
    """A quiet picture in 8 bit without a single 0."""
    return np.random.default_rng(1).integers(60, 180, (bands, height, width)).astype(np.uint8)


def assert_mistake(result: Result, *, says: str) -> None:
    assert result.code == cli.MISTAKE, result
    assert result.out == ""
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("llars: error: ")
    assert says.lower() in lines[0].lower()
    assert "Traceback" not in result.err


def text_named_tif(folder: Path) -> Path:
    path = folder / "text.tif"
    path.write_text("this is no image\n" * 40)
    return path


def truncated(folder: Path) -> Path:
    # Noise does not compress, so the cut is certain to fall into the pixels.
    whole = write(folder / "whole.tif", plain(256, 256), tiled=True, blockxsize=64, blockysize=64)
    path = folder / "truncated.tif"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def complex_radar(folder: Path) -> Path:
    return write(folder / "slc.tif", np.ones((1, 48, 40), dtype=np.complex64))


def all_nodata(folder: Path) -> Path:
    return write(folder / "empty.tif", np.zeros((3, 48, 40), dtype=np.uint8), nodata=0)


BAD_INPUTS = {
    "missing": (lambda folder: folder / "nowhere.tif", "nowhere.tif"),
    "text": (text_named_tif, "text.tif"),
    "truncated": (truncated, "truncated.tif"),
    "complex": (complex_radar, "complex"),
    "all nodata": (all_nodata, "no data"),
    "5x5": (lambda folder: write(folder / "five.tif", plain(5, 5)), "16"),
    "folder": (lambda folder: folder, ""),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input_is_one_line_and_leaves_nothing(
    case: str, llars: Callable[..., Result], tiny_weights: Path, tmp_path: Path
) -> None:
    make, says = BAD_INPUTS[case]
    source, folder = make(tmp_path), tmp_path / "out"
    folder.mkdir()
    result = llars("restore", source, folder / "out.tif", *DENOISE, "--model", tiny_weights)
    assert_mistake(result, says=says)
    assert not list(folder.iterdir())


BAD_OPTIONS = {
    "unknown sensor": ([*DENOISE, "--sensor", "sentinel2-l2b"], "sentinel2-l2a"),
    "another domain": (["-p", "write a poem about my grandmother's kitchen"], "noise"),
    "empty prompt": (["-p", "  "], "noise"),
    "no prompt": ([], "noise"),
    "unknown model": ([*DENOISE, "--model", "llars-smal"], "llars-smal"),
    "unknown device": ([*DENOISE, "--device", "abacus"], "abacus"),
    "impossible scale": (["-p", "double the resolution", "--scale", "7"], "7"),
    "impossible tile": ([*DENOISE, "--tile", "0"], "tile"),
    "no number": ([*DENOISE, "--tile", "large"], "--tile"),
    "unknown option": ([*DENOISE, "--colour"], "--colour"),
    "task not learned": (["-p", "remove the clouds"], "cloud"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_option_is_one_line_and_leaves_nothing(
    case: str, llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    options, says = BAD_OPTIONS[case]
    model = [] if "--model" in options else ["--model", tiny_weights]
    result = llars("restore", small_scene, tmp_path / "out.tif", *options, *model)
    assert_mistake(result, says=says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["OUTPUT", "--uncertainty", "--preview"])
def test_unwritable_output(
    option: str, llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "no_such_folder" / "out.png"
    good = tmp_path / "out.tif"
    extra = [option, bad] if option.startswith("--") else []
    output = bad.with_suffix(".tif") if option == "OUTPUT" else good
    result = llars("restore", small_scene, output, *DENOISE, "--model", tiny_weights, *extra)
    assert_mistake(result, says="no_such_folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["OUTPUT", "--uncertainty", "--preview"])
def test_existing_output_is_kept(
    option: str, llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    existing = tmp_path / "precious.tif"
    existing.write_bytes(b"precious")
    extra = [option, existing] if option.startswith("--") else []
    output = existing if option == "OUTPUT" else tmp_path / "out.tif"
    result = llars("restore", small_scene, output, *DENOISE, "--model", tiny_weights, *extra)
    assert_mistake(result, says="--overwrite")
    assert existing.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [existing]


def test_overwrite_replaces(
    llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.tif"
    output.write_bytes(b"old")
    result = llars("restore", small_scene, output, *DENOISE, "--model", tiny_weights, "--overwrite")
    assert result == Result(cli.OK, "", "")
    with rasterio.open(output) as restored:
        assert restored.count == 10


def test_restore_writes_all_that_is_asked_for_and_says_nothing_off_a_terminal(
    llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    output, spread, picture = (tmp_path / name for name in ("out.tif", "spread.tif", "picture.png"))
    result = llars(
        "restore", small_scene, output, *DENOISE, "--model", tiny_weights, "--uncertainty", spread, "--preview", picture
    )
    assert result == Result(cli.OK, "", "")
    assert sorted(tmp_path.iterdir()) == [output, picture, spread]
    with rasterio.open(spread) as deviation:
        assert deviation.read().min() >= 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_scale_makes_the_grid_finer_and_keeps_the_bounds(
    llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.tif"
    result = llars("restore", small_scene, output, "-p", "double the resolution", "--scale", 2, "--model", tiny_weights)
    assert result.code == cli.OK, result.err
    with rasterio.open(small_scene) as before, rasterio.open(output) as after:
        assert after.shape == (before.height * 2, before.width * 2)
        assert after.bounds == before.bounds


def test_nan_and_infinity_are_no_data_not_an_error(
    llars: Callable[..., Result], tiny_weights: Path, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).uniform(0.05, 0.4, (4, 48, 40)).astype(np.float32)
    values[1, 10:14, 5:9] = np.nan
    values[:, 30, 30] = np.inf
    values[2, 20, 2] = -np.inf
    source = write(tmp_path / "in.tif", values)
    output = tmp_path / "out.tif"
    result = llars("restore", source, output, *DENOISE, "--model", tiny_weights)
    assert result.code == cli.OK, result.err
    with rasterio.open(output) as restored:
        np.testing.assert_array_equal(np.isfinite(restored.read()), np.isfinite(values))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--task", "bake", "denoise"), ("--severity", "1.5", "1.5"), ("--severity", "-1", "-1")],
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


def test_a_closed_pipe_is_no_error() -> None:
    script = f"'{sys.executable}' -m llars sensors --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
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
