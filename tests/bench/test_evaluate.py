from dataclasses import replace

import numpy as np
import pytest

from llars import cli
from llars.bands import Band
from llars.bench import rivals
from llars.bench.cases import Case, Guide, Scene
from llars.bench.evaluate import evaluate, main
from llars.bench.ours import restore_with, reworded_instruction
from llars.bench.protocols import Trial, read_protocol
from llars.bench.result import DEGRADED, OURS, OURS_REWORDED
from llars.bench.rivals import Rival
from llars.errors import ConfigError, InstructionError


@pytest.fixture
def calls(monkeypatch):
    """Rivals that cost nothing, and how often they were asked."""
    asked: list[tuple[int, ...]] = []

    def plus(image):
        asked.append(image.shape)
        return image + np.float32(0.1)

    monkeypatch.setattr(rivals, "RIVALS", {"denoise": (Rival("plus", plus, lambda case: (case.degraded,)),)})
    return asked


def test_methods_are_measured_against_the_truth(folder, config, calls, tmp_path):
    protocol = read_protocol(config)
    shifts = {"grey": 0.1, "veg": 0.01, "soft": 0.001}
    result = evaluate(
        protocol, folder, lambda case, _: case.truth + np.float32(shifts[case.scene.name]), cache=tmp_path / "cache"
    )
    ours = {(s.trial, s.scene): s.metrics["psnr"] for s in result.scores if s.method == OURS}
    assert ours["denoise", "grey"] == pytest.approx(20, abs=1e-3)
    assert ours["deblur", "veg"] == pytest.approx(40, abs=1e-3)
    before = {s.scene: s.metrics["psnr"] for s in result.scores if s.trial == "denoise" and s.method == DEGRADED}
    assert before["grey"] == pytest.approx(26.02, abs=0.3)  # sigma 0.05
    # A soft scene is no truth for sharpening.
    assert {task for task, scene in ours if scene == "soft"} == {"denoise"}
    assert {s.method for s in result.scores if s.trial == "denoise"} == {DEGRADED, "plus", OURS}
    assert result.panels["denoise"].case.scene.name == "grey"


def test_rivals_are_asked_once(folder, config, calls, tmp_path):
    protocol = read_protocol(config)
    first = evaluate(protocol, folder, tasks=["denoise"], cache=tmp_path / "cache")
    again = evaluate(protocol, folder, tasks=["denoise"], cache=tmp_path / "cache")
    assert len(calls) == 3
    assert [score.metrics for score in first.scores] == [score.metrics for score in again.scores]
    evaluate(replace(protocol, seed=6), folder, tasks=["denoise"], cache=tmp_path / "cache")
    assert len(calls) == 6
    quick = evaluate(protocol, folder, tasks=["sr"], rivals=False, cache=None)
    assert {(score.trial, score.method) for score in quick.scores} == {("sr", DEGRADED)}


def test_the_restorer_gets_physical_values_and_plain_words():
    low, high = -30.0, 10.0
    truth = np.full((2, 8, 8), 0.25, np.float32)
    truth[:, 2, 5] = np.nan
    bands = (Band("VV"), Band("VH"))
    scene = Scene("radar", "s / radar", bands, truth, np.isfinite(truth[0]), (low, high), True)
    degraded = np.full((2, 4, 4), 0.25, np.float32)
    case = Case(scene, Trial("sr", "sr", "finer, please", 1 / 3, scale=2), degraded, truth, truth, bands)

    def restorer(image, prompt):
        assert prompt == "at last"
        assert image.dims == ("band", "y", "x")
        assert image.attrs == {"bands": bands, "value_range": (low, high), "units": "unknown", "sensor": "s"}
        assert np.isnan(image.values[:, 1, 2]).all()
        assert np.isfinite(image.values).sum() == 2 * 15
        assert np.nanmax(np.abs(image.values + 20)) < 1e-5
        return image.values.repeat(2, 1).repeat(2, 2) + 4

    restored = restore_with(restorer)(case, "at last")
    np.testing.assert_allclose(restored[:, 0, 0], 0.25 + 4 / 40, atol=1e-6)


