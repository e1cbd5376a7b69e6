"""Each metric against an implementation of its own, written from the paper with other means, to 1e-4."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate, uniform_filter
from skimage.color import deltaE_ciede2000, rgb2lab

from llars import metrics

CLOSE = 1e-4


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Eight bands of waves, and the same with noise."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[:96, :112] / 9
    truth = np.stack([0.5 + 0.3 * np.sin(x * k) * np.cos(y / k) for k in np.linspace(0.6, 3, 8)])
    return truth + rng.normal(0, 0.05, truth.shape), truth


def flat_quality(a: np.ndarray, b: np.ndarray, window: int) -> float:
    """UIQI of one band: sliding flat windows, those that fit (the authors' img_qi.m)."""
    # An even window of scipy's lies half a pixel towards the origin.
    inside = (slice(window // 2, 1 - window // 2 - window % 2),) * 2
    mean = lambda image: uniform_filter(image, window)[inside]  # noqa: E731
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return float(np.mean(4 * cov * ma * mb / ((va + vb) * (ma * ma + mb * mb))))


@pytest.mark.parametrize("window", [8, 11, 32])
def test_uiqi_over_all_windows(pair, window):
    expected = np.mean([flat_quality(a, b, window) for a, b in zip(*pair, strict=True)])
    assert metrics.uiqi(*pair, window=window) == pytest.approx(expected, abs=CLOSE)


def test_the_distortions_of_qnr(pair):
    fused, truth = pair
    ms, pan = truth.reshape(8, 48, 2, 56, 2).mean(axis=(2, 4)), truth.mean(axis=0)
    couples = [(i, j) for i in range(8) for j in range(8) if i != j]
    spectral = [flat_quality(fused[i], fused[j], 32) - flat_quality(ms[i], ms[j], 32) for i, j in couples]
    low = pan.reshape(48, 2, 56, 2).mean(axis=(1, 3))
    spatial = [flat_quality(fused[i], pan, 32) - flat_quality(ms[i], low, 32) for i in range(8)]
    expected = np.mean(np.abs(spectral)), np.mean(np.abs(spatial))
    assert metrics.d_lambda(fused, ms) == pytest.approx(expected[0], abs=CLOSE)
    assert metrics.d_s(fused, ms, pan) == pytest.approx(expected[1], abs=CLOSE)
    assert metrics.qnr(fused, ms, pan) == pytest.approx((1 - expected[0]) * (1 - expected[1]), abs=CLOSE)


def test_the_consistency_of_khan(pair):
    fused, truth = pair
    ms = truth.reshape(8, 48, 2, 56, 2).mean(axis=(2, 4))
    sigma = 2 / np.pi * np.sqrt(-2 * np.log(0.3))
    # The centre of a coarse pixel lies between two fine ones: sixteen on either side, weights beyond are below 1e-20.
    taps = np.exp(-0.5 * ((np.arange(32) - 15.5) / sigma) ** 2)
    taps /= taps.sum()
    # Means of the weights that fall into the image: as if what lies outside had no weight.
    blur = lambda image: correlate(correlate(image, taps[:, None], mode="constant"), taps[None], mode="constant")  # noqa: E731
    seen = np.stack([(blur(band) / blur(np.ones_like(band)))[1::2, 1::2] for band in fused])
    assert metrics.d_lambda_k(fused, ms) == pytest.approx(1 - metrics.q2n(seen, ms), abs=CLOSE)


def quaternion(parts: np.ndarray) -> np.ndarray:
    """``(4, n)`` as ``(n, 2, 2)`` complex matrices, whose product is that of quaternions."""
    a, b, c, d = parts
    return np.moveaxis(np.array([[a + 1j * b, c + 1j * d], [-c + 1j * d, a - 1j * b]]), -1, 0)


def octonions(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Mean product ``(8,)`` of octonions ``(8, n)`` as pairs of quaternions (Cayley and Dickson)."""
    (a, b), (c, d) = ((quaternion(one[:4]), quaternion(one[4:])) for one in (p, q))
    conjugate = lambda one: one.conj().swapaxes(1, 2)  # noqa: E731
    halves = [a @ c - conjugate(d) @ b, d @ a + b @ conjugate(c)]
    return np.concatenate(
        [[m[0, 0].real, m[0, 0].imag, m[0, 1].real, m[0, 1].imag] for m in (h.mean(0) for h in halves)]
    )


def test_q8_by_products_of_octonions(pair):
    scores = []
    signs = np.array([[1], *[[-1]] * 7])
    for rows in (slice(0, 32), slice(32, 64), slice(64, 96)):
        for columns in (slice(0, 32), slice(32, 64), slice(64, 96), slice(80, 112)):
            p, q = (image[:, rows, columns].reshape(8, -1) for image in pair)
            mp, mq = p.mean(axis=1), q.mean(axis=1)
            common = np.linalg.norm(octonions(p - mp[:, None], signs * (q - mq[:, None])))
            spread = p.var(axis=1).sum() + q.var(axis=1).sum()
            brightness = 2 * np.linalg.norm(mp) * np.linalg.norm(mq) / (mp @ mp + mq @ mq)
            scores.append(2 * common / spread * brightness)
    assert metrics.q2n(*pair) == pytest.approx(np.mean(scores), abs=CLOSE)


def test_scc_is_the_correlation_of_laplacians(pair):
    kernel = -np.ones((3, 3))
    kernel[1, 1] = 8
    details = [np.stack([correlate(band, kernel)[1:-1, 1:-1] for band in image]) for image in pair]
    expected = np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(*details, strict=True)])
    assert metrics.scc(*pair) == pytest.approx(expected, abs=CLOSE)


def test_angles_errors_and_ergas(pair):
    image, truth = pair
    cosine = (image * truth).sum(axis=0) / np.sqrt((image**2).sum(axis=0) * (truth**2).sum(axis=0))
    assert metrics.sam(image, truth) == pytest.approx(np.degrees(np.arccos(cosine)).mean(), abs=CLOSE)
    assert metrics.mae(image, truth) == pytest.approx(sum(map(abs, (image - truth).ravel())) / truth.size, abs=CLOSE)
    errors = [np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(image, truth, strict=True)]
    assert metrics.rmse(image, truth) == pytest.approx(np.sqrt(np.mean(np.square(errors))), abs=CLOSE)
    shares = [error / band.mean() for error, band in zip(errors, truth, strict=True)]
    assert metrics.ergas(image, truth, ratio=4) == pytest.approx(25 * np.sqrt(np.mean(np.square(shares))), abs=CLOSE)


def test_looks_and_edges_by_their_sums(pair):
    power = pair[0][:2] ** 2
    looks = [np.square(band.mean()) / np.mean((band - band.mean()) ** 2) for band in power]
    assert metrics.enl(power) == pytest.approx(np.mean(looks), abs=CLOSE)
    steps = [[sum(np.abs(np.diff(band, axis=axis)).sum() for axis in (0, 1)) for band in image] for image in pair]
    assert metrics.edge_preservation(*pair) == pytest.approx(np.mean(np.divide(*steps)), abs=CLOSE)


def test_colours_by_scikit_image(pair):
    image, truth = (one[:3].clip(0, 1) for one in pair)
    theirs = deltaE_ciede2000(*(rgb2lab(np.moveaxis(one, 0, -1)) for one in (truth, image)))
    assert metrics.colour_error(image, truth) == pytest.approx(theirs.mean(), abs=CLOSE)
