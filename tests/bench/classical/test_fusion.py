"""Rivals that have help: a sharper band, another date, the place of the clouds."""

import numpy as np
import pytest
import rasterio
import torch

from llars import metrics
from llars.bench.classical import fusion, inpaint, pansharpen
from llars.bench.classical.resize import bicubic
from llars.degrade.wald import mtf_reduce

GAIN = 0.3
WITH_GAIN = {pansharpen.mtf_glp, pansharpen.mtf_glp_hpm}
METHODS = [
    pansharpen.brovey,
    pansharpen.ihs,
    pansharpen.gs,
    pansharpen.gsa,
    pansharpen.pca,
    pansharpen.mtf_glp,
    pansharpen.mtf_glp_hpm,
]


@pytest.fixture
def fields() -> np.ndarray:
    """Fields of a few pixels with spectra of four bands, 80 x 96."""
    rng = np.random.default_rng(3)
    brightness = rng.uniform(0.6, 1.4, (20, 24)).repeat(4, 0).repeat(4, 1)
    y, x = np.mgrid[:80, :96]
    colours = np.stack([0.2 + 0.05 * np.sin(x / k) * np.cos(y / k) for k in (9, 13, 17, 23)])
    return (colours * brightness).astype(np.float32)


def sharpened(method, ms, pan, factor):
    return method(ms, pan, factor, GAIN) if method in WITH_GAIN else method(ms, pan, factor)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 4])
def test_the_pan_band_sharpens(fields, method, factor):
    ms = mtf_reduce(torch.from_numpy(fields), factor, GAIN).numpy()
    result = sharpened(method, ms, fields.mean(axis=0), factor)
    assert result.dtype == np.float32
    assert metrics.ergas(result, fields) < 0.75 * metrics.ergas(bicubic(ms, factor), fields)


@pytest.mark.parametrize("method", METHODS)
def test_a_pan_band_without_detail_adds_none(fields, method):
    ms = np.full((4, 20, 24), 0.3, np.float32) * np.arange(1, 5, dtype=np.float32)[:, None, None] / 4
    result = sharpened(method, ms, np.full((80, 96), ms.mean(), np.float32), 4)
    np.testing.assert_allclose(result, ms.repeat(4, 1).repeat(4, 2), atol=1e-5)


def test_the_regression_finds_how_the_pan_band_was_made(fields):
    ms = fields.reshape(4, 40, 2, 48, 2).mean(axis=(2, 4))
    weights = np.array([0.1, 0.5, 0.3, 0.1], np.float32)
    pan = np.tensordot(weights, fields, 1)
    adaptive, plain = pansharpen.gsa(ms, pan, 2), pansharpen.gs(ms, pan, 2)
    assert metrics.ergas(adaptive, fields) < metrics.ergas(plain, fields)
    assert metrics.psnr(np.tensordot(weights, adaptive, 1), pan) > 45


def test_brovey_is_that_of_gdal(fields, tmp_path):
    ms, pan = fields.reshape(4, 20, 4, 24, 4).mean(axis=(2, 4)), fields.mean(axis=0)
    for name, values, pixel in (("ms", ms, 40), ("pan", pan[None], 10)):
        profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": "float32"}
        place = rasterio.Affine(pixel, 0, 5e5, 0, -pixel, 5e6)
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", "GTiff", crs="EPSG:32633", transform=place, **profile
        ) as file:
            file.write(values)
    source = lambda name, band: (  # noqa: E731
        f'<SourceFilename relativeToVRT="0">{tmp_path / name}.tif</SourceFilename><SourceBand>{band}</SourceBand>'
    )
    bands = range(1, 5)
    # What gdal_pansharpen writes for equal weights and cubic enlargement.
    pansharpened = (
        '<VRTDataset subClass="VRTPansharpenedDataset">'
        + "".join(f'<VRTRasterBand dataType="Float32" band="{b}" subClass="VRTPansharpenedRasterBand"/>' for b in bands)
        + "<PansharpeningOptions><Algorithm>WeightedBrovey</Algorithm><AlgorithmOptions><Weights>0.25,0.25,0.25,0.25"
        + "</Weights></AlgorithmOptions><Resampling>Cubic</Resampling>"
        + f"<PanchroBand>{source('pan', 1)}</PanchroBand>"
        + "".join(f'<SpectralBand dstBand="{band}">{source("ms", band)}</SpectralBand>' for band in bands)
        + "</PansharpeningOptions></VRTDataset>"
    )
    with rasterio.open(pansharpened) as file:
        theirs = file.read()
    # At the edge GDAL scales the kernel's weights to sum to 1, and we repeat the outermost pixel.
    inside = np.s_[:, 8:-8, 8:-8]
    np.testing.assert_allclose(pansharpen.brovey(ms, pan, 4)[inside], theirs[inside], atol=1e-6)


