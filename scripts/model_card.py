"""Writes the model card of bundled weights from the logs of their training and the results of their evaluation.

python scripts/model_card.py runs/small runs/corpus docs/results.json > src/llars/weights/llars-small.md
"""

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean

from llars.weights.registry import find, models, read_info

HEAD = Path(__file__).with_name("model_card_head.md")
"""Text that is not in any log: the stages of training and the limitations."""

EXACT = 100.0
"""PSNR in dB from which a trial counts as an exact operation, up to rounding."""


def licences(manifest: Path) -> list[str]:
    """The content of the training split, and a table of the sources of the corpus with their licences."""
    held = json.loads(manifest.read_text(encoding="utf-8"))
    train = held["splits"]["train"]
    sensors = ", ".join(f"{name} ({count})" for name, count in train["sensors"].items())
    lines = [f"{train['scenes']} images, by sensor: {sensors}.", "", "| source | licence |", "| --- | --- |"]
    named = dict.fromkeys((source["source"], source["licence"]) for source in held["sources"])
    return [*lines, *(f"| {source} | {licence} |" for source, licence in named)]


def table(corner: str, rows: Iterable[str], columns: Sequence[str], cell: Callable[[str, str], str]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {corner} | {' | '.join(columns)} |", f"| --- |{' --: |' * len(columns)}"]
    return [*lines, *(f"| {row} | {' | '.join(cell(row, column) for column in columns)} |" for row in rows)]


def curve(validation: Path) -> list[str]:
    """Table of the validation figures of the run, by step."""
    with validation.open(newline="") as file:
        by_step = {row["step"]: row for row in csv.DictReader(file)}
    fields = next(iter(by_step.values()))
    tasks = [key.removesuffix("_gain") for key in fields if key.endswith("_gain") and key != "mean_gain"]
    return table("step", by_step, tasks, lambda step, task: f"{float(by_step[step][f'{task}_gain']):+.2f}")


def metrics(results: Path) -> list[str]:
    """Gain in PSNR by trial and sensor on the test split; exact operations and trials without a fault are left out."""
    gains: dict[tuple[str, str], list[float]] = defaultdict(list)
    scores = json.loads(results.read_text(encoding="utf-8"))["scores"]
    before = {(one["trial"], one["scene"]): one["metrics"].get("psnr") for one in scores if one["method"] == "degraded"}
    for one in scores:
        first = before.get((one["trial"], one["scene"]))
        restored = one["metrics"].get("psnr")
        if one["method"] == "llars" and first is not None and restored is not None and restored < EXACT:
            gains[one["trial"], one["data_set"].split(" / ")[0]].append(restored - first)
    trials = list(dict.fromkeys(trial for trial, _ in gains if not trial.startswith("untouched")))
    sensors = list(dict.fromkeys(sensor for _, sensor in gains))

    def cell(trial: str, sensor: str) -> str:
        found = gains.get((trial, sensor))
        return f"{fmean(found):+.2f}" if found else ""

    return table("trial", trials, sensors, cell)


def main(run: Path, corpus: Path, results: Path) -> None:
    """Print the card."""
    entry = next(entry for entry in models() if entry.name == "llars-small")
    info = read_info(find(entry.name))
    facts = [
        f"- file: `{entry.file}`, {find(entry.name).stat().st_size / 1e6:.1f} MB, SHA-256 `{entry.sha256}`",
        f"- parameters: {entry.parameters:,} in half precision; tasks: {', '.join(entry.tasks)}",
        f"- last stage: {int(info.training['steps']):,} steps, {int(info.training['samples']):,} patches of 64 x 64",
    ]
    sections = [
        *facts,
        "\n## Gain on the test split, dB\n",
        "Mean over scenes. `docs/results.md` describes the protocol and contains the rivals and the other metrics.\n",
        *metrics(results),
        "\n## Learning curve\n",
        "Gain in dB on patches of the validation split, logged during training; the losses are in `llars-small.csv`.\n",
        *curve(run / "validation.csv"),
        "\n## Data\n",
        *licences(corpus / "manifest.json"),
    ]
    entries = {"facts": "\n".join(sections), "steps": f"{int(info.training['steps']):,}"}
    entries["samples"] = f"{int(info.training['samples']):,}"
    head = HEAD.read_text(encoding="utf-8")
    for name, text in entries.items():
        head = head.replace("{" + name + "}", text)
    print(head, end="")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
