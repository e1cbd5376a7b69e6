"""One picture per trial: the input, the best classical rival, llars, the truth, and the error of each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from llars.bands import Band, true_colour
from llars.bench.result import DEGRADED, OURS, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["display", "save", "write_picture"]

SIDE = 160
"""Side in pixels of the central part that is shown: large enough to see, small enough for a repository."""


def display(
    image: npt.NDArray[np.float32], truth: npt.NDArray[np.float32], bands: Sequence[Band]
) -> npt.NDArray[np.float32]:
    """``(y, x, 3)`` in [0, 1], stretched between the 1st and 99th percentiles of the truth; gaps are black."""
    chosen = list(true_colour(bands))
    low, high = np.nanpercentile(truth[chosen], (1, 99), axis=(1, 2), keepdims=True)
    stretched = (image[chosen] - low) / np.maximum(high - low, 1e-6)
    return np.asarray(np.nan_to_num(np.moveaxis(stretched, 0, -1)).clip(0, 1), np.float32)


def write_picture(panel: Panel, rival: str | None, path: Path) -> None:
    """Write the images above their absolute errors (mean over bands, common scale) as a PNG of 128 colours.

    If the truth is unknown, the images are shown without errors, beside the PAN if there is one.
    """
    from matplotlib.figure import Figure

    truth, bands = panel.case.truth, panel.case.scene.bands
    if not np.isfinite(truth).any():
        return _write_unjudged(panel, rival, path)
    window = _middle(truth)
    shown = {name: panel.results[name] for name in (DEGRADED, rival, OURS) if name in panel.results}
    errors = {name: np.abs(image - truth).mean(axis=0)[window[1:]] for name, image in shown.items()}
    worst = max(1e-3, float(np.nanpercentile(errors[DEGRADED], 99)))
    figure = Figure(figsize=(2.1 * (len(shown) + 1), 4.5), dpi=90, layout="constrained")
    axes: npt.NDArray[np.object_] = figure.subplots(2, len(shown) + 1, squeeze=False)
    for (name, image), upper, lower in zip(shown.items(), axes[0], axes[1], strict=False):
        _show(upper, display(image[window], truth[window], bands), name or "")
        _show(lower, errors[name], f"error, mean {np.nanmean(errors[name]):.4f}", worst)
    _show(axes[0, -1], display(truth[window], truth[window], bands), "truth")
    axes[1, -1].axis("off")
    return save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of 128 colours."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    Image.open(buffer).convert("RGB").quantize(128).save(path, optimize=True)


def _write_unjudged(panel: Panel, rival: str | None, path: Path) -> None:
    from matplotlib.figure import Figure

    case, window = panel.case, _middle(panel.case.truth)
    shown = {name: panel.results[name] for name in (DEGRADED, rival, OURS) if name in panel.results}
    pan = case.guides.get("pan")
    figure = Figure(figsize=(2.1 * (len(shown) + (pan is not None)), 2.4), dpi=90, layout="constrained")
    axes: npt.NDArray[np.object_] = figure.subplots(1, len(shown) + (pan is not None), squeeze=False)
    for (name, image), place in zip(shown.items(), axes[0], strict=False):
        _show(place, display(image[window], case.baseline[window], case.scene.bands), name or "")
    if pan is not None:
        _show(axes[0, -1], display(pan.values[window], pan.values[window], pan.bands), "PAN")
    save(figure, path)


def _middle(image: npt.NDArray[np.float32]) -> tuple[slice, slice, slice]:
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[1:])
    return slice(None), slice(top, top + SIDE), slice(left, left + SIDE)


def _show(axes: Axes, image: npt.NDArray[np.float32], title: str, worst: float = 1.0) -> None:
    axes.imshow(image, cmap="magma", vmin=0, vmax=worst, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.axis("off")
