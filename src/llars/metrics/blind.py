"""Image quality without a reference.

Images are ``(band, y, x)`` or ``(y, x)``: NumPy arrays (masked ones too), torch tensors or xarray objects. A sample
that is masked, NaN or infinite in either image is left out of both. Sums are computed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llars.errors import BandError, DataError, ValueRangeError
from llars.metrics.reference import q2n, uiqi
from llars.metrics.windows import Array, array, number

__all__ = ["d_lambda", "d_lambda_k", "d_s", "enl", "hqnr", "qnr"]

NEGLIGIBLE = 1e-17
"""Weight, relative to the largest, from which on a tap of the modulation transfer is left out."""


def d_lambda(fused: Any, ms: Any, window: int = 32) -> float:
    """Spectral distortion of QNR: how much the bands' mutual UIQI changed; 0 is best.

    Flat windows, as published and in the toolboxes (which use 32 pixels on either grid); torchmetrics and sewar give
    other values because their UIQI differs, see ``llars.metrics.uiqi``.

    Args:
        fused: ``(band, y, x)`` on the fine grid.
        ms: ``(band, y, x)``, the original bands on their own grid.
        window: window of the UIQI, in pixels of either grid.

    Raises:
        BandError: fewer than two bands, or different numbers of them.
        DataError: an image is smaller than the window, or has no valid window.
    """
    fine, coarse = array(fused), array(ms)
    if len(fine) != len(coarse) or len(fine) < 2:
        raise BandError(f"{len(fine)} fused and {len(coarse)} original bands; expected the same number, at least two")
    pairs = [(i, j) for i in range(len(fine)) for j in range(i)]
    changes = [uiqi(fine[i], fine[j], window) - uiqi(coarse[i], coarse[j], window) for i, j in pairs]
    return float(np.mean(np.abs(changes)))


def d_s(fused: Any, ms: Any, pan: Any, window: int = 32) -> float:
    """Spatial distortion of QNR: how much the UIQI between band and PAN changed with the resolution; 0 is best.

    There is no agreed way to bring the PAN to the coarse grid: here it is area means, in the toolboxes the PAN's own
    MTF, in torchmetrics a flat window and bilinear interpolation unless a coarse PAN is given. For the UIQI see
    ``d_lambda``.

    Args:
        fused: ``(band, y, x)`` on the PAN's grid.
        ms: ``(band, y, x)``, coarser by a whole factor.
        pan: ``(y, x)`` or ``(1, y, x)``; brought to the coarse grid by area means.
        window: window of the UIQI, in pixels of either grid.

    Raises:
        BandError: different numbers of bands, or more than one PAN band.
        DataError: the grids do not differ by a whole factor, or an image has no valid window.
    """
    fine, coarse, sharp = array(fused), array(ms), array(pan)
    if len(fine) != len(coarse) or len(sharp) != 1:
        raise BandError(f"{len(fine)} fused, {len(coarse)} original and {len(sharp)} PAN bands; expected n, n and 1")
    factor = sharp.shape[1] // coarse.shape[1]
    rows, columns = coarse.shape[1:]
    if sharp.shape[1:] != (rows * factor, columns * factor) or fine.shape[1:] != sharp.shape[1:]:
        shapes = f"{fine.shape[1:]} fused, {coarse.shape[1:]} original and {sharp.shape[1:]} PAN pixels"
        raise DataError(f"{shapes}; expected fused and PAN alike, a whole factor finer than the original")
    low = sharp[0].reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    changes = [uiqi(f, sharp[0], window) - uiqi(c, low, window) for f, c in zip(fine, coarse, strict=True)]
    return float(np.mean(np.abs(changes)))


def qnr(fused: Any, ms: Any, pan: Any, window: int = 32) -> float:
    """Quality with no reference, ``(1 - d_lambda) (1 - d_s)``; 1 is best (Alparone et al. 2008, PE&RS 74(2)).

    Arguments and errors are those of ``d_lambda`` and ``d_s``.
    """
    return (1.0 - d_lambda(fused, ms, window)) * (1.0 - d_s(fused, ms, pan, window))


def d_lambda_k(fused: Any, ms: Any, gain: float = 0.3, window: int = 32) -> float:
    """Spectral distortion by consistency, ``1 - Q2n(fused seen by the sensor, ms)``; 0 is best (Khan et al. 2009).

    Args:
        fused: ``(band, y, x)`` on the fine grid.
        ms: ``(band, y, x)``, coarser by a whole factor.
        gain: the sensor's (Gaussian) MTF at the Nyquist frequency of the coarse grid, in (0, 1); 0.3 is usual where
            it is not published.
        window: window of Q2n, in coarse pixels.

    Raises:
        BandError: different numbers of bands.
        DataError: the grids do not differ by a whole factor.
        ValueRangeError: a gain outside (0, 1).
    """
    if not 0 < number(gain) < 1:
        raise ValueRangeError(f"gain is {gain!r}, expected a number between 0 and 1 such as 0.3")
    fine, coarse = array(fused), array(ms)
    if len(fine) != len(coarse):
        raise BandError(f"{len(fine)} fused and {len(coarse)} original bands; expected the same number")
    factor = fine.shape[1] // coarse.shape[1]
    if fine.shape[1:] != tuple(side * factor for side in coarse.shape[1:]):
        raise DataError(f"{fine.shape[1:]} fused and {coarse.shape[1:]} original pixels; expected a whole factor")
    return 1.0 - q2n(_seen_by_sensor(fine, factor, gain), coarse, window)


def hqnr(fused: Any, ms: Any, pan: Any, gain: float = 0.3, window: int = 32) -> float:
    """Hybrid quality with no reference, ``(1 - d_lambda_k) (1 - d_s)``; 1 is best (Aiazzi et al. 2014, IGARSS).

    Toolboxes bring the PAN to the coarse grid with its own MTF; here it is area means, as in ``d_s``.
    Arguments and errors are those of ``d_lambda_k`` and ``d_s``.
    """
    return (1.0 - d_lambda_k(fused, ms, gain, window)) * (1.0 - d_s(fused, ms, pan, window))


def _seen_by_sensor(fine: Array, factor: int, gain: float) -> Array:
    """``fine`` filtered by a Gaussian MTF and sampled at the centres of pixels ``factor`` times as wide.

    Weights are normalised over the valid samples; a pixel with less than half the weight valid is NaN.
    """
    sigma = factor / np.pi * np.sqrt(-2.0 * np.log(gain))
    # A tap beyond the reach is less than a rounding error of the nearest one's.
    reach = min(int(np.ceil(np.sqrt(-2.0 * np.log(NEGLIGIBLE)) * sigma)), max(fine.shape[1:]))
    squares = (np.arange(-reach, factor + reach) - (factor - 1) / 2) ** 2
    taps = np.exp(-0.5 * (squares - squares.min()) / sigma**2)
    coarse_bands = np.empty((len(fine), *(side // factor for side in fine.shape[1:])))
    whole = np.outer(*(_weighted(np.ones(side), taps, factor) for side in fine.shape[1:]))
    for band, result in zip(fine, coarse_bands, strict=True):
        valid = np.isfinite(band)
        share, total = (
            _weighted(_weighted(values, taps, factor).T, taps, factor).T / whole
            for values in (valid.astype(np.float64), np.where(valid, band, 0.0))
        )
        result[...] = np.where(share >= 0.5, total / np.maximum(share, 0.5), np.nan)
    return coarse_bands


def _weighted(values: Array, taps: Array, factor: int) -> Array:
    """Sums of ``values`` times ``taps`` along the first axis, at every ``factor``-th place; zero beyond the ends."""
    count, reach = len(values) // factor, (len(taps) - factor) // 2
    padded = np.pad(values, [(reach, reach)] + [(0, 0)] * (values.ndim - 1))
    total = np.zeros((count, *values.shape[1:]))
    for start, tap in enumerate(taps):
        total += tap * padded[start : start + count * factor : factor]
    return total


def enl(image: Any) -> float:
    """Equivalent number of looks of a homogeneous area, ``mean^2 / variance``, mean over bands.

    With the population variance; a toolbox that divides by n - 1 gives a value smaller by a factor of 1 - 1 / n.

    Args:
        image: ``(band, y, x)`` or ``(y, x)`` radar intensity in linear power, not in dB.

    Raises:
        DataError: a band has fewer than two valid samples.
    """
    looks = []
    for band in array(image):
        values = band[np.isfinite(band)]
        if values.size < 2:
            raise DataError(f"{values.size} valid samples; the number of looks needs at least two in every band")
        variance = float(values.var())
        looks.append(float("inf") if variance == 0 else float(values.mean()) ** 2 / variance)
    return float(np.mean(looks))
