"""Rivals for pansharpening: a multispectral image on a coarse grid and a panchromatic one on a fine grid.

Component substitution replaces an intensity I, made from the bands, by the PAN: ``ms + g (P - I)``, with P matched to I
in mean and std. Multiresolution analysis adds the PAN's own detail: ``ms + g (P - P_low)``. Both are compared by
Vivone et al. 2015, IEEE TGRS 53(5), whose names and defaults are kept. In all functions ``ms`` is ``(band, y, x)``,
``pan`` is ``(y * factor, x * factor)``, unit values, and the result lies on the grid of the PAN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from llars.bench.classical.resize import bicubic
from llars.bench.classical.windows import Array, Double
from llars.degrade.wald import mtf_reduce

__all__ = ["brovey", "gs", "gsa", "ihs", "mtf_glp", "mtf_glp_hpm", "pca"]

Gain = float | Sequence[float]

DARK = 1e-3
"""Smallest unit value that is divided by."""


def brovey(ms: Array, pan: Array, factor: int) -> Array:
    """Bands times PAN over the mean of the bands (Gillespie et al. 1987, RSE 22).

    Away from the edges the same numbers as ``gdal_pansharpen`` with equal weights.
    """
    fine = _enlarged(ms, factor)
    return np.asarray(fine * (pan / np.maximum(fine.mean(axis=0), DARK)), np.float32)


def ihs(ms: Array, pan: Array, factor: int) -> Array:
    """Generalised intensity-hue-saturation: the same detail in every band (Tu et al. 2001, Information Fusion 2(3))."""
    fine = _enlarged(ms, factor)
    intensity = fine.mean(axis=0)
    return np.asarray(fine + _matched(pan, intensity) - intensity, np.float32)


def gs(ms: Array, pan: Array, factor: int) -> Array:
    """Gram-Schmidt with the mean of the bands as intensity (Laben & Brower 2000, US patent 6011875)."""
    fine = _enlarged(ms, factor)
    return _substituted(fine, fine.mean(axis=0), pan)


def gsa(ms: Array, pan: Array, factor: int) -> Array:
    """Gram-Schmidt with band weights from a regression on the reduced PAN (Aiazzi et al. 2007, IEEE TGRS 45(10))."""
    fine = _enlarged(ms, factor)
    low = _reduced(pan, factor).ravel()
    design = np.concatenate([ms.reshape(len(ms), -1).astype(np.float64), np.ones((1, low.size))])
    weights = np.linalg.lstsq(design.T, low, rcond=None)[0]
    intensity = np.tensordot(weights[:-1], fine, 1) + weights[-1]
    return _substituted(fine, intensity, pan)


def pca(ms: Array, pan: Array, factor: int) -> Array:
    """The first principal component replaced by the PAN (Chavez & Kwarteng 1989, PE&RS 55(3))."""
    fine = _enlarged(ms, factor)
    centred = fine - fine.mean(axis=(1, 2), keepdims=True)
    flat = centred.reshape(len(fine), -1)
    axis = np.linalg.eigh(flat @ flat.T)[1][:, -1]
    axis = axis * (1.0 if axis.sum() >= 0 else -1.0)
    component = np.tensordot(axis, centred, 1)
    return (fine + axis[:, None, None] * (_matched(pan, component) - component)).astype(np.float32)


def mtf_glp(ms: Array, pan: Array, factor: int, gain: Gain) -> Array:
    """Adds the detail of the matched PAN that the sensor's MTF removes (Aiazzi et al. 2006, PE&RS 72(5)).

    Args:
        ms: see the module.
        pan: see the module.
        factor: ratio of the grids.
        gain: MTF gain of the bands at the Nyquist frequency of their grid: one for all, or one for each.
    """
    fine = _enlarged(ms, factor)
    sharp = np.stack([_matched(pan, band) for band in fine])
    return (fine + sharp - _low(sharp, factor, gain)).astype(np.float32)


def mtf_glp_hpm(ms: Array, pan: Array, factor: int, gain: Gain) -> Array:
    """The same with the detail as a factor on each band (Aiazzi et al. 2003, GRSS Workshop on Data Fusion)."""
    fine = _enlarged(ms, factor)
    sharp = np.stack([_matched(pan, band) for band in fine])
    low = _low(sharp, factor, gain)
    # Where the matched PAN is dark, the ratio is meaningless.
    ratio = np.where(low > DARK, sharp / np.maximum(low, DARK), 1.0)
    return (fine * ratio).astype(np.float32)


def _enlarged(ms: Array, factor: int) -> Double:
    return bicubic(ms, factor).astype(np.float64)


def _reduced(pan: Array, factor: int) -> Double:
    height, width = (side // factor for side in pan.shape)
    return np.asarray(pan.reshape(height, factor, width, factor).mean(axis=(1, 3), dtype=np.float64))


def _low(sharp: Double, factor: int, gain: Gain) -> Double:
    """The PAN reduced to the coarse grid through the sensor's MTF, and enlarged again."""
    coarse = mtf_reduce(torch.from_numpy(sharp), factor, gain).numpy()
    return bicubic(coarse.astype(np.float32), factor).astype(np.float64)


def _matched(pan: Array, intensity: Double) -> Double:
    """The PAN matched to the mean and standard deviation of the intensity."""
    spread = max(float(pan.std()), 1e-9)
    return np.asarray((pan.astype(np.float64) - pan.mean()) * (intensity.std() / spread) + intensity.mean())


def _substituted(fine: Double, intensity: Double, pan: Array) -> Array:
    """``fine + g (P - I)``, with the gain g of each band from its regression on I."""
    centred = intensity - intensity.mean()
    gains = np.tensordot(fine, centred, 2) / max(float((centred**2).sum()), 1e-12)
    detail = _matched(pan, intensity) - intensity
    return (fine + gains[:, None, None] * detail).astype(np.float32)
