"""The metrics of pictures, scales and sensors against scikit-image, published colours and plain formulas."""

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from llars import metrics
from llars.errors import BandError, DataError, ValueRangeError
from llars.metrics.colour import ciede2000


@pytest.fixture
def large() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:193, :208] / 9
    truth = np.stack([0.5 + 0.3 * np.sin(x * k) * np.cos(y / k) for k in (1, 1.7, 2.9)])
    return (truth + rng.normal(0, 0.08, truth.shape)).clip(0, 1), truth


def plain_ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """One band, straight from the paper, with scipy's correlation."""
    taps = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    taps /= taps.sum()

    def blur(image):
        return correlate1d(correlate1d(image, taps, 0), taps, 1)[5:-5, 5:-5]

    result = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        ma, mb = blur(a), blur(b)
        va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
        term = (2 * cov + 9e-4) / (va + vb + 9e-4)
        if scale == 4:
            term = term * (2 * ma * mb + 1e-4) / (ma * ma + mb * mb + 1e-4)
        result *= term.mean() ** weight
        rows, columns = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
        corners = [np.s_[i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)]
        a, b = (sum(image[corner] for corner in corners) / 4 for image in (a, b))
    return result


def test_ms_ssim_is_the_papers_formula(large):
    image, truth = large
    expected = np.mean([plain_ms_ssim(a, b) for a, b in zip(image, truth, strict=True)])
    assert metrics.ms_ssim(image, truth) == pytest.approx(expected, abs=1e-4)
    assert metrics.ms_ssim(image, truth) > metrics.ssim(image, truth)  # coarse scales see less of white noise
    assert metrics.ms_ssim(truth, truth) == pytest.approx(1)


def test_ms_ssim_keeps_invalid_samples_out(large):
    image, truth = large
    spoiled = image.copy()
    spoiled[:, 60:64, 60:64] = 1e6
    hidden = np.ma.masked_greater(spoiled, 100)
    assert metrics.ms_ssim(hidden, truth) == pytest.approx(metrics.ms_ssim(image, truth), abs=0.02)
    with pytest.raises(DataError, match="176"):
        metrics.ms_ssim(image[:, :175], truth[:, :175])


def test_ssim_is_that_of_scikit_image_band_by_band(large):
    image, truth = large
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    theirs = [structural_similarity(a, b, **options) for a, b in zip(truth, image, strict=True)]
    assert metrics.ssim(image, truth) == pytest.approx(np.mean(theirs), abs=1e-4)


# Sharma, Wu & Dalal 2005, table 1: pairs that find every usual mistake of hue and rotation.
PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0011, -2.4900), 4.7461),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "published"), PUBLISHED)
def test_colour_differences_are_the_published_ones(first, second, published):
    pair = (np.array(colour)[:, None] for colour in (first, second))
    assert ciede2000(*pair)[0] == pytest.approx(published, abs=1e-4)


def test_the_colour_error_of_pictures_is_that_of_scikit_image(large):
    image, truth = large
    theirs = deltaE_ciede2000(*(rgb2lab(np.moveaxis(i, 0, -1)) for i in (truth.clip(0, 1), image)))
    assert metrics.colour_error(image, truth) == pytest.approx(theirs.mean(), abs=1e-3)  # its white has 5 digits
    image[0, :90] = np.nan
    assert metrics.colour_error(image, truth) == pytest.approx(theirs[90:].mean(), abs=1e-3)
    with pytest.raises(BandError, match="red, green and blue"):
        metrics.colour_error(image[:2], truth[:2])


def test_edges_are_counted_by_their_steps():
    step = np.zeros((6, 8))
    step[:, 4:] = 1.0
    ramp = np.zeros((6, 8))
    ramp[:, 4:] = 0.5
    assert metrics.edge_preservation(ramp, step) == pytest.approx(0.5)
    blurred = np.stack([step, step])
    blurred[:, :, 3:5] = 0.25, 0.75  # as steep on the whole: the same sum of steps
    assert metrics.edge_preservation(blurred, np.stack([step, step])) == pytest.approx(1)
    step[0, 3] = np.nan
    assert metrics.edge_preservation(step * 2, step) == pytest.approx(2)
    with pytest.raises(DataError, match="flat"):
        metrics.edge_preservation(step, np.ones((6, 8)))


