"""The report of a tuning run: figures before and after, a learning curve and a picture."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llars.model.network import Network
from llars.sample import Batch
from llars.train.panel import panel
from llars.train.tuning.trainer import EvaluationPoint

__all__ = ["Scores", "TuneReport", "draw_curve", "draw_panel", "write"]


@dataclass(frozen=True)
class Scores:
    """A figure in dB for the base weights, and for the weights with the adapter."""

    before: float
    after: float


@dataclass(frozen=True)
class TuneReport:
    """The result of a tuning run."""

    adapter: Path
    """The adapter file that was written."""

    folder: Path
    """Folder of report.md, report.json and the pictures."""

    method: str
    rank: int
    """0 for methods without a rank."""

    parameters: int
    """Number of trained parameters."""

    share: float
    """Trained parameters as a share of the base's parameters."""

    size: int
    """Size of the adapter file in bytes."""

    images: int
    """Images trained on."""

    held_out: tuple[str, ...]
    """Names of the images held out."""

    input_db: float
    """Mean PSNR of the held-out patches before restoration."""

    restored: Scores
    """Mean PSNR of the held-out patches after restoration."""

    others: dict[str, Scores]
    """Gain in PSNR on other tasks, measured on held-out truths degraded with their faults."""

    best_step: int
    steps: int
    """Steps that were done."""

    minutes: float
    """Wall-clock time of this call, including reading images and evaluations."""

    notes: tuple[str, ...]
    """Problems found with the images."""

    @property
    def gain(self) -> float:
        """What the adapter adds on held-out patches, in dB."""
        return self.restored.after - self.restored.before

    @property
    def lost(self) -> float:
        """Largest loss of any other task, in dB; 0 if none lost."""
        return max([0.0, *(pair.before - pair.after for pair in self.others.values())])

    def lines(self) -> list[str]:
        """The figures as Markdown."""
        rank = f", rank {self.rank}" if self.rank else ""
        others = [
            f"| {task} | {pair.before:+.2f} | {pair.after:+.2f} | {pair.after - pair.before:+.2f} |"
            for task, pair in self.others.items()
        ]
        return [
            f"# {self.adapter.name}",
            "",
            f"{self.method}{rank}: {self.parameters:,} trained parameters ({self.share:.1%} of the base), "
            f"{self.size / 1000:.0f} kB, trained on {self.images} images in {self.minutes:.1f} min; the best step "
            f"of {self.steps} was {self.best_step}.",
            "",
            "| held-out patches | PSNR, dB |",
            "| --- | --- |",
            f"| before restoration | {self.input_db:.2f} |",
            f"| restored by the base | {self.restored.before:.2f} |",
            f"| restored with the adapter | {self.restored.after:.2f} |",
            "",
            f"The adapter changes the PSNR by {self.gain:+.2f} dB on {len(self.held_out)} held-out images "
            f"({', '.join(self.held_out)}). These images were also used for early stopping, so this figure is slightly "
            "optimistic.",
            "",
            *(
                ["| other task | gain before | gain after | change, dB |", "| --- | --- | --- | --- |", *others]
                if others
                else ["No other task was evaluated: these weights have none that can be simulated on any image."]
            ),
            *(["", "Notes on the images:", "", *(f"- {note}" for note in self.notes)] if self.notes else []),
        ]


def write(report: TuneReport, evaluations: Sequence[EvaluationPoint]) -> None:
    """Write ``report.md`` and ``report.json`` into the report's folder."""
    document = dataclasses.asdict(report) | {
        "adapter": str(report.adapter),
        "folder": str(report.folder),
        "gain": report.gain,
        # JSON has no NaN: the evaluation before the first step has no loss.
        "evaluations": [
            [evaluation.step, None if np.isnan(evaluation.loss) else evaluation.loss, evaluation.gain]
            for evaluation in evaluations
        ],
    }
    (report.folder / "report.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (report.folder / "report.md").write_text("\n".join(report.lines()) + "\n", encoding="utf-8")


def draw_curve(path: Path, evaluations: Sequence[EvaluationPoint]) -> bool:
    """Draws held-out gain and loss over the steps as PNG; returns False where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    gain = figure.subplots()
    steps = [evaluation.step for evaluation in evaluations]
    gain.plot(steps, [evaluation.gain for evaluation in evaluations], "o-", color="tab:blue")
    gain.set_xlabel("step")
    gain.set_ylabel("held-out gain, dB", color="tab:blue")
    loss = gain.twinx()
    loss.plot(steps, [evaluation.loss for evaluation in evaluations], ".--", color="tab:grey")
    loss.set_ylabel("training loss", color="tab:grey")
    figure.savefig(path, dpi=100)
    return True


def draw_panel(path: Path, base: Network, tuned: Network, held_out: Sequence[Batch]) -> bool:
    """Draws one held-out patch as input, output and truth: restored by the base above, with the adapter below.

    Returns False where Pillow is not installed.
    """
    if importlib.util.find_spec("PIL") is None:
        return False
    from PIL import Image

    Image.fromarray(np.concatenate([panel(network, held_out[:1]) for network in (base, tuned)])).save(path)
    return True
