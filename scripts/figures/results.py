"""Figures of results: initial estimates, tiles, radiometry and uncertainty."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

import llars
from figures.drawing import bare, colours, corner, degraded, save, wales
from llars.infer.initial.estimates import initial_estimate
from llars.infer.reading.picture import picture_of
from llars.infer.tiles import TileGrid, Window
from llars.tasks import get_task

SHOWN = 104
"""Rows and columns that are drawn; the whole scene is processed."""

FAULTS = {
    "destripe": ("detector_stripes", 0.25),
    "deblur": ("gaussian_blur", 0.4),
    "cloud": ("thick_cloud", 0.3),
}
"""Operator and severity for tasks that have an initial estimate and need no guide."""


def initial_estimates(path: Path) -> None:
    """Degraded, starting, restored and true image; one row for each task of ``FAULTS``."""
    truth = wales()
    restorer = llars.load("llars-small")
    figure, panels = plt.subplots(3, 4, figsize=(6.0, 4.9), layout="constrained")
    for row, (task, (operator, severity)) in zip(panels, FAULTS.items(), strict=True):
        bad = degraded(truth, operator, severity)
        layers = picture_of(bad).layers
        unit, _ = initial_estimate(task, layers, ()).read(Window(0, 0, *layers.size))
        lows, highs = (np.array(ends)[:, None, None] for ends in zip(*picture_of(bad).ranges, strict=True))
        start = bad.copy(data=(unit * (highs - lows) + lows).astype(np.float32))
        done = restorer(bad, get_task(task).instruction)
        for axes, (name, image) in zip(
            row, {"degraded": bad, "start": start, "restored": done, "truth": truth}.items(), strict=True
        ):
            axes.imshow(colours(image, truth)[:SHOWN, :SHOWN])
            gain = "" if name == "truth" else f"  {llars.metrics.psnr(image, truth):.1f} dB"
            axes.set_title(f"{name}{gain}")
            bare(axes)
        row[0].set_ylabel(task)
    save(figure, path)


def llars_words(task: str) -> str:
    """The canonical sentence that asks for a task."""
    from llars.tasks import get_task

    return get_task(task).instruction


def tiles(path: Path) -> None:
    """What a tile reads; and the seams between tiles, with halo and scene-wide decisions and without."""
    scene = corner(degraded(wales(), "gaussian_noise", 0.5), 192, 192)
    restorer = llars.load("llars-small", precision="float32")
    side = 64
    whole = restorer(scene, "reduce the noise", tile=192).values
    tiled = restorer(scene, "reduce the noise", tile=side).values
    naive = np.empty_like(whole)
    for top in range(0, 192, side):
        for left in range(0, 192, side):
            part = scene[:, top : top + side, left : left + side]
            naive[:, top : top + side, left : left + side] = restorer(part, "reduce the noise").values
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.9), layout="constrained")
    panels[0].imshow(colours(scene, scene))
    grid = TileGrid(192, 192, side, halo=48, multiple=16)
    tile = list(grid)[4]
    for window, style in ((tile.window, "--"), (tile.core, "-")):
        height, width = window.shape
        outline = Rectangle((window.left, window.top), width, height, fill=False, edgecolor="w", linestyle=style)
        panels[0].add_patch(outline)
    panels[0].set_title("a tile writes the core and reads\na halo (drawn shorter than it is)")
    span = float(np.ptp(whole))
    for axes, image, name in ((panels[1], naive, "every piece on its own"), (panels[2], tiled, "as llars does it")):
        apart = np.abs(image - whole).max(0) / span
        drawn = axes.imshow(apart, cmap="magma", vmin=0, vmax=0.03)
        axes.set_title(f"{name}:\nat most {apart.max():.1e} of the range")
    for axes in panels:
        bare(axes)
    figure.colorbar(drawn, ax=panels[1:], label="difference to the scene as one piece", shrink=0.8)
    save(figure, path)


def radiometry(path: Path) -> None:
    """Differences between the means over a finer grid and the input's pixels, with the projection and without."""
    coarse = corner(wales(), 128, 128)
    restorer = llars.load("llars-small")
    figure, axes = plt.subplots(figsize=(5.0, 2.6), layout="constrained")
    bins = np.logspace(-9, -1, 60)
    for project, name in ((False, "the network alone"), (True, "after the projection")):
        fine = restorer(coarse, "double the resolution", project=project).values.astype(np.float64)
        apart = np.abs(_halved(fine) - coarse.values).ravel()
        axes.hist(np.clip(apart, bins[0], None), bins, alpha=0.7, label=f"{name}: mean {apart.mean():.1e}")
    axes.set_xscale("log")
    axes.set_xlabel("|mean of 2 x 2 new pixels - the pixel they came from|, reflectance")
    axes.set_ylabel("pixels")
    axes.legend()
    save(figure, path)


def _halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    bands, height, width = image.shape
    return image.reshape(bands, height // 2, 2, width // 2, 2).mean((2, 4))


def uncertainty(path: Path) -> None:
    """Predicted uncertainty, actual error, and the relation of the two."""
    truth = wales()
    restorer = llars.load("llars-small")
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.7), layout="constrained")
    for severity in (0.25, 0.5, 0.75):
        done, sigma = restorer(degraded(truth, "gaussian_noise", severity), "reduce the noise", uncertainty=True)
        error, predicted = np.abs(done.values - truth.values), sigma.values
        if severity == 0.5:
            top = float(np.percentile(predicted.mean(0), 99))
            for axes, image, name in zip(
                panels, (predicted, error), ("told: standard deviation", "error"), strict=False
            ):
                axes.imshow(image.mean(0)[:SHOWN, :SHOWN], cmap="magma", vmin=0, vmax=top)
                axes.set_title(name)
                bare(axes)
        edges = np.quantile(predicted, np.linspace(0, 1, 13))
        which = np.clip(np.digitize(predicted.ravel(), edges) - 1, 0, 11)
        means = [np.sqrt(np.mean(error.ravel()[which == one] ** 2)) for one in range(12)]
        axes = panels[2]
        axes.loglog(
            [predicted.ravel()[which == one].mean() for one in range(12)],
            means,
            "o-",
            markersize=3,
            label=f"severity {severity}",
        )
    ends = np.array(axes.get_xlim())
    axes.loglog(ends, ends, color="0.6", linewidth=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("told, reflectance")
    axes.set_ylabel("root mean square error")
    axes.legend(fontsize=6)
    save(figure, path)


MAKERS = {"starts": initial_estimates, "tiles": tiles, "radiometry": radiometry, "uncertainty": uncertainty}
