"""The report of a restoration."""

import html
import re

import numpy as np
import pytest
import rasterio
from tests.commands import write
from tests.infer.rasters import opened

from llars.errors import OutputError
from llars.infer import job
from llars.infer.report.charts import axis_ticks, histogram
from llars.infer.report.measures import measure
from llars.infer.report.pictures import DecimatedPair, decimated_pair, detail_window, distinct_points
from llars.infer.report.sections import consistency


@pytest.fixture(autouse=True)
def loaded(restorer, monkeypatch):
    """No job loads weights: all use the random ones."""
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)


@pytest.fixture
def field(textured, tmp_path):
    """An 8-bit file of four bands, 49 x 66 pixels, with a hole in it."""
    numbers = (textured(4, 49, 66, seed=5) * 200 + 20).astype(np.uint8)
    numbers[:, 10:14, 20:31] = 0
    path = write(tmp_path / "field.tif", numbers, nodata=0)
    with rasterio.open(path, "r+") as file:
        file.update_tags(SENSOR="naip")
        file.descriptions = ("R", "G", "B", "N")
    return path


def reported(field, tmp_path, prompt, **options):
    page = tmp_path / "report.html"
    job.restore_file(field, tmp_path / "out.tif", prompt, report=page, **options)
    return page.read_text(encoding="utf-8")


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)))


def test_the_page_holds_everything_and_asks_nobody(field, tmp_path):
    page = reported(field, tmp_path, "reduce the noise", uncertainty=tmp_path / "sigma.tif")
    assert len(page) < 2_000_000
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert not re.findall(r"url\(|@import|https?://", page)
    assert page.count("data:image/") == 5  # before, after, change, what was taken away, uncertainty
    assert page.count("<svg") == 4 + 6  # histograms of the bands, spectra at points
    said = text_of(page)
    for part in ("Before and after", "Difference", "Histograms", "Spectra", "How sure the model is", "Provenance"):
        assert part in said


def test_provenance_tells_what_was_asked_and_by_what_it_was_done(field, tmp_path):
    said = text_of(reported(field, tmp_path, "reduce the noise"))
    with rasterio.open(tmp_path / "out.tif") as file:
        tags = file.tags()
    assert tags["LLARS_WEIGHTS_SHA256"] in said
    assert f"llars {tags['LLARS_VERSION']}" in said
    assert "“reduce the noise”" in said
    assert "denoise at 0.50" in said
    assert "EPSG:32737" in said
    assert "66 × 49 px" in said
    assert "--uncertainty" in said, "how to get what was not asked for"


def test_words_of_the_user_are_text_and_no_markup(field, tmp_path):
    page = reported(field, tmp_path, "reduce the noise <script>alert(1)</script>")
    assert "<script>alert" not in page
    assert page.count("<script>") == 1


def test_gaps_that_stayed_are_counted(field, tmp_path):
    assert "no data stayed no data, pixel for pixel (176 values)" in text_of(reported(field, tmp_path, "noise"))


def test_a_finer_grid_is_brought_back_to_the_input(tmp_path):
    """Each pixel in four, two of them brighter and two darker by as much; then one of them alone."""
    coarse = np.random.default_rng(0).normal(100.0, 10.0, (2, 48, 40)).astype(np.float32)
    fine = coarse.repeat(2, axis=1).repeat(2, axis=2)
    fine[:, :, ::2] += 4.0
    fine[:, :, 1::2] -= 4.0
    files = [opened(write(tmp_path / f"{i}.tif", one)) for i, one in enumerate((coarse, fine, fine + 2.0))]
    kept, moved = (measure(files[0], other, 2, ["a", "b"]) for other in files[1:])
    assert max(band.largest for band in kept.bands) < 1e-4
    assert moved.bands[0].shift == pytest.approx(2.0, abs=1e-4)
    told = "the result averaged over each pixel of the input gives that pixel"
    assert told in consistency(kept, 2, {"sr"}, "counts")
    assert told not in consistency(moved, 2, {"sr"}, "counts")
    assert consistency(moved, 2, {"sr"}, "counts").count('class="odd"') == 3


