"""Noise: its standard deviation on the flattest ground, its growth with brightness, and the looks of radar."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equivalent_looks", "noise_law", "noise_sigma"]

CELL = 8
"""Side in pixels of the cells in which standard deviations are measured."""

FLATTEST = 10.0
"""Percentile over cells: ground without texture covers at least this share of nearly every scene."""

SMALLEST_BIAS = 0.84
"""That percentile over the true deviation, for pure noise: 64 correlated values determine a deviation to one sixth."""

CONSTANT = 1e-5
"""Deviation in unit values below which a cell holds no measurement: filled, clipped, or a plain colour."""

RIDGE = 1e-3
"""Share of a band's power added to the diagonal of the covariance when bands are predicted from each other."""

FEWEST = 8
"""Fewest cells from which anything is estimated."""

LEVELS = 4
"""Groups of cells of similar brightness in which the noise is measured separately."""


def noise_sigma(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard deviation of the noise of every band, ``(band,)`` unit values; 0 where it cannot be estimated.

    Second differences along both axes (Immerkaer 1996, "Fast noise variance estimation") show noise and fine texture.
    Two things separate them: somewhere the ground has no texture, and texture is similar in several bands. So the
    deviation is measured in the flattest cells, once of the band itself and once of its residual after prediction from
    the other bands. The smaller one is returned.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution.
        valid: same shape: measured, not filled.
    """
    details = _second_differences(windows)
    held = _cells(_eroded(valid).astype(np.float32)).min(-1) > 0.0
    own = _flattest(details, held)
    if details.shape[1] < 2:
        return own
    return np.minimum(own, _flattest(_unpredicted(details), held))


def noise_law(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Noise variance of every band as a line over brightness: variance at 0, and its increase to 1, ``(2, band)``.

    Arguments are those of ``noise_sigma``. Photon noise has a variance proportional to the signal (Foi et al., 2008).
    Both coefficients are fitted to the deviations in cells of similar brightness, by least squares of relative errors,
    and are not negative.
    """
    details = _second_differences(windows)
    held = _cells(_eroded(valid).astype(np.float32)).min(-1) > 0.0
    level = _cells(windows[..., 1:-1, 1:-1]).mean(-1)
    kinds = [details] if details.shape[1] < 2 else [details, _unpredicted(details)]
    law = np.zeros((2, windows.shape[1]))
    for band in range(windows.shape[1]):
        known = level[:, band][held[:, band]]
        if known.size < FEWEST:
            continue
        ends = np.quantile(known, np.linspace(0.0, 1.0, LEVELS + 1))
        found = []
        for low, high in itertools.pairwise(ends):
            group = held[:, band] & (level[:, band] >= low) & (level[:, band] <= high)
            each = [_flattest(kind[:, band : band + 1], group[:, None])[0] for kind in kinds]
            found.append((level[:, band][group].mean() if group.any() else 0.0, min(each) ** 2))
        law[:, band] = _fitted(*np.array(found).T)
    return law


def _fitted(level: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    """Intercept and slope of a variance over brightness, both at least 0."""
    there = variance > 0.0
    if not there.any():
        return 0.0, 0.0
    one, more = 1.0 / variance[there], np.maximum(level[there], 0.0) / variance[there]
    determinant = (one @ one) * (more @ more) - (one @ more) ** 2
    if determinant > 1e-9 * (one @ one) * (more @ more):
        constant = (one.sum() * (more @ more) - more.sum() * (one @ more)) / determinant
        slope = (more.sum() * (one @ one) - one.sum() * (one @ more)) / determinant
        if constant >= 0.0 and slope >= 0.0:
            return float(constant), float(slope)
    # Only one of the two coefficients is kept: the one that leaves the smaller residual.
    constant, slope = one.sum() / (one @ one), more.sum() / max(more @ more, 1e-12)
    alone = ((1.0 - constant * one) ** 2).sum() <= ((1.0 - slope * more) ** 2).sum()
    return (float(constant), 0.0) if alone else (0.0, float(slope))


def equivalent_looks(power: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Equivalent number of looks of radar power ``(window, band, y, x)``, median over bands; infinite without speckle.

    Squared mean over variance in the cells where this is largest: there, only speckle varies.
    """
    means = _cells(power).mean(-1)
    relative = power / np.maximum(np.repeat(np.repeat(means, CELL, -2), CELL, -1), 1e-12)
    there = _cells(valid.astype(np.float32)).min(-1) > 0.0
    return float(np.median(1.0 / np.maximum(_flattest(relative, there, bias=0.83), 1e-6) ** 2))


def _second_differences(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, y - 2, x - 2)``, scaled so that white noise keeps its standard deviation."""
    down = windows[..., :-2, :] - 2.0 * windows[..., 1:-1, :] + windows[..., 2:, :]
    return np.asarray((down[..., :-2] - 2.0 * down[..., 1:-1] + down[..., 2:]) / 6.0)


def _eroded(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = valid[..., :-2, :] & valid[..., 1:-1, :] & valid[..., 2:, :]
    return np.asarray(rows[..., :-2] & rows[..., 1:-1] & rows[..., 2:])


def _unpredicted(details: NDArray[np.float32]) -> NDArray[np.float32]:
    """Residual of every band after linear prediction from the others, window by window."""
    bands = details.shape[1]
    flat = details.reshape(len(details), bands, -1).astype(np.float64)
    covariance = flat @ flat.swapaxes(1, 2) / flat.shape[2]
    own = np.einsum("wbb->wb", covariance)
    precision = np.linalg.inv(covariance + (RIDGE * own + CONSTANT**2)[:, None, :] * np.eye(bands))
    left = (precision / np.einsum("wbb->wb", precision)[:, :, None]) @ flat
    return np.asarray(left.reshape(details.shape), dtype=np.float32)


def _flattest(
    details: NDArray[np.float32], held: NDArray[np.bool_], bias: float = SMALLEST_BIAS
) -> NDArray[np.float64]:
    """Standard deviation ``(band,)`` in the flattest cells of all windows."""
    deviations = _cells(details).std(-1)
    found = np.zeros(details.shape[1])
    for band in range(details.shape[1]):
        known = deviations[:, band][held[:, band] & (deviations[:, band] > CONSTANT)]
        if known.size >= FEWEST:
            found[band] = np.percentile(known, FLATTEST) / bias
    return found


def _cells(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, cell y, cell x, CELL * CELL)``; incomplete cells at the far sides are left out."""
    windows, bands, height, width = images.shape
    rows, columns = height // CELL, width // CELL
    cut = images[..., : rows * CELL, : columns * CELL].reshape(windows, bands, rows, CELL, columns, CELL)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(windows, bands, rows, columns, CELL * CELL)
