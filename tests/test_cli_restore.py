"""The contract of `llars restore`: exit codes, one line per mistake, nothing left behind."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from tests.commands import DENOISE, Result, assert_mistake, plain, write

from llars import cli


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


def radar(folder: Path) -> Path:
    """Sentinel-1 over the small scene, in decibel, on pixels of another size."""
    path = folder / "s1.tif"
    values = np.random.default_rng(2).normal(-12, 3, (2, 400, 400)).astype(np.float32)
    write(path, values, crs="EPSG:32630", transform=from_origin(415_000, 5_825_000, 100, 100))
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("VV", "VH")
    return path


BAD_GUIDES = {
    "no role": (["--guide", "s1.tif"], "ROLE=FILE"),
    "unknown role": (["--guide", "radar=s1.tif"], "sar, pan, fine_before, coarse_before"),
    "twice": (["--guide", "sar=s1.tif", "--guide", "sar=s2.tif"], "two guides"),
    "of no use": (["--guide", "sar=s1.tif"], "helps none of the steps (denoise)"),
}


@pytest.mark.parametrize("case", BAD_GUIDES)
def test_bad_guide_is_one_line_and_leaves_nothing(
    case: str, llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    options, says = BAD_GUIDES[case]
    result = llars("restore", small_scene, tmp_path / "out.tif", *DENOISE, *options, "--model", tiny_weights)
    assert_mistake(result, says=says)
    assert not list(tmp_path.iterdir())


def test_a_guide_is_used_and_what_it_makes_of_the_words_is_said(
    llars: Callable[..., Result], small_scene: Path, fusing_weights: Path, tmp_path: Path
) -> None:
    output, words = tmp_path / "out.tif", ["-p", "remove the clouds", "--model", fusing_weights]
    result = llars("restore", small_scene, output, *words, "--guide", f"sar={radar(tmp_path)}")
    assert result.code == cli.OK, result.err
    assert "was taken as cloud_sar" in result.err
    with rasterio.open(small_scene) as before, rasterio.open(output) as after:
        assert (after.profile["transform"], after.count) == (before.profile["transform"], before.count)
        assert json.loads(after.tags()["LLARS_STEPS"])[0]["task"] == "cloud_sar"
    missing = llars("restore", small_scene, tmp_path / "b.tif", "-p", "pansharpen", "--model", fusing_weights)
    assert_mistake(missing, says="--guide pan=FILE")


@pytest.mark.parametrize(("amount", "says"), [("lots", "4GB"), ("100MB", "at least")])
def test_an_impossible_amount_of_memory_is_a_mistake(
    amount: str, says: str, llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    output, options = tmp_path / "out.tif", [*DENOISE, "--model", tiny_weights, "--max-memory", amount]
    assert_mistake(llars("restore", small_scene, output, *options), says=says)
    assert not list(tmp_path.iterdir())


def test_several_prompts_are_followed_in_order(
    llars: Callable[..., Result], small_scene: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    output, prompts = tmp_path / "out.tif", ("-p", "reduce the noise", "-p", "double the resolution")
    result = llars("restore", small_scene, output, *prompts, "--model", tiny_weights)
    assert result.code == cli.OK, result.err
    with rasterio.open(small_scene) as before, rasterio.open(output) as after:
        assert after.shape == (2 * before.height, 2 * before.width)
        assert after.tags()["LLARS_PROMPT"] == "reduce the noise, then double the resolution"


@pytest.mark.parametrize("prompt", ["", " "])
@pytest.mark.parametrize("command", ["restore", "batch", "export"])
def test_an_empty_prompt_is_not_taken_for_none(command: str, prompt: str, llars, small_scene, tmp_path) -> None:
    result = llars(command, small_scene, tmp_path / "out.tif", "-p", prompt)
    assert_mistake(result, says="found an empty prompt, expected what to do")
    assert not list(tmp_path.iterdir())


def test_a_guide_without_a_step_names_no_empty_list(llars, small_scene, tiny_weights, tmp_path) -> None:
    guide = write(tmp_path / "pan.tif", plain(bands=1))
    result = llars("restore", small_scene, tmp_path / "o.tif", "--guide", f"pan={guide}", "--model", tiny_weights)
    assert_mistake(result, says="the guide pan has no step to help in; leave it out, or ask for pansharpen")
