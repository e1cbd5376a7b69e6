"""The protocols of the public sets, on the miniatures in their authors' layouts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from llars import cli
from llars.bench import published
from llars.bench.evaluate import evaluate
from llars.bench.protocols import OURS_UNPROJECTED, Protocol, Trial, read_protocol
from llars.bench.result import DEGRADED, OURS
from llars.bench.scenes import Folder
from llars.bench.sources import cases_of
from llars.data.readers import read_set, sets
from llars.degrade.wald import NYQUIST, mtf_reduce
from llars.errors import ConfigError, DataError
from llars.metrics import psnr

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(path for path in (ROOT / "configs" / "eval").glob("*.yaml") if path.stem != "shared")
PROTOCOL = Protocol((), 5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder in which the miniature of a set was unpacked."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from miniatures import MAKERS
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    root = tmp_path_factory.mktemp("sets")

    def make(name: str) -> Path:
        if not (root / name).exists():
            MAKERS[name](root / name)
        return root / name

    return make


def unchanged(case, words, project=True):
    return case.baseline


def test_every_set_has_a_protocol():
    named = {name for path in CONFIGS for trial in read_protocol(path).trials for name in trial.sets}
    assert named == set(sets())
    assert len({read_protocol(path).title for path in CONFIGS}) == len(CONFIGS)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_test_image_is_measured_by_the_columns_of_its_protocol(config, made):
    protocol = read_protocol(config)
    # One set at a time: the miniatures of some sets are files of the same names.
    for trial, name in [(one, name) for one in protocol.trials for name in one.sets]:
        folder = made(name)
        there = list(read_set(name, folder, "test"))
        alone = replace(protocol, trials=(replace(trial, sets=(name,)),))
        result = evaluate(alone, folder, unchanged, rivals=False, cache=None)
        assert len([score for score in result.scores if score.method == OURS]) == len(there)
        assert bool(result.notes) == (not there)
        for score in result.scores:
            known = trial.source == "published_wald" or "target" in there[0].images
            # What a miniature is too small, or has too few bands, for; and nothing under clouds where none is seen.
            unfit = {"mae_under", "sam"} | ({"ssim", "uiqi"} if trial.task == "stf" else set())
            assert (set(protocol.columns) if known else {"hqnr"}) - score.metrics.keys() <= unfit


def test_numbers_are_those_of_the_files(made):
    folder = made("rrshid-thick")
    trial = Trial("thick", "haze", "dehaze", source="published", sets=("rrshid-thick",))
    cases = list(cases_of(trial, Folder(folder, PROTOCOL)))
    pairs = list(read_set("rrshid-thick", folder, "test"))
    assert len(cases) == len(pairs) > 0
    for case, pair in zip(cases, pairs, strict=True):
        hazy, clear = (pair.images[role].values.astype(float) for role in ("input", "target"))
        # As in papers: 8-bit pictures with a peak of 255.
        assert psnr(case.degraded, case.truth) == pytest.approx(psnr(hazy, clear, data_range=255.0), abs=1e-4)
        assert case.scene.data_set == "rgb / thick"


def test_a_pan_comes_along_and_the_truth_is_as_published(made):
    folder = made("pancollection-qb")
    trial = Trial("qb", "pansharpen", "sharpen", scale=4, source="published", sets=("pancollection-qb",))
    (case, *_), (pair, *_) = (
        list(cases_of(trial, Folder(folder, PROTOCOL))),
        list(read_set("pancollection-qb", folder, "test")),
    )
    assert case.truth.shape == case.baseline.shape == (4, 64, 64)
    np.testing.assert_allclose(case.truth, pair.images["target"].values / 2047, atol=1e-6)
    np.testing.assert_allclose(case.guides["pan"].values, pair.images["pan"].values / 2047, atol=1e-6)
    assert case.side_info.gains == NYQUIST["quickbird"][0]


def test_walds_protocol_takes_the_transfer_of_the_sensor(made):
    folder = made("nbu-wv3")
    trial = Trial("wv3", "pansharpen", "sharpen", scale=4, source="published_wald", sets=("nbu-wv3",))
    case, *_ = cases_of(trial, Folder(folder, PROTOCOL))
    pair, *_ = read_set("nbu-wv3", folder, "test")
    ms = torch.from_numpy(pair.images["input"].values / 2047)
    np.testing.assert_allclose(case.truth, ms, atol=1e-6)
    gains, pan_gain = NYQUIST["worldview3"]
    np.testing.assert_allclose(case.degraded, mtf_reduce(ms, 4, gains), atol=1e-6)
    pan = torch.from_numpy(pair.images["pan"].values / 2047)
    np.testing.assert_allclose(case.guides["pan"].values, mtf_reduce(pan, 4, pan_gain), atol=1e-6)
    assert case.bands[0].gsd_m == pytest.approx(4 * pair.images["input"].bands[0].gsd_m)


def test_where_nobody_knows_the_truth_there_are_figures_all_the_same(made):
    folder = made("nbu-ikonos")
    trial = Trial("full", "pansharpen", "sharpen", scale=4, source="published", sets=("nbu-ikonos",))
    result = evaluate(Protocol((trial,), 5), folder, rivals=False, cache=None)
    for score in result.scores:
        assert score.method == DEGRADED and "psnr" not in score.metrics
        assert score.metrics["hqnr"] == pytest.approx((1 - score.metrics["d_lambda_k"]) * (1 - score.metrics["d_s"]))
        assert (score.metrics["below"], score.metrics["beyond"]) == (0, 0)  # over itself


def test_looks_are_told_from_the_truth(made):
    trial = Trial("sar", "denoise", "despeckle", source="published", sets=("sar-despeckle",))
    for case in cases_of(trial, Folder(made("sar-despeckle"), PROTOCOL)):
        # One look: exponential speckle, whose ratio varies as much as its mean; 256 samples, a fourth moment of 24.
        assert case.side_info.looks == pytest.approx(1, abs=0.5)


def test_what_does_not_fit_is_refused_or_told(made, tmp_path):
    images = Folder(made("haze1k-thin"), PROTOCOL)
    with pytest.raises(ConfigError, match="of the task cloud, and haze1k-thin of haze"):
        next(published.published_pairs(Trial("a", "cloud", "go", source="published", sets=("haze1k-thin",)), images))
    images = Folder(made("oli2msi"), PROTOCOL)
    with pytest.raises(ConfigError, match="a factor of 3, not 2"):
        next(published.published_pairs(Trial("a", "sr", "go", scale=2, source="published", sets=("oli2msi",)), images))
    with pytest.raises(ConfigError, match="goes with a published source"):
        Trial("a", "sr", "go", scale=2, source="native", sets=("oli2msi",))
    protocol = read_protocol(ROOT / "configs" / "eval" / "haze1k.yaml")
    with pytest.raises(DataError, match="give the folder into which Haze1k"):
        evaluate(protocol, tmp_path)
    result = evaluate(protocol, made("haze1k-thin"), rivals=False)
    assert {score.trial for score in result.scores} == {"Haze1k thin"}
    assert result.notes.keys() == {"Haze1k moderate", "Haze1k thick"}
    assert "nothing under DATA is named like Haze1k_thick/" in result.notes["Haze1k thick"]


def test_one_command_measures_and_a_second_run_gives_the_same_numbers(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["evaluate", str(ROOT / "configs" / "eval" / "oli2msi.yaml"), str(made("oli2msi")), "--device", "cpu"]
    assert cli.run([*command, "--out", "first"]) == 0
    assert cli.run(command) == 0  # the protocol says where
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "first", tmp_path / "runs" / "evaluate" / "oli2msi")
    )
    assert first == second
    assert {path.name for path in first} == {"results.md", "results.json", "oli2msi-x3.png", "spectra-oli2msi-x3.png"}
    document = json.loads(first[Path("results.json")])
    assert {score["method"] for score in document["scores"]} == {DEGRADED, "Lanczos", OURS, OURS_UNPROJECTED}
    assert document["protocol"]["seed"] == 20260
    page = first[Path("results.md")].decode()
    for line in ("- seed: 20260", "- weights: llars-small, SHA-256 ", "- commit: "):
        assert line in page
    drift = {score["method"]: score["metrics"]["drift"] for score in document["scores"]}
    assert drift[OURS] < 1e-5 < drift[OURS_UNPROJECTED]
