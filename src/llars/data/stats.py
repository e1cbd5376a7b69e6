"""An overview picture of a corpus: tasks, sensors, bands, severities, and a contact sheet."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import true_colour
from llars.data.manifest import load
from llars.data.records import Record
from llars.data.shards import Shard
from llars.errors import OutputError
from llars.files import replacing
from llars.sample import Sample
from llars.sensors import SENSORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from numpy.typing import NDArray

__all__ = ["draw", "lines"]

COLUMNS, ROWS = 10, 5
"""Columns and rows of the contact sheet."""

SIDE = 160
"""Longest side of a picture in pixels."""


def lines(root: Path) -> list[str]:
    """The counts of a corpus, as lines of text.

    Raises:
        DataError: there is no corpus at ``root``.
    """
    found = []
    for split, about in load(root)["splits"].items():
        size = f"{about['bytes'] / 1e6:.0f} MB in {len(about['shards'])} shards"
        found.append(f"{split}: {about['samples']} samples, {about['scenes']} images, {size}")
        found += [f"  task {task}: {count} samples" for task, count in about["tasks"].items()]
        for sensor, count in about["sensors"].items():
            found.append(f"  sensor {sensor}: {count} images, {about['pixels'][sensor] / 1e6:.2f} Mpx")
    return found


def draw(root: Path, out: Path, overwrite: bool = False) -> None:
    """Write the picture of a corpus to a PNG.

    Raises:
        DataError: there is no corpus at ``root``.
        OutputError: ``out`` exists, unless ``overwrite`` is set, or cannot be written.
    """
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists; choose another name or give --overwrite")
    from matplotlib.figure import Figure
    from PIL import Image

    splits = load(root)["splits"]
    figure = Figure(figsize=(18, 21), layout="constrained")
    halves: Any = figure.subfigures(2, 1)
    top, bottom = halves
    axes = top.subplots(2, 2)
    _bars(axes[0, 0], {split: about["tasks"] for split, about in splits.items()}, "samples by task")
    pixels = {split: {one: n / 1e6 for one, n in about["pixels"].items()} for split, about in splits.items()}
    _bars(axes[0, 1], pixels, "megapixels by sensor")
    _bands(axes[1, 0], _merged(splits, "statistics"))
    _severities(axes[1, 1], splits)
    _contact_sheet(bottom, root, splits)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=70)
    # A palette makes the file a third as large.
    picture = Image.open(drawn).convert("RGB").quantize(256)
    with replacing(out) as part:
        picture.save(part, format="PNG", optimize=True)


def _merged(splits: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One entry for each sensor or task; where several splits have it, that of the split with the most samples."""
    merged: dict[str, Any] = {}
    for about in sorted(splits.values(), key=lambda about: int(about["samples"])):
        merged.update(about[key])
    return merged


def _bars(axes: Axes, counts: Mapping[str, Mapping[str, float]], title: str) -> None:
    """Horizontal bars on a logarithmic axis, one for each name and split."""
    names = sorted({name for held in counts.values() for name in held}, reverse=True)
    height = 0.8 / len(counts)
    for row, (split, held) in enumerate(counts.items()):
        where = [names.index(name) - row * height for name in held]
        bars = axes.barh(where, list(held.values()), height, label=split)
        axes.bar_label(bars, [f" {count:.4g}" for count in held.values()], fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_title(title)
    axes.legend()


def _bands(axes: Axes, statistics: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Mean and standard deviation of every band, with the sensor's range of plausible values scaled to [0, 1]."""
    names = sorted(statistics, reverse=True)
    for row, sensor in enumerate(names):
        low, high = SENSORS[sensor].valid_range if sensor in SENSORS else (0.0, 1.0)
        bands = statistics[sensor]
        rows = row + np.linspace(0.35, -0.35, len(bands)) if len(bands) > 1 else [row]
        means = [(found["mean"] - low) / (high - low) for found in bands.values()]
        stds = [found["std"] / (high - low) for found in bands.values()]
        axes.errorbar(means, rows, xerr=stds, fmt=".", elinewidth=1, markersize=4)
    axes.set_yticks(range(len(names)), [f"{name} ({len(statistics[name])})" for name in names])
    axes.set_xlim(-0.1, 1.1)
    axes.set_xlabel("plausible values of the sensor, 0 to 1")
    axes.set_title("bands by sensor (how many): mean and standard deviation, in the order of their names from the top")


def _severities(axes: Axes, splits: Mapping[str, Any]) -> None:
    """Histograms of severity, one line for each task."""
    found: dict[str, NDArray[Any]] = {}
    for about in splits.values():
        for task, bins in about["severities"].items():
            found[task] = np.add(bins, found.get(task, 0))
    for task, bins in found.items():
        axes.stairs(bins, np.linspace(0, 1, len(bins) + 1), label=task, linewidth=2)
    axes.set_title("samples by severity")
    axes.set_xlabel("severity")
    if found:
        axes.legend()
    else:
        axes.text(0.5, 0.5, "none: faults are put in while training", ha="center", transform=axes.transAxes)


def _contact_sheet(figure: SubFigure, root: Path, splits: Mapping[str, Any]) -> None:
    """Samples of every task and sensor, spread over the shards."""
    axes = figure.subplots(ROWS, COLUMNS)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, record in zip(axes.flat, _spread(root, splits, COLUMNS * ROWS), strict=False):
        ax.imshow(_picture(record))
        ax.set_title(f"{record.sensor}\n{record.task}: {record.key}"[:58], fontsize=7)


def _spread(root: Path, splits: Mapping[str, Any], wanted: int) -> Iterator[Record]:
    """At most ``wanted`` samples, spread evenly over the shards and within each."""
    shards = [entry for about in splits.values() for entry in about["shards"]]
    each, more = divmod(wanted, len(shards))
    if not each:
        shards, each, more = shards[:: -(-len(shards) // wanted)], 1, 0
    largest = sorted(shards, key=lambda entry: -int(entry["samples"]))[:more]
    for entry in shards:
        shard = Shard(root / entry["file"])
        count = min(each + (entry in largest), len(shard))
        yield from (shard[len(shard) * (2 * i + 1) // (2 * count)] for i in range(count))


def _picture(record: Record) -> NDArray[np.float32]:
    """The first two images of a sample side by side, as ``(y, x, 3)`` between 0 and 1."""
    shown = [_colours(sample) for sample in list(record.images.values())[:2]]
    height = min(len(picture) for picture in shown)
    return np.concatenate([picture[:height] for picture in shown], axis=1)


def _colours(sample: Sample) -> NDArray[np.float32]:
    """True colours if the image has the bands, stretched from the 2nd to the 98th percentile of the valid pixels."""
    step = -(-max(sample.values.shape[1:]) // SIDE)
    values = sample.values[list(true_colour(sample.bands)), ::step, ::step].astype(np.float32)
    valid = sample.valid[::step, ::step]
    held = values[:, valid] if valid.any() else values.reshape(len(values), -1)
    low, high = np.percentile(held, [2, 98], axis=1)
    span = np.maximum(high - low, 1e-6)
    unit = (values - low[:, None, None]) / span[:, None, None]
    return np.where(valid[..., None], np.clip(unit, 0, 1).transpose(1, 2, 0), 1).astype(np.float32)
