"""Noise: its standard deviation where the ground is flattest, and the looks of radar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equivalent_looks", "noise_sigma"]

CELL = 8
"""Side in pixels of the cells in which deviations are taken."""

FLATTEST = 10.0
"""Percentile over cells: ground without texture covers at least this share of nearly every scene."""

SMALLEST_BIAS = 0.84
"""That percentile over the deviation, for noise alone: 64 correlated values tell a deviation to one sixth."""

CONSTANT = 1e-5
"""Deviation in unit values below which a cell holds no measurement: filled, clipped, or a plain colour."""

RIDGE = 1e-3
"""Part of a band's power that is taken for its own where bands are told from each other."""

FEWEST = 8
"""Cells from which something can be told."""


def noise_sigma(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard deviation of the noise of every band, ``(band,)`` unit values; 0 where nothing can be told.

    Second differences across both axes (Immerkaer 1996, "Fast noise variance estimation") show noise and fine texture.
    Two things tell them apart: somewhere the ground has no texture, and texture is alike in several bands. So the
    deviation is taken in the flattest cells, once as it is and once of what other bands do not predict; the lesser
    counts.

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


def equivalent_looks(power: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Equivalent number of looks of radar power ``(window, band, y, x)``, median over bands; infinite without speckle.

    Mean squared over variance in the cells in which that is largest: where nothing but speckle varies.
    """
    means = _cells(power).mean(-1)
    relative = power / np.maximum(np.repeat(np.repeat(means, CELL, -2), CELL, -1), 1e-12)
    there = _cells(valid.astype(np.float32)).min(-1) > 0.0
    return float(np.median(1.0 / np.maximum(_flattest(relative, there, bias=0.83), 1e-6) ** 2))


def _second_differences(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, y - 2, x - 2)``, scaled so that white noise keeps its deviation."""
    down = windows[..., :-2, :] - 2.0 * windows[..., 1:-1, :] + windows[..., 2:, :]
    return np.asarray((down[..., :-2] - 2.0 * down[..., 1:-1] + down[..., 2:]) / 6.0)


def _eroded(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = valid[..., :-2, :] & valid[..., 1:-1, :] & valid[..., 2:, :]
    return np.asarray(rows[..., :-2] & rows[..., 1:-1] & rows[..., 2:])


def _unpredicted(details: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of every band once the others have told what they can, window by window."""
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
    """Deviation ``(band,)`` in the flattest cells of all windows."""
    deviations = _cells(details).std(-1)
    found = np.zeros(details.shape[1])
    for band in range(details.shape[1]):
        known = deviations[:, band][held[:, band] & (deviations[:, band] > CONSTANT)]
        if known.size >= FEWEST:
            found[band] = np.percentile(known, FLATTEST) / bias
    return found


def _cells(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(window, band, cell y, cell x, CELL * CELL)``; what does not fill a cell at the far sides is left out."""
    windows, bands, height, width = images.shape
    rows, columns = height // CELL, width // CELL
    cut = images[..., : rows * CELL, : columns * CELL].reshape(windows, bands, rows, CELL, columns, CELL)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(windows, bands, rows, columns, CELL * CELL)