@pytest.fixture
def dates() -> dict[str, np.ndarray]:
    """Two crops in fields of 24 x 24, of which one has grown; the coarse sensor sees areas of 10 x 10."""
    crop = np.random.default_rng(4).random((5, 5)).repeat(24, 0).repeat(24, 1) > 0.5
    texture = np.random.default_rng(5).normal(0, 0.002, (1, 120, 120))
    before = np.where(crop, 0.2, 0.4) + texture
    truth = before + np.where(crop, 0.1, 0.0)
    coarse = [i.reshape(1, 12, 10, 12, 10).mean(axis=(2, 4)).repeat(10, 1).repeat(10, 2) for i in (before, truth)]
    return {"before": before, "truth": truth, "coarse_before": coarse[0], "coarse_now": coarse[1]}


def test_change_seen_coarsely_is_put_where_it_belongs(dates):
    seen = [dates[name].astype(np.float32) for name in ("coarse_now", "before", "coarse_before")]
    plain = metrics.psnr(fusion.fine_plus_difference(*seen), dates["truth"])
    assert plain > metrics.psnr(dates["before"], dates["truth"]) + 3
    assert metrics.psnr(fusion.starfm(*seen, window=21), dates["truth"]) > plain + 1


def test_where_nothing_changed_the_earlier_image_is_the_answer(dates):
    before, coarse = (dates[name].astype(np.float32) for name in ("before", "coarse_before"))
    np.testing.assert_allclose(fusion.fine_plus_difference(coarse, before, coarse), before, atol=1e-6)
    # Neighbours of one kind differ by the texture, 0.002.
    assert np.abs(fusion.starfm(coarse, before, coarse, window=9) - before).max() < 0.01


@pytest.mark.parametrize("method", [inpaint.telea, inpaint.navier_stokes])
def test_gaps_are_filled_from_their_rim_and_nothing_else_changes(method):
    y, x = np.mgrid[:48, :56] / 56
    smooth = np.stack([0.3 + 0.2 * x, 0.5 - 0.1 * y]).astype(np.float32)
    mask = np.zeros((48, 56), bool)
    mask[20:27, 30:38] = True
    cloudy = np.where(mask, 1.0, smooth).astype(np.float32)
    filled = method(cloudy, mask)
    np.testing.assert_array_equal(filled[:, ~mask], smooth[:, ~mask])
    assert np.abs(filled - smooth).max() < 0.05
    np.testing.assert_array_equal(method(cloudy, ~mask | mask), cloudy)  # nothing to fill from


def test_other_dates_fill_with_their_median():
    image = np.full((1, 2, 3), 9.0, np.float32)
    others = np.array([1, 2, 6], np.float32)[:, None, None, None] * np.ones((3, 1, 2, 3), np.float32)
    others[0, :, 0, 0] = np.nan
    others[:, :, 1, 1] = np.nan
    mask = np.array([[True, True, False], [True, True, True]])
    expected = [[[4, 2, 9], [2, 9, 2]]]  # median of two, of three, not asked; of three, of none, of three
    np.testing.assert_array_equal(inpaint.median_composite(image, mask, others), expected)