def seen_by_sensor(fused, factor, gain):
    """What a sensor sees whose modulation transfer is a Gaussian with ``gain`` at the coarse Nyquist frequency.

    Its transfer ``exp(-2 (pi sigma f)^2)`` at ``f = 1 / (2 factor)`` gives sigma; every pixel of the coarse grid by
    itself, as a mean of all fine pixels.
    """
    sigma = np.sqrt(-np.log(gain) / 2) / np.pi * 2 * factor
    seen = np.empty((len(fused), fused.shape[1] // factor, fused.shape[2] // factor))
    y, x = np.indices(fused.shape[1:])
    for row, column in np.ndindex(seen.shape[1:]):
        centre = [(place + 0.5) * factor - 0.5 for place in (row, column)]
        weights = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2))
        seen[:, row, column] = (fused * weights).sum(axis=(1, 2)) / weights.sum()
    return seen


@pytest.mark.parametrize(("factor", "gain"), [(2, 0.3), (3, 0.15), (4, 0.25), (4, 1e-3), (2, 0.999)])
def test_consistency_sees_what_the_sensor_would(factor, gain):
    rng = np.random.default_rng(5)
    ms = 0.4 + 0.1 * rng.standard_normal((4, 16, 20))
    fused = ms.repeat(factor, axis=1).repeat(factor, axis=2) + 0.05 * rng.standard_normal((4, 16 * factor, 20 * factor))
    seen = seen_by_sensor(fused, factor, gain)
    assert metrics.d_lambda_k(fused, ms, gain, window=8) == pytest.approx(1 - metrics.q2n(seen, ms, 8), abs=1e-10)
    assert metrics.d_lambda_k(fused, seen, gain, window=8) == pytest.approx(0, abs=1e-12)
    assert metrics.d_lambda_k(fused + 0.1, seen, gain, window=8) > 0.01


def test_consistency_by_the_transfer_function_itself():
    rng = np.random.default_rng(6)
    fused, gain = rng.random((2, 240, 240)), 0.3
    frequency = np.fft.fftfreq(240)
    transfer = np.exp(np.log(gain) * (2 * 3 * frequency) ** 2)
    blurred = np.fft.ifft2(np.fft.fft2(fused) * np.outer(transfer, transfer)).real[:, 1::3, 1::3]
    # Valid far from the edges only, where the Fourier transform wraps round.
    ms = np.full((2, 80, 80), np.nan)
    ms[:, 16:64, 16:64] = rng.random((2, 48, 48))
    expected = 1 - metrics.q2n(blurred, ms, 16)
    # The transfer of a Gaussian that is sampled at pixels differs by up to 2e-5, at the highest frequencies.
    assert metrics.d_lambda_k(fused, ms, gain, window=16) == pytest.approx(expected, abs=1e-4)


def test_consistency_takes_memory_in_proportion_to_the_image():
    fused = np.random.default_rng(8).random((2, 64, 8192))
    ms = fused[:, ::2, ::2].copy()
    tracemalloc.start()
    metrics.d_lambda_k(fused, ms)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * fused.nbytes  # every pixel of a row against every other would be 32 times as much


def test_hqnr_is_its_product_and_refuses_what_has_no_meaning():
    rng = np.random.default_rng(6)
    ms, pan = rng.random((4, 40, 40)), rng.random((80, 80))
    fused = ms.repeat(2, axis=1).repeat(2, axis=2)
    expected = (1 - metrics.d_lambda_k(fused, ms)) * (1 - metrics.d_s(fused, ms, pan))
    assert metrics.hqnr(fused, ms, pan) == pytest.approx(expected)
    with pytest.raises(ValueRangeError, match=r"1\.5"):
        metrics.d_lambda_k(fused, ms, gain=1.5)
    with pytest.raises(DataError, match="whole factor"):
        metrics.d_lambda_k(fused[:, :79], ms)
    with pytest.raises(BandError, match="3 fused"):
        metrics.d_lambda_k(fused[:3], ms)


def test_samples_without_a_value_are_left_out_of_the_consistency():
    ms = 0.4 + 0.1 * np.random.default_rng(7).standard_normal((4, 32, 32))
    fused = ms.repeat(2, axis=1).repeat(2, axis=2)
    whole = metrics.d_lambda_k(fused, ms)
    fused[:, :6, :6] = np.nan
    assert metrics.d_lambda_k(fused, ms) == pytest.approx(whole, abs=0.01)
