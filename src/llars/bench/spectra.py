"""Power spectra of profiles: how much detail of a finer grid an image has, by frequency."""

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
"""Share of the coarse grid's Nyquist limit above which the detail counts that the input holds, but blurred."""


def spectrum(image: Array) -> tuple[Double, Double]:
    """Frequencies in cycles per pixel, and the mean power of the profiles along the rows and columns of all bands.

    The mean of each profile is removed and a Hann window applied (Welch 1967, IEEE Trans. Audio Electroacoust. 15(2));
    rows and columns with a gap are left out.

    Args:
        image: ``(band, y, x)`` unit values, cropped to a square at its upper left corner; NaN is a gap.
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
    """Power of an image relative to a reference, in dB: below and beyond the Nyquist limit of the coarse grid.

    The coarse grid is ``scale`` times coarser; "below" is the upper half of the frequencies that it can hold. NaN if
    every profile has a gap.
    """
    frequency, power = spectrum(np.where(np.isfinite(reference), image, np.nan))
    _, there = spectrum(reference)
    limit = 0.5 / scale
    parts = (frequency > FROM * limit) & (frequency <= limit), frequency > limit
    below, beyond = (10.0 * np.log10(power[part].sum() / there[part].sum()) for part in parts)
    return float(below), float(beyond)


def compared(panel: Panel, rival: str | None) -> dict[str, Array]:
    """The images of a trial whose spectra are drawn: degraded, best rival, llars, and the truth or else the PAN."""
    case = panel.case
    shown = {n: panel.results[n] for n in (DEGRADED, rival, OURS, OURS_UNPROJECTED) if n and n in panel.results}
    if np.isfinite(case.truth).any():
        shown["truth"] = case.truth
    elif "pan" in case.guides:
        shown["PAN"] = case.guides["pan"].values
    return shown


def write_spectra(images: Mapping[str, Array], scale: int, path: Path) -> None:
    """Draw the spectra of several images, with the Nyquist limit of the input's grid, as a PNG of 128 colours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=90, layout="constrained")
    axes = figure.subplots()
    for name, image in images.items():
        style = {"color": "black", "linestyle": "--"} if name in ("truth", "PAN") else {}
        axes.loglog(*spectrum(image), label=name, linewidth=1.2, **style)
    axes.axvline(0.5 / scale, color="grey", linewidth=0.8)
    axes.set(xlabel="cycles per pixel; grey line: Nyquist limit of the input's grid", ylabel="power of profiles")
    axes.legend(fontsize=8)
    save(figure, path)
