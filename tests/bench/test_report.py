import json
import math

import numpy as np
import pytest

from llars.bands import Band
from llars.bench.cases import Case, Scene
from llars.bench.pictures import display
from llars.bench.protocols import OURS_FEW, OURS_SHUFFLED, OURS_UNPROJECTED, Protocol, Target, Trial
from llars.bench.report import write_report
from llars.bench.result import DEGRADED, OURS, Evaluation, Panel, Score
from llars.errors import OutputError

TRIAL = Trial("denoise", "denoise", "reduce the noise", 0.5, "gaussian_noise")
TARGETS = (
    Target(("denoise",), "psnr", least=2.0, than=("strong",)),
    Target(("denoise",), "psnr", least=50.0, lacking="Time to train."),
    Target(("denoise",), "sam", most=0.9, than=("strong",), ratio=True),
)


def score(data_set: str, scene: str, method: str, psnr: float) -> Score:
    return Score("denoise", data_set, scene, method, {"psnr": psnr, "ssim": 0.5}, 0.0)


@pytest.fixture
def scores() -> list[Score]:
    rows = {DEGRADED: (20, 22, 30), "weak": (25, 25, 31), "strong": (29, 31, 35), OURS: (30, 32, 40)}
    places = [("a / x", "x1"), ("a / x", "x2"), ("b / y", "y1")]
    return [
        score(*place, method, psnr) for method, row in rows.items() for place, psnr in zip(places, row, strict=True)
    ]


@pytest.fixture
def evaluation(scores) -> Evaluation:
    rng = np.random.default_rng(0)
    truth = rng.random((4, 200, 220)).astype(np.float32)
    truth[:, :5] = np.nan
    bands = tuple(Band(str(nm), float(nm)) for nm in (480, 560, 660, 840))
    scene = Scene("x1", "a / x", bands, truth, np.isfinite(truth[0]), (0.0, 1.0), True)
    noisy = {m: rng.random(truth.shape).astype(np.float32) for m in (DEGRADED, "weak", "strong", OURS)}
    panel = Panel(Case(scene, TRIAL, noisy[DEGRADED], noisy[DEGRADED], truth, bands), noisy)
    return Evaluation(Protocol((TRIAL,), 5, 384, 48, targets=TARGETS), scores, {"denoise": panel})


@pytest.fixture
def plain(evaluation) -> Evaluation:
    """The same without pictures, which take a second."""
    evaluation.panels.clear()
    return evaluation


def test_the_page_and_its_json_hold_the_numbers(plain, tmp_path):
    page = write_report(plain, tmp_path / "docs", command="measure it").read_text()
    assert "| a / x | 2 | 21.00 | 25.00 | 30.00 | 31.00 | +10.00 | +1.00 |" in page
    assert "| strong | 32.50 | 0.5000 |" in page
    assert "| denoise | 25.50 | strong | 32.50 | 35.50 | +10.00 | +3.00 | 0.5000 |  |  |" in page
    assert "- command: `measure it`" in page
    assert "x1, x2, y1" in page
    document = json.loads((tmp_path / "docs" / "results.json").read_text(), parse_constant=pytest.fail)
    assert [s["metrics"]["psnr"] for s in document["scores"] if s["method"] == OURS] == [30, 32, 40]
    assert document["protocol"]["seed"] == 5


def test_finer_grids_and_other_bands_have_sections_of_their_own(tmp_path):
    trials = (
        Trial("fine", "sr", "finer", 1 / 3, scale=2, unprojected=True, rearranged=True),
        Trial("real", "pansharpen", "sharpen", scale=2, source="real_pan", unprojected=True),
    )
    rows = [
        ("fine", DEGRADED, {"psnr": 30.0, "drift": 0.004, "below": -4.0}),
        ("fine", OURS, {"psnr": 33.0, "drift": 0.0, "below": -1.0}),
        ("fine", OURS_UNPROJECTED, {"psnr": 32.5, "drift": 0.002, "below": -0.5}),
        ("fine", OURS_SHUFFLED, {"psnr": 32.95}),
        ("fine", OURS_FEW, {"psnr": 31.0}),
        ("real", DEGRADED, {"hqnr": 0.9, "drift": 0.001}),
        ("real", "weak", {"hqnr": 0.8, "drift": 0.0}),
        ("real", "strong", {"hqnr": 0.95, "drift": 0.1}),
        ("real", OURS, {"hqnr": 0.96, "drift": 0.0}),
    ]
    scores = [Score(trial, "a / x", "x1", method, found, 0.0) for trial, method, found in rows]
    page = write_report(Evaluation(Protocol(trials, 5), scores, notes={"none": "Nothing there."}), tmp_path).read_text()
    assert "| fine | llars, no projection | 32.50 |  | 0.00200 | -0.50 |" in page
    assert "| real | strong |  | 0.9500 | 0.10000 |  |" in page  # ranked by HQNR, as nobody knows the truth
    assert "| fine | +0.050 | +0.050 (a / x) | +2.000 | +2.000 (a / x) |" in page
    assert "| HQNR by data set | scenes | degraded | weak | strong | llars | gain | over strong |" in page
    assert "| a / x | 1 | 0.9000 | 0.8000 | 0.9500 | 0.9600 | +0.0600 | +0.0100 |" in page
    assert "| real | " not in page[: page.index("## Finer grids")]  # no PSNR, no row among those that have one
    assert "## Not measured\n\n- **none**: Nothing there." in page


