"""The picture of a diagnosis: the scene with its clouds outlined; findings, line offsets and noise beside it."""

from __future__ import annotations

import importlib.util
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.errors import ConfigError
from llars.infer.report.preview import STRETCH_PERCENT, Thumbnail
from llars.model.opacity import CELL

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from llars.infer.diagnosis.findings import Diagnosis

__all__ = ["draw", "require_matplotlib"]

INCHES, DOTS = (12.0, 7.0), 110
FINDING, LINE = 0.26, 0.055
"""Fractions of the panel's height that a finding takes, and a line of its text."""

WRONG, RIGHT = "#c0392b", "#2c6e49"


def require_matplotlib() -> None:
    """Raises ConfigError where matplotlib is not installed: known before the diagnosis is made."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError("--picture draws with matplotlib, which is not installed: pip install matplotlib")


def draw(path: Path, scene: xr.DataArray, diagnosis: Diagnosis) -> None:
    """Draw the diagnosis ``diagnosis`` of ``scene`` to a PNG file at ``path``; see ``require_matplotlib``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS)
    left, right = figure.subfigures(1, 2, width_ratios=(2, 1), squeeze=False)[0]
    _scene(left.subplots(), scene, diagnosis)
    words, lines, noise = right.subplots(3, 1, height_ratios=(1.4, 1, 1))
    _words(words, diagnosis)
    _lines(lines, diagnosis)
    _noise(noise, scene, diagnosis)
    # Drawn in memory: what encodes pictures tells of a full disk without saying so.
    content = BytesIO()
    figure.savefig(content, format="png")
    path.write_bytes(content.getvalue())


def _scene(axes: Axes, scene: xr.DataArray, diagnosis: Diagnosis) -> None:
    image = Thumbnail((scene.sizes["y"], scene.sizes["x"]), scene.attrs["bands"]).of(scene)
    with warnings.catch_warnings():
        # A channel without any data is black, not worth a warning.
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanpercentile(image, STRETCH_PERCENT, axis=(1, 2), keepdims=True)
    picture = np.nan_to_num(np.clip((image - low) / np.maximum(high - low, 1e-6), 0.0, 1.0))
    # In pixels of the scene, which may be decimated here.
    extent = (-0.5, scene.sizes["x"] - 0.5, scene.sizes["y"] - 0.5, -0.5)
    axes.imshow(picture.transpose(1, 2, 0), extent=extent, interpolation="antialiased")
    if any(finding.fault == "clouds" for finding in diagnosis.findings):
        opaque = diagnosis.survey.opaque
        rows, columns = (CELL * (np.arange(count) + 0.5) for count in opaque.shape)
        axes.contour(columns, rows, opaque, [0.5], colors=["#ff2d95"], linewidths=1.2)
        axes.set_title("outlined: clouds that hide the ground", fontsize=10)
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_xlabel("column")
    axes.set_ylabel("row")


def _words(axes: Axes, diagnosis: Diagnosis) -> None:
    axes.set_axis_off()
    if not diagnosis.findings:
        axes.text(0, 1, "nothing wrong was found", va="top", fontsize=13, color=RIGHT)
    for row, finding in enumerate(diagnosis.findings):
        lines: tuple[tuple[str, dict[str, Any]], ...] = (
            (finding.fault, {"fontsize": 11, "weight": "bold", "color": WRONG}),
            (finding.strength, {"fontsize": 8}),
            (finding.where, {"fontsize": 8}),
            (f'-p "{finding.prompt}"', {"fontsize": 8, "family": "monospace", "color": "#555555"}),
        )
        for number, (words, style) in enumerate(lines):
            place = 1.0 - FINDING * row - (number and LINE * (number + 0.5))
            axes.text(0, place, words, va="top", **style)


def _lines(axes: Axes, diagnosis: Diagnosis) -> None:
    stripes = diagnosis.survey.stripes
    axes.set_title("how far lines are off (mean over bands)", fontsize=9)
    axes.tick_params(labelsize=8)
    if stripes is None:
        axes.text(0.5, 0.5, "not looked for in radar", ha="center", transform=axes.transAxes, fontsize=8)
        return
    found = any(finding.task == "destripe" for finding in diagnosis.findings)
    axes.plot(stripes.offsets.mean(0), linewidth=0.6, color=WRONG if found else RIGHT)
    axes.set_xlabel("row" if stripes.rows else "column", fontsize=8)
    axes.set_ylabel("part of the range", fontsize=8)
    extent = max(float(np.abs(stripes.offsets.mean(0)).max()), 0.005)
    axes.set_ylim(-1.1 * extent, 1.1 * extent)


def _noise(axes: Axes, scene: xr.DataArray, diagnosis: Diagnosis) -> None:
    sigma: NDArray[np.float64] = diagnosis.survey.sigma
    found = any(finding.fault == "noise" for finding in diagnosis.findings)
    axes.bar(range(len(sigma)), sigma, color=WRONG if found else RIGHT)
    axes.set_title("standard deviation of the noise", fontsize=9)
    axes.set_xticks(range(len(sigma)), [band.name for band in scene.attrs["bands"]], fontsize=7)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylabel("part of the range", fontsize=8)
    axes.set_ylim(0.0, max(1.1 * float(sigma.max()), 0.01))