def test_guides_go_along_in_their_own_units_and_on_their_own_grid():
    bands, radar = (Band("B02", 490.0), Band("B03", 560.0)), (Band("VV"),)
    clear = np.full((2, 16, 16), 0.3, np.float32)
    scene = Scene("s", "d / s", bands, clear, np.ones((16, 16), bool), (0.0, 1.0), True)
    trial = Trial("seen through", "cloud_sar", "use the radar", source="cloudy_dates")
    guides = {"sar": Guide(np.full((1, 8, 8), 0.5, np.float32), radar, (-30.0, 10.0))}
    case = Case(scene, trial, clear, clear, clear, bands, guides)

    def restorer(image, prompt, guides):
        assert guides["sar"].shape == (1, 8, 8)
        assert guides["sar"].attrs == {"bands": radar, "value_range": (-30.0, 10.0)}
        np.testing.assert_allclose(guides["sar"].values, -10.0, atol=1e-5)
        return image.values

    np.testing.assert_allclose(restore_with(restorer)(case, "use the radar"), clear, atol=1e-6)


def test_what_the_weights_cannot_do_is_left_to_the_rivals_with_a_note(folder, config, calls):
    result = evaluate(read_protocol(config), folder, lambda case, _: case.truth, able=("denoise",), cache=None)
    assert {s.trial for s in result.scores if s.method == OURS} == {"denoise"}
    assert {s.trial for s in result.scores} == {"denoise", "deblur", "sr"}
    assert "deblur" in result.notes["deblur"] and "denoise" not in result.notes


def test_other_words_are_tried_and_count_as_nothing_where_not_understood(folder, config, calls):
    config.write_text(config.read_text().replace("instruction: reduce the noise", "instruction: go, reworded: true"))
    told = []

    def restore(case, words):
        told.append(words)
        if words == "go":
            return case.truth
        if case.scene.name == "veg":
            raise InstructionError("what?")
        return np.nan_to_num(case.truth) + np.float32(0.01)

    protocol = read_protocol(config)
    result = evaluate(protocol, folder, restore, tasks=["denoise"], rivals=False, cache=None)
    by = {(s.scene, s.method): s.metrics["psnr"] for s in result.scores}
    assert by["grey", OURS] == np.inf
    assert by["grey", OURS_REWORDED] == pytest.approx(40, abs=1e-3)
    assert by["veg", OURS_REWORDED] == by["veg", DEGRADED]
    assert reworded_instruction(protocol.trials[0], "grey", 5) == told[1] != told[3]


def test_mistakes_end_with_two_and_one_line(folder, config, tmp_path, capsys):
    with pytest.raises(ConfigError, match="it has denoise, deblur, sr"):
        evaluate(read_protocol(config), folder, tasks=["haze"])
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "out"), "--config", str(config), "--model", "none"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command_writes_the_report(folder, config, calls, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [str(folder), "out", "--config", str(config), "--model", "none", "--tasks", "denoise"]
    assert main(arguments) == 0
    page = (tmp_path / "out" / "results.md").read_text()
    assert capsys.readouterr().out == page
    assert "--tasks denoise" in page
    assert str(folder) not in page
    assert (tmp_path / "out" / "pictures" / "denoise.png").read_bytes().startswith(b"\x89PNG")


def test_llars_evaluate_writes_and_prints_the_same_page(folder, config, calls, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["evaluate", str(config), str(folder), "--out", "out", "--model", "none"]
    assert cli.run(asked) == cli.OK
    told = capsys.readouterr()
    assert told.out == (tmp_path / "out" / "results.md").read_text()
    assert f"python -m llars.bench.evaluate DATA --config {config} --model none" in told.out
    assert [line.split()[0] for line in told.err.splitlines()][:2] == ["denoise", "denoise"]
    asked[2] = str(tmp_path / "nowhere")
    assert cli.run(asked) == cli.MISTAKE
    assert capsys.readouterr().err.count("\n") == 1
