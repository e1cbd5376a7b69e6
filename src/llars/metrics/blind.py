"""How good an image is where there is no reference.

Images are ``(band, y, x)`` or ``(y, x)``: NumPy arrays (masked ones too), torch tensors or xarray objects. A sample
that is masked, NaN or infinite in either image counts in neither. Sums are taken in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llars.errors import BandError, DataError
from llars.metrics.reference import uiqi
from llars.metrics.windows import array

__all__ = ["d_lambda", "d_s", "enl", "qnr"]


def d_lambda(fused: Any, ms: Any, window: int = 32) -> float:
    """Spectral distortion of QNR: how much the bands' mutual UIQI changed; 0 is best.

    Args:
        fused: ``(band, y, x)`` on the fine grid.
        ms: ``(band, y, x)``, what it was made of, on its own grid.
        window: of the UIQI, in pixels of either grid.

    Raises:
        BandError: fewer than two bands, or different numbers of them.
        DataError: an image is smaller than the window, or has no valid one.
    """
    fine, coarse = array(fused), array(ms)
    if len(fine) != len(coarse) or len(fine) < 2:
        raise BandError(f"{len(fine)} fused and {len(coarse)} original bands; expected the same number, at least two")
    pairs = [(i, j) for i in range(len(fine)) for j in range(i)]
    changes = [uiqi(fine[i], fine[j], window) - uiqi(coarse[i], coarse[j], window) for i, j in pairs]
    return float(np.mean(np.abs(changes)))


def d_s(fused: Any, ms: Any, pan: Any, window: int = 32) -> float:
    """Spatial distortion of QNR: how much the UIQI between band and PAN changed with the resolution; 0 is best.

    Args:
        fused: ``(band, y, x)`` on the PAN's grid.
        ms: ``(band, y, x)``, coarser by a whole factor.
        pan: ``(y, x)`` or ``(1, y, x)``; brought to the coarse grid by area means.
        window: of the UIQI, in pixels of either grid.

    Raises:
        BandError: different numbers of bands, or more than one of PAN.
        DataError: the grids differ by no whole factor, or an image has no valid window.
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


def enl(image: Any) -> float:
    """Equivalent number of looks of a homogeneous area, ``mean^2 / variance``, mean over bands.

    Args:
        image: ``(band, y, x)`` or ``(y, x)`` radar intensity in linear power, not in dB.

    Raises:
        DataError: a band has no two valid samples.
    """
    looks = []
    for band in array(image):
        values = band[np.isfinite(band)]
        if values.size < 2:
            raise DataError(f"{values.size} valid samples; the number of looks needs at least two in every band")
        variance = float(values.var())
        looks.append(float("inf") if variance == 0 else float(values.mean()) ** 2 / variance)
    return float(np.mean(looks))
