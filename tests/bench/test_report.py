import json
import math

import numpy as np
import pytest

from llars.bands import Band
from llars.bench.pictures import display, visible
from llars.bench.protocols import Case, Protocol, Scene, Trial
from llars.bench.report import best_rival, data_set_means, overall, write_report
from llars.bench.result import DEGRADED, OURS, Evaluation, Panel, Score
from llars.errors import OutputError

TRIAL = Trial("denoise", 0.5, "reduce the noise", "gaussian_noise")


def score(data_set: str, scene: str, method: str, psnr: float) -> Score:
    return Score("denoise", data_set, scene, method, {"psnr": psnr, "ssim": 0.5}, 0.0)


@pytest.fixture
def scores() -> list[Score]:
    rows = {DEGRADED: (20, 22, 30), "weak": (25, 25, 31), "strong": (29, 31, 35), OURS: (30, 32, math.inf)}
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
    return Evaluation(Protocol((TRIAL,), 5, 384, 48), scores, {"denoise": panel})


def test_every_data_set_weighs_the_same(scores):
    assert data_set_means(scores, "denoise", DEGRADED, "psnr") == {"a / x": 21, "b / y": 30}
    assert overall(scores, "denoise", DEGRADED, "psnr") == 25.5
    assert math.isnan(overall(scores, "denoise", DEGRADED, "sam"))
    assert best_rival(scores, "denoise") == "strong"
    assert best_rival([s for s in scores if s.method in (DEGRADED, OURS)], "denoise") is None


def test_the_page_and_its_json_hold_the_numbers(evaluation, tmp_path):
    page = write_report(evaluation, tmp_path / "docs", command="measure it").read_text()
    assert "| a / x | 2 | 21.00 | 25.00 | 30.00 | 31.00 | +10.00 | +1.00 |" in page
    assert "| denoise | strong | 32.50 | 0.5000 |  |  | +7.00 |" in page
    assert "- command: `measure it`" in page
    assert "x1, x2, y1" in page
    document = json.loads((tmp_path / "docs" / "results.json").read_text(), parse_constant=pytest.fail)
    assert [s["metrics"]["psnr"] for s in document["scores"] if s["method"] == OURS] == [30, 32, None]
    assert document["protocol"]["seed"] == 5


def test_pictures_are_small_even_of_noise(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    picture = (tmp_path / "pictures" / "denoise.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000


def test_bands_are_shown_in_their_colours_on_the_scale_of_the_truth():
    bands = [Band(str(nm), float(nm)) for nm in (480, 560, 660, 840)]
    assert visible(bands) == (2, 1, 0)
    assert visible([Band("VV"), Band("VH")]) == (0, 1, 1)
    truth = np.tile(np.linspace(0.2, 0.4, 101, dtype=np.float32), (4, 50, 1))
    shown = display(truth + np.float32(0.1), truth, bands)
    assert shown.shape == (50, 101, 3)
    # The 1st and 99th percentile are 0.202 and 0.398: 0.3 is in the middle, and 0.2 + 0.1 is shown as such.
    assert shown[0, 0] == pytest.approx(0.5, abs=1e-3)
    assert (shown[:, -1] == 1).all()


def test_a_folder_that_cannot_be_written_is_told(evaluation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="another folder"):
        write_report(evaluation, tmp_path / "file" / "docs")
