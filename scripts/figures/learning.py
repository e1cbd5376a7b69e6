"""Figure of the course of training: the dynamic weights of the tasks."""

import csv
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from figures.drawing import save
from llars.data.recipe import GUIDED
from llars.tasks import TASK_KEYS, TONES

WEIGHTS = Path("benchmarks/ablation/results/weights.csv")
"""From the run of the full model in the ablation: step, and the mean weight of each task since the last row."""

AROUND = 5
"""Number of rows that are averaged for the smooth line, as a single row depends on what a few batches contain."""


def smooth(values: np.ndarray) -> np.ndarray:
    """Moving average over ``AROUND`` values that ignores NaN; NaN where all are."""
    reach = AROUND // 2
    padded = np.pad(values, reach, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    known = np.isfinite(windows)
    total = np.where(known, windows, 0.0).sum(1)
    return np.divide(total, known.sum(1), out=np.full(len(values), np.nan), where=known.any(1))


def loss_weights(path: Path) -> None:
    """The dynamic weight of each task over the steps, one panel for each task whose weight changes."""
    with WEIGHTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = np.array([int(row["step"]) for row in rows])
    # Tasks that fill batches of their own have weight 1 at all times.
    shown = [task for task in TASK_KEYS if task not in GUIDED | TONES]
    weights = {task: np.array([float(row[task] or "nan") for row in rows]) for task in shown}
    figure, panels = plt.subplots(2, 4, figsize=(7.2, 3.2), layout="constrained", sharex=True, sharey=True)
    panels.flat[-1].set_axis_off()
    for axes, (task, values) in zip(panels.flat, weights.items(), strict=False):
        axes.axhline(1.0, color="0.8", linewidth=0.8)
        axes.plot(steps, values, ".", color="0.6", markersize=2)
        axes.plot(steps, smooth(values), color="tab:blue", linewidth=1.2)
        axes.set_title(task)
    figure.supxlabel("step", fontsize=8)
    figure.supylabel("mean weight of a sample", fontsize=8)
    save(figure, path)


MAKERS = {"loss_weights": loss_weights}
