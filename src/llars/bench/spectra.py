"""Spectra of profiles: what of the detail of a finer grid is there, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from llars.bench.cases import Array
from llars.bench.pictures import save
from llars.bench.protocols import OURS_UNPROJECTED
from llars.bench.result import DEGRADED, OURS, Panel

__all__ = ["compared", "detail", "spectrum", "write_spectra"]

Double = npt.NDArray[np.float64]

FROM = 0.5
"""Frequencies from this share of the coarse grid's limit up to the limit are the detail that the input holds but
blurs."""


def spectrum(image: Array) -> tuple[Double, Double]:
    """Frequencies in cycles per pixel, and the power of the profiles along the rows and columns of all bands.

    Each profile less its mean, behind a Hann window (Welch 1967, IEEE Trans. Audio Electroacoust. 15(2)); rows and
    columns with a gap are left out, and the mean is taken over the rest.

    Args:
        image: ``(band, y, x)`` unit values, cut to a square from its corner; NaN is a gap.
    """
    side = min(image.shape[1:])
    square = image[:, :side, :side].astype(np.float64)
    profiles = np.concatenate([square.reshape(-1, side), square.swapaxes(1, 2).reshape(-1, side)])
    profiles = profiles[np.isfinite(profiles).all(axis=1)]
    profiles = (profiles - profiles.mean(axis=1, keepdims=True)) * np.hanning(side)
    frequency: Double = np.fft.rfftfreq(side)[1:].astype(np.float64)
    if not len(profiles):
        return frequency, np.full_like(frequency, np.nan)
    return frequency, np.asarray((np.abs(np.fft.rfft(profiles, axis=1)) ** 2).mean(axis=0)[1:], np.float64)


def detail(image: Array, reference: Array, scale: int) -> tuple[float, float]:
    """Power of an image over that of a reference, in dB: below and beyond the limit of a grid ``scale`` times coarser.

    Below is the upper half of the frequencies that the coarse grid can hold. NaN where no profile is without a gap.
    """
    frequency, power = spectrum(np.where(np.isfinite(reference), image, np.nan))
    _, there = spectrum(reference)
    limit = 0.5 / scale
    parts = (frequency > FROM * limit) & (frequency <= limit), frequency > limit
    below, beyond = (10.0 * np.log10(power[part].sum() / there[part].sum()) for part in parts)
    return float(below), float(beyond)


def compared(panel: Panel, rival: str | None) -> dict[str, Array]:
    """What is drawn of a trial: the degraded image, the best rival, ours, and what they should be like."""
    case = panel.case
    shown = {n: panel.results[n] for n in (DEGRADED, rival, OURS, OURS_UNPROJECTED) if n and n in panel.results}
    if np.isfinite(case.truth).any():
        shown["truth"] = case.truth
    elif "pan" in case.guides:
        shown["PAN"] = case.guides["pan"].values
    return shown


def write_spectra(images: Mapping[str, Array], scale: int, path: Path) -> None:
    """Draw the spectra of several images, with the limit of the grid that they come from, as a PNG of 128 colours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=90, layout="constrained")
    axes = figure.subplots()
    for name, image in images.items():
        style = {"color": "black", "linestyle": "--"} if name in ("truth", "PAN") else {}
        axes.loglog(*spectrum(image), label=name, linewidth=1.2, **style)
    axes.axvline(0.5 / scale, color="grey", linewidth=0.8)
    axes.set(xlabel="cycles per pixel; the grey line is the limit of the input's grid", ylabel="power of profiles")
    axes.legend(fontsize=8)
    save(figure, path)
