"""Metrics against scikit-image, against numbers worked out by hand, and against their own laws."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from llars import metrics
from llars.errors import BandError, DataError, ValueRangeError
from llars.metrics import windows


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:57, :71] / 20
    truth = np.stack([0.4 + 0.2 * np.sin(x * k) * np.cos(y / k) for k in (1, 2, 3, 5)])
    return truth + rng.normal(0, 0.05, truth.shape), truth


def test_psnr_and_ssim_equal_those_of_scikit_image(pair):
    image, truth = pair
    assert metrics.psnr(image, truth, 0.7) == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=0.7))
    theirs = structural_similarity(
        truth, image, data_range=0.7, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert metrics.ssim(image, truth, 0.7) == pytest.approx(theirs, abs=1e-4)


def test_values_worked_out_by_hand():
    image = np.array([[[0.0, 0.3]], [[0.4, 0.1]]])
    truth = np.array([[[0.1, 0.3]], [[0.2, 0.1]]])
    assert metrics.mae(image, truth) == pytest.approx(0.3 / 4)
    assert metrics.rmse(image, truth) == pytest.approx((0.05 / 4) ** 0.5)
    assert metrics.psnr(image, truth) == pytest.approx(10 * np.log10(4 / 0.05))
    # (0, .4) and (.1, .2) enclose atan(1/2); the other pixel is equal.
    assert metrics.sam(image, truth) == pytest.approx(np.degrees(np.arctan(0.5)) / 2)
    # Squared errors .005 and .02, means .2 and .15.
    assert metrics.ergas(image, truth, ratio=4) == pytest.approx(25 * np.sqrt((0.005 / 0.04 + 0.02 / 0.0225) / 2))


def test_uiqi_of_one_window_is_the_formula(pair):
    image, truth = (array[0, :8, :8] for array in pair)
    mean_a, mean_b, common = image.mean(), truth.mean(), np.cov(image.ravel(), truth.ravel(), ddof=0)[0, 1]
    expected = 4 * common * mean_a * mean_b / ((image.var() + truth.var()) * (mean_a**2 + mean_b**2))
    assert metrics.uiqi(image, truth) == pytest.approx(expected)


def test_q2n_of_one_and_two_bands_is_the_real_and_complex_formula(pair):
    image, truth = (array[:, :32, :32] for array in pair)
    assert metrics.q2n(image[:1], truth[:1]) == pytest.approx(metrics.uiqi(image[0], truth[0], window=32))
    a, b = image[0] + 1j * image[1], truth[0] + 1j * truth[1]
    common = abs(np.mean((a - a.mean()) * np.conj(b - b.mean())))
    expected = (
        4 * common * abs(a.mean()) * abs(b.mean()) / ((a.var() + b.var()) * (abs(a.mean()) ** 2 + abs(b.mean()) ** 2))
    )
    assert metrics.q2n(image[:2], truth[:2]) == pytest.approx(expected)


def test_q4_uses_hamiltons_product(pair):
    image, truth = (array[:, :32, :32].reshape(4, -1) for array in pair)
    p, q = image - image.mean(axis=1, keepdims=True), truth - truth.mean(axis=1, keepdims=True)
    (a, b, c, d), (e, f, g, h) = p, -q * np.array([[-1], [1], [1], [1]])
    product = [
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    ]
    common = np.linalg.norm(np.mean(product, axis=1))
    ma, mb = np.linalg.norm(image.mean(axis=1)), np.linalg.norm(truth.mean(axis=1))
    expected = 4 * common * ma * mb / ((image.var(axis=1).sum() + truth.var(axis=1).sum()) * (ma**2 + mb**2))
    assert metrics.q2n(*(array[:, :32, :32] for array in pair)) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_hypercomplex_norm_is_multiplicative(count):
    # True of the real, complex, quaternion and octonion numbers, and of no wrong table of signs.
    index, sign = windows._conjugate_products(count)
    p, q = np.random.default_rng(0).normal(size=(2, count))
    product = np.bincount(index.ravel(), (sign * np.outer(p, q)).ravel(), count)
    assert np.linalg.norm(product) == pytest.approx(np.linalg.norm(p) * np.linalg.norm(q))


def test_equal_images_are_perfect_and_worse_ones_worse(pair):
    image, truth = pair
    perfect = {"psnr": np.inf, "ssim": 1, "mae": 0, "rmse": 0, "sam": 0, "ergas": 0, "uiqi": 1, "q2n": 1, "scc": 1}
    assert metrics.compare(truth, truth) == pytest.approx(perfect)
    near, far = metrics.compare(image, truth), metrics.compare(truth + 2 * (image - truth), truth)
    for name in perfect:
        better = near[name] < far[name] if name in ("mae", "rmse", "sam", "ergas") else near[name] > far[name]
        assert better, name


def test_scc_ignores_what_is_smooth(pair):
    image, _ = pair
    plane = 0.3 * np.mgrid[:57, :71][0]
    assert metrics.scc(image + plane, image) == pytest.approx(1)
    assert metrics.scc(-image, image) == pytest.approx(-1)
    with pytest.raises(DataError, match="detail"):
        metrics.scc(np.ones((9, 9)), image[:, :9, :9][0])


@pytest.mark.parametrize(
    "wrap", [np.ma.masked_invalid, torch.from_numpy, lambda a: xr.DataArray(a, dims=("band", "y", "x"))]
)
def test_invalid_samples_do_not_count_whoever_holds_them(pair, wrap):
    image, truth = (array.copy() for array in pair)
    expected = metrics.compare(image[:, :, :40], truth[:, :, :40])
    image[:, :, 40:60] = np.nan
    truth[:, :, 55:] = np.inf
    assert metrics.compare(wrap(image), wrap(truth)) == pytest.approx(expected, rel=0.02)
    for name in ("psnr", "ssim", "mae", "rmse", "sam", "ergas", "uiqi"):
        assert metrics.compare(wrap(image), wrap(truth))[name] == pytest.approx(expected[name], rel=1e-9), name


def test_bfloat16_tensors_are_taken_in_double(pair):
    image, truth = (torch.from_numpy(array).bfloat16() for array in pair)
    assert metrics.mae(image, truth) == metrics.mae(image.double().numpy(), truth.double().numpy())


def test_compare_gives_what_applies(pair):
    image, truth = pair
    assert set(metrics.compare(image[0], truth[0])) == {"psnr", "ssim", "mae", "rmse", "ergas", "uiqi", "scc"}
    assert set(metrics.compare(image[:, :5, :5], truth[:, :5, :5])) >= {"psnr", "sam", "q2n"}
    assert "ssim" not in metrics.compare(image[:, :5, :5], truth[:, :5, :5])


def test_qnr_is_one_where_nothing_changed_and_falls_with_distortion(pair):
    ms = np.tile(pair[1], (1, 2, 2))[:, :64, :64]
    fused = ms.repeat(2, axis=1).repeat(2, axis=2)
    pan = fused.mean(axis=0)
    assert metrics.d_lambda(ms, ms) == 0
    assert metrics.qnr(ms, ms, ms.mean(axis=0)) == pytest.approx(1)
    noisy = fused + np.random.default_rng(0).normal(0, 0.1, fused.shape)
    assert metrics.d_lambda(noisy, ms) > metrics.d_lambda(fused, ms)
    assert metrics.d_s(noisy, ms, pan) > metrics.d_s(fused, ms, pan)
    expected = (1 - metrics.d_lambda(noisy, ms)) * (1 - metrics.d_s(noisy, ms, pan))
    assert metrics.qnr(noisy, ms, pan) == pytest.approx(expected)


def test_enl_counts_the_looks_that_were_averaged():
    speckle = np.random.default_rng(1).exponential(size=(4, 300, 300)).mean(axis=0)
    assert metrics.enl(speckle) == pytest.approx(4, rel=0.03)  # standard error 0.6 %


def test_mistakes_are_told():
    image = np.ones((2, 20, 20))
    with pytest.raises(DataError, match=r"\(2, 20, 20\) and \(2, 20, 19\)"):
        metrics.psnr(image, image[:, :, 1:])
    with pytest.raises(DataError, match="valid"):
        metrics.mae(image * np.nan, image)
    with pytest.raises(DataError, match="expected"):
        metrics.mae(np.ones(3), np.ones(3))
    with pytest.raises(DataError, match="mean zero"):
        metrics.ergas(image, image * 0)
    with pytest.raises(BandError, match="two"):
        metrics.sam(image[0], image[0])
    with pytest.raises(ValueRangeError, match="-1"):
        metrics.ssim(image, image, data_range=-1)
    with pytest.raises(DataError, match="whole factor"):
        metrics.d_s(image, image[:, :9, :9], np.ones((20, 20)))


def test_metrics_load_neither_torch_nor_rasterio():
    code = "import sys, llars.metrics; print(sorted({'torch', 'rasterio', 'scipy', 'xarray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def placed(values: np.ndarray) -> xr.DataArray:
    coords = {"band": ["B02", "B03", "B04", "B08"], "y": 5000.0 - 10 * np.arange(57), "x": 300.0 + 10 * np.arange(71)}
    return xr.DataArray(values, dims=("band", "y", "x"), coords=coords)


def test_the_axes_of_data_arrays_go_by_name(pair):
    image, truth = map(placed, pair)
    for metric in (metrics.psnr, metrics.sam, metrics.ssim):
        for one, other in ((image.transpose("y", "x", "band"), truth), (image.T, truth.transpose("x", "band", "y"))):
            assert metric(one, other) == metric(*pair)
    assert metrics.enl(image.T) == metrics.enl(pair[0])
    assert metrics.uiqi(image[0].T, truth[0]) == metrics.uiqi(pair[0][0], pair[1][0])


@pytest.mark.parametrize(
    ("change", "axis"),
    [
        (lambda truth: truth[:, ::-1], "y"),
        (lambda truth: truth[..., ::-1], "x"),
        (lambda truth: truth.assign_coords(x=truth.x + 10), "x"),
        (lambda truth: truth[[1, 0, 2, 3]], "band"),
        (lambda truth: truth.assign_coords(band=list("abcd")), "band"),
    ],
)
def test_data_arrays_of_other_places_or_bands_are_refused(pair, change, axis):
    image, truth = map(placed, pair)
    with pytest.raises(DataError, match=f"different coordinates {axis}: .*; bring them to one order") as told:
        metrics.psnr(image, change(truth))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda truth: truth.assign_coords(x=(truth.x + 1e-3).astype(np.float32)),
        lambda truth: truth.assign_coords(band=[1, 2, 3, 4]),
        lambda truth: truth.drop_vars(["y", "band"]),
    ],
)
def test_coordinates_that_say_nothing_else_are_no_fault(pair, change):
    image, truth = map(placed, pair)
    assert metrics.psnr(image, change(truth)) == metrics.psnr(*pair)


@pytest.mark.parametrize("window", [0, -8, 2.5, "8", None])
def test_a_window_is_a_whole_number_of_pixels(pair, window):
    for metric in (metrics.uiqi, metrics.q2n):
        with pytest.raises(ValueRangeError, match="expected a whole number of pixels such as 8"):
            metric(*pair, window)


def test_what_is_no_number_is_refused(pair):
    for wrong in ("1", None, float("nan"), 0, [1.0, 2.0]):
        with pytest.raises(ValueRangeError, match="expected a positive number such as"):
            metrics.psnr(*pair, wrong)
        with pytest.raises(ValueRangeError, match="expected a positive number such as"):
            metrics.ergas(*pair, wrong)
    assert metrics.psnr(*pair, xr.DataArray(1.0)) == metrics.psnr(*pair)
    with pytest.raises(DataError, match="an image of type list; expected numbers"):
        metrics.psnr([["a"]], pair[0])
    with pytest.raises(ValueRangeError, match=r"gain is '0\.3'"):
        metrics.d_lambda_k(*pair, gain="0.3")