def test_targets_stand_beside_their_figures(plain, tmp_path):
    page = write_report(plain, tmp_path).read_text()
    assert "| denoise | PSNR (dB) of llars minus that of strong | at least 2 | 3.00 | met |" in page
    assert "| denoise | PSNR (dB) of llars | at least 50 | 35.50 | missed |" in page
    assert "| denoise | SAM (°) of llars divided by that of strong | at most 0.9 |  | not measured |" in page
    document = json.loads((tmp_path / "results.json").read_text())
    assert [(one["figure"], one["met"]) for one in document["targets"]] == [(3.0, True), (35.5, False), (None, None)]


def test_what_is_missed_is_told_with_what_is_lacking(plain, tmp_path):
    page = write_report(plain, tmp_path).read_text()
    told = [line for line in page.splitlines() if line.startswith("- **denoise**")]
    assert told == ["- **denoise**: PSNR (dB) of llars is 35.50; the target is at least 50. Time to train."]


def test_a_row_that_a_rival_wins_is_bold_and_perfection_is_no_number(plain, scores, tmp_path):
    plain.scores = [s for s in scores if s.method != OURS] + [
        score("a / x", "x1", OURS, 20.0),
        score("b / y", "y1", OURS, 30.0),
    ]
    page = write_report(plain, tmp_path).read_text()
    assert "| **denoise** | **25.50** | **strong** | **32.50** | **25.00** | **-0.50** | **-7.50** |" in page
    plain.scores.append(score("a / x", "x2", OURS, math.inf))
    page = write_report(plain, tmp_path).read_text()
    assert "| llars | ∞ |" in page
    assert "inf" not in page
    document = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert document["scores"][-1]["metrics"]["psnr"] is None


def test_means_over_some_data_sets_only_say_so(plain, scores, tmp_path):
    plain.scores.append(score("a / x", "x1", "lucky", 39.0))
    page = write_report(plain, tmp_path).read_text()
    assert "| lucky, on 1 of 2 data sets | 39.00 |" in page
    assert "| denoise | 25.50 | strong |" in page


def test_notes_stand_in_their_section(plain, tmp_path):
    plain.notes["denoise"] = "Nobody can do this."
    page = write_report(plain, tmp_path).read_text()
    assert "Nobody can do this." in page[page.index("## denoise") :]


def test_pictures_are_small_even_of_noise(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    picture = (tmp_path / "pictures" / "denoise.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000


def test_bands_are_shown_in_their_colours_on_the_scale_of_the_truth():
    bands = [Band(str(nm), float(nm)) for nm in (480, 560, 660, 840)]
    truth = np.tile(np.linspace(0.2, 0.4, 101, dtype=np.float32), (4, 50, 1))
    shown = display(truth + np.float32(0.1), truth, bands)
    assert shown.shape == (50, 101, 3)
    # The 1st and 99th percentile are 0.202 and 0.398: 0.3 is in the middle, and 0.2 + 0.1 is shown as such.
    assert shown[0, 0] == pytest.approx(0.5, abs=1e-3)
    assert (shown[:, -1] == 1).all()
    truth[2] = truth[2, :, ::-1]
    assert (display(truth, truth, bands)[:, 0] == (1, 0, 0)).all()  # at 660 nm it is bright there: red


def test_a_folder_that_cannot_be_written_is_told(evaluation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="another folder"):
        write_report(evaluation, tmp_path / "file" / "docs")
