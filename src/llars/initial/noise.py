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

FLAT_PERCENTILE = 10.0
"""Percentile over cells: ground without texture covers at least this share of nearly every scene."""

PERCENTILE_BIAS = 0.84
"""That percentile over the true deviation, for pure noise: 64 correlated values determine a deviation to one sixth."""

CONSTANT = 1e-5
"""Deviation in unit values below which a cell holds no measurement: filled, clipped, or a plain colour."""

RIDGE = 1e-3
"""Share of a band's power added to the diagonal of the covariance when bands are predicted from each other."""

MIN_CELLS = 8
"""Fewest cells from which anything is estimated."""

BRIGHTNESS_GROUPS = 4
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
    valid_cells = _cells(_eroded(valid).astype(np.float32)).min(-1) > 0.0
    own = _flat_deviation(details, valid_cells)
    if details.shape[1] < 2:
        return own
    return np.minimum(own, _flat_deviation(_prediction_residual(details), valid_cells))


def noise_law(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Noise variance of every band as a line over brightness: variance at 0, and its increase to 1, ``(2, band)``.

    Arguments are those of ``noise_sigma``. Photon noise has a variance proportional to the signal (Foi et al., 2008).
    Both coefficients are fitted to the deviations in cells of similar brightness, by least squares of relative errors,
    and are not negative.
    """
    details = _second_differences(windows)
    valid_cells = _cells(_eroded(valid).astype(np.float32)).min(-1) > 0.0
    level = _cells(windows[..., 1:-1, 1:-1]).mean(-1)
    kinds = [details] if details.shape[1] < 2 else [details, _prediction_residual(details)]
    law = np.zeros((2, windows.shape[1]))
    for band in range(windows.shape[1]):
        levels = level[:, band][valid_cells[:, band]]
        if levels.size < MIN_CELLS:
            continue
        edges = np.quantile(levels, np.linspace(0.0, 1.0, BRIGHTNESS_GROUPS + 1))
        points = []
        for low, high in itertools.pairwise(edges):
            group = valid_cells[:, band] & (level[:, band] >= low) & (level[:, band] <= high)
            deviations = [_flat_deviation(kind[:, band : band + 1], group[:, None])[0] for kind in kinds]
            points.append((level[:, band][group].mean() if group.any() else 0.0, min(deviations) ** 2))
        law[:, band] = _fitted(*np.array(points).T)
    return law


def _fitted(level: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    """Intercept and slope of a variance over brightness, both at least 0."""
    positive = variance > 0.0
    if not positive.any():
        return 0.0, 0.0
    inverse, scaled = 1.0 / variance[positive], np.maximum(level[positive], 0.0) / variance[positive]
    determinant = (inverse @ inverse) * (scaled @ scaled) - (inverse @ scaled) ** 2
    if determinant > 1e-9 * (inverse @ inverse) * (scaled @ scaled):
        constant = (inverse.sum() * (scaled @ scaled) - scaled.sum() * (inverse @ scaled)) / determinant
        slope = (scaled.sum() * (inverse @ inverse) - inverse.sum() * (inverse @ scaled)) / determinant
        if constant >= 0.0 and slope >= 0.0:
            return float(constant), float(slope)
    # Only one of the two coefficients is kept: the one that leaves the smaller residual.
    constant, slope = inverse.sum() / (inverse @ inverse), scaled.sum() / max(scaled @ scaled, 1e-12)
    flat = ((1.0 - constant * inverse) ** 2).sum() <= ((1.0 - slope * scaled) ** 2).sum()
    return (float(constant), 0.0) if flat else (0.0, float(slope))


def equivalent_looks(power: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Equivalent number of looks of radar power ``(window, band, y, x)``, median over bands; infinite without speckle.

    Squared mean over variance in the cells where this is largest: there, only speckle varies.
    """
    means = _cells(power).mean(-1)
    relative = power / np.maximum(np.repeat(np.repeat(means, CELL, -2), CELL, -1), 1e-12)
    valid_cells = _cells(valid.astype(np.float32)).min(-1) > 0.0
    return float(np.median(1.0 / np.maximum(_flat_deviation(relative, valid_cells, bias=0.83), 1e-6) ** 2))


def _second_differences(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, y - 2, x - 2)``, scaled so that white noise keeps its standard deviation."""
    down = windows[..., :-2, :] - 2.0 * windows[..., 1:-1, :] + windows[..., 2:, :]
    return np.asarray((down[..., :-2] - 2.0 * down[..., 1:-1] + down[..., 2:]) / 6.0)


def _eroded(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = valid[..., :-2, :] & valid[..., 1:-1, :] & valid[..., 2:, :]
    return np.asarray(rows[..., :-2] & rows[..., 1:-1] & rows[..., 2:])


def _prediction_residual(details: NDArray[np.float32]) -> NDArray[np.float32]:
    """Residual of every band after linear prediction from the others, window by window."""
    bands = details.shape[1]
    flat = details.reshape(len(details), bands, -1).astype(np.float64)
    covariance = flat @ flat.swapaxes(1, 2) / flat.shape[2]
    own = np.einsum("wbb->wb", covariance)
    precision = np.linalg.inv(covariance + (RIDGE * own + CONSTANT**2)[:, None, :] * np.eye(bands))
    residual = (precision / np.einsum("wbb->wb", precision)[:, :, None]) @ flat
    return np.asarray(residual.reshape(details.shape), dtype=np.float32)


def _flat_deviation(
    details: NDArray[np.float32], valid_cells: NDArray[np.bool_], bias: float = PERCENTILE_BIAS
) -> NDArray[np.float64]:
    """Standard deviation ``(band,)`` in the flattest cells of all windows."""
    deviations = _cells(details).std(-1)
    result = np.zeros(details.shape[1])
    for band in range(details.shape[1]):
        measured = deviations[:, band][valid_cells[:, band] & (deviations[:, band] > CONSTANT)]
        if measured.size >= MIN_CELLS:
            result[band] = np.percentile(measured, FLAT_PERCENTILE) / bias
    return result


def _cells(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, cell y, cell x, CELL * CELL)``; incomplete cells at the far sides are left out."""
    windows, bands, height, width = images.shape
    rows, columns = height // CELL, width // CELL
    cut = images[..., : rows * CELL, : columns * CELL].reshape(windows, bands, rows, CELL, columns, CELL)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(windows, bands, rows, columns, CELL * CELL)