def test_the_size_of_a_finer_grid_is_told(field, tmp_path):
    assert "66 × 49 px → 132 × 98 px" in text_of(reported(field, tmp_path, "noise", scale=2))


def test_a_page_appears_with_its_output_or_not_at_all(field, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "write_page", lambda *_: (_ for _ in ()).throw(OutputError("no room")))
    with pytest.raises(OutputError):
        reported(field, tmp_path, "noise")
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "out.tif").exists()


def test_a_report_has_the_name_of_a_page(field, tmp_path):
    with pytest.raises(OutputError, match=r"\.html"):
        job.restore_file(field, tmp_path / "out.tif", "noise", report=tmp_path / "report.pdf")


def test_changes_are_measured_in_the_units_of_the_image(tmp_path):
    before = np.random.default_rng(0).normal(100.0, 10.0, (2, 64, 80)).astype(np.float32)
    after = before.copy()
    after[0] += 3.0
    files = [opened(write(tmp_path / f"{i}.tif", one)) for i, one in enumerate((before, after))]
    changes = measure(*files, 1, ["a", "b"])
    moved, same = changes.bands
    assert moved.shift == moved.broad == pytest.approx(3.0, abs=1e-4)
    assert (same.change, same.largest) == (0.0, 0.0)
    assert changes.untouched == pytest.approx(0.5)
    assert moved.before.sum() == pytest.approx(1.0)
    assert moved.means[1] - moved.means[0] == pytest.approx(3.0, abs=1e-4)


def test_a_result_that_loses_or_invents_pixels_is_found_out(tmp_path):
    before = np.ones((1, 40, 40), dtype=np.float32)
    after = before.copy()
    before[0, :2, :3], after[0, :1, :3] = np.nan, np.nan
    files = [opened(write(tmp_path / f"{i}.tif", one)) for i, one in enumerate((before, after))]
    changes = measure(*files, 1, ["a"])
    assert (changes.gaps, changes.gaps_differ) == (6, 3)


def test_large_scenes_are_thinned_and_looked_at_where_most_changed(tmp_path):
    """2.4 Mpx: the overview shows less than every pixel, so a part is shown pixel for pixel."""
    before = np.random.default_rng(0).integers(90, 110, (1, 1200, 2000)).astype(np.uint8)
    after = before.copy()
    after[0, 850:1050, 1300:1500] += 50
    files = [opened(write(tmp_path / f"{i}.tif", one)) for i, one in enumerate((before, after))]
    thin = decimated_pair(*files, 1)
    assert thin.after.shape == (1, 600, 1000)
    window = detail_window(thin, (1200, 2000))
    assert window.shape == (360, 360)
    assert window.top < 950 < window.bottom
    assert window.left < 1400 < window.right
    assert measure(*files, 1, ["a"]).share < 1.0


def test_a_scene_that_fits_on_the_page_needs_no_detail():
    image = np.zeros((1, 50, 60), dtype=np.float32)
    assert detail_window(DecimatedPair(image, image), (50, 60)) is None


def test_spectra_are_taken_where_they_differ():
    image = np.zeros((3, 90, 90), dtype=np.float32)
    image[0, :, :30], image[1, :, 30:60], image[2, :, 60:] = 1.0, 1.0, 1.0
    points = distinct_points(DecimatedPair(image, image), 3)
    assert {column // 30 for _, column in points} == {0, 1, 2}
    assert distinct_points(DecimatedPair(image * np.nan, image), 3) == []


def test_ticks_are_round_numbers_within_the_ends():
    assert axis_ticks(0.0, 1.0) == pytest.approx([0.0, 0.5, 1.0])
    assert axis_ticks(430.0, 2210.0) == pytest.approx([500.0, 1000.0, 1500.0, 2000.0])
    assert axis_ticks(2.0, 2.0) == [2.0]


def test_charts_are_drawn_within_their_frame():
    drawn = histogram([0.0, 1.0, 2.0, 3.0], [0.9, 0.1, 0.0], [0.2, 0.8, 0.0], "of a <band>")
    assert "of a &lt;band&gt;" in drawn
    places = [float(number) for pair in re.findall(r'points="([^"]+)"', drawn) for number in re.split("[ ,]", pair)]
    assert min(places) >= 0.0
    assert max(places) <= 300.0
