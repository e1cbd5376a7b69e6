"""Adapts weights to a user's own images with few parameters: `llars tune` and `llars.tune`."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from llars.errors import ConfigError
from llars.files import make_folder, write_whole
from llars.model.network import Network
from llars.train.tuning.appended_experts import appended_experts
from llars.train.tuning.batches import Batches, Words, sentences
from llars.train.tuning.config import TuneConfig, settings
from llars.train.tuning.examples import Example, read_examples
from llars.train.tuning.methods import LOW_RANK, initial_changes, words_key
from llars.train.tuning.report import Scores, TuneReport, draw_curve, draw_panel, write
from llars.train.tuning.split import split_by_place
from llars.train.tuning.trainer import CHECKPOINT, Tuner
from llars.train.validation import validate
from llars.weights.adapters import AdapterInfo, Change, apply_adapters, read_adapter, save_adapter
from llars.weights.registry import WeightsInfo, find, load_network

__all__ = ["tune"]

CONDITION_BATCHES = 8
"""Batches from which the ``experts`` method takes the conditions of the user's images and of other tasks."""

CHANGEABLE = frozenset({"max_minutes", "device"})
"""Settings that may change between the parts of an interrupted run."""


def tune(
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    say: Callable[[str], object] = str,
    **given: Any,
) -> TuneReport:
    """Tune weights on pairs of images and write an adapter; an interrupted run resumes where it stopped.

        llars.tune(inputs="noisy", targets="clean", task="denoise", out="my.safetensors", method="lora", rank=4)

    Args:
        config: YAML file of settings; see ``TuneConfig``.
        overrides: ``key=value`` words, as on the command line.
        say: called with warnings and progress, one sentence at a time.
        **given: settings that override those of the file.

    Returns:
        The report of the run, with figures on held-out images before and after. The adapter, ``report.md``,
        ``report.json`` and pictures are on disk. The same seed gives the same file on the CPU.

    Raises:
        LlarsError: the settings, weights or images are unusable; the message says what to do.
    """
    started = time.monotonic()
    run = settings(config, given, overrides)
    network, info = load_network(find(run.base))
    examples, notes = read_examples(run)
    for note in notes:
        say(note)
    train, held_out = split_by_place(examples, run.held_out)
    _prepare_folder(run, info, examples)
    words = Words(run, info.tasks, [example.factor for example in examples])
    batches = Batches(train, run, words, network.multiple)
    held_out_batches = Batches(held_out, run, words, network.multiple)
    measured, others = held_out_batches.held_out(), held_out_batches.others_held_out()
    tuner = Tuner(run, network, _changes(run, network, words, batches), batches)
    tuner.run([batch.to(run.device) for batch in measured], say)
    _write_adapter(run, info, tuner, train, held_out)
    # Evaluated as it will be used: from the file, in half precision.
    adapter = read_adapter(run.out)
    tuned, _ = apply_adapters(network, info, [adapter])
    before, after = validate(network, measured), validate(tuned, measured)
    gains = [validate(one, others) if others else {} for one in (network, tuned)]
    report = TuneReport(
        adapter=run.out,
        folder=run.folder,
        method=run.method,
        rank=adapter.info.rank,
        parameters=sum(part.numel() for part in tuner.trained),
        share=sum(part.numel() for part in tuner.trained) / info.parameters,
        size=run.out.stat().st_size,
        images=len(train),
        held_out=tuple(example.name for example in held_out),
        input_db=before[run.task] - before["mean_gain"],
        restored=Scores(before[run.task], after[run.task]),
        others={task: Scores(*(row[f"{task}_gain"] for row in gains)) for task in words.others if task in gains[0]},
        best_step=max(tuner.evaluations, key=lambda evaluation: evaluation.gain).step,
        steps=tuner.step,
        minutes=(time.monotonic() - started) / 60,
        notes=tuple(notes),
    )
    write(report, tuner.evaluations)
    draw_curve(run.folder / "curve.png", tuner.evaluations)
    draw_panel(run.folder / "before_after.png", network, tuned, measured)
    return report


def _prepare_folder(run: TuneConfig, info: WeightsInfo, examples: Sequence[Example]) -> None:
    """Create the folder of the run, or check that the run in it has the same settings and images."""
    fixed = {key: value for key, value in asdict(run).items() if key not in CHANGEABLE}
    current = json.loads(
        json.dumps(
            {
                **fixed,
                "base": info.sha256,
                "images": {example.name: _checksum(example) for example in examples},
            },
            default=str,
        )
    )
    path = run.folder / "settings.json"
    make_folder(run.folder)
    make_folder(run.out.parent)
    # Without a checkpoint there is nothing to go on with: the command may have been corrected since.
    started = (run.folder / CHECKPOINT).exists() and path.exists()
    stored = json.loads(path.read_text(encoding="utf-8")) if started else current
    if differing := sorted(key for key in current if stored.get(key) != current[key]):
        raise ConfigError(
            f"the run in {run.folder} was started with other settings ({', '.join(differing)}); "
            "delete it, or choose another `run`"
        )
    write_whole(path, json.dumps(stored, indent=2) + "\n")


def _checksum(example: Example) -> int:
    return zlib.crc32(example.truth.tobytes(), 0 if example.image is None else zlib.crc32(example.image.tobytes()))


def _changes(run: TuneConfig, network: Network, words: Words, batches: Batches) -> Mapping[str, Change]:
    if run.method == "experts":
        others = (batches.other(step) for step in range(CONDITION_BATCHES))
        own = [batches.train(step) for step in range(CONDITION_BATCHES)]
        return appended_experts(network, own, [batch for batch in others if batch is not None])
    own_words, other_words = (list(vectors.values()) for vectors in (words.own, words.others))
    key = words_key(torch.cat(own_words), torch.cat(other_words) if other_words else own_words[0][:0])
    return initial_changes(run.method, run.rank, network, torch.Generator().manual_seed(run.seed), key)


def _write_adapter(
    run: TuneConfig, info: WeightsInfo, tuner: Tuner, train: Sequence[Example], held_out: Sequence[Example]
) -> None:
    """Write the best state of the run as an adapter file."""
    with torch.no_grad():
        for name, part in tuner.parts().items():
            part.copy_(tuner.best[name])
    adapter_info = AdapterInfo(
        base=info.config.name,
        base_sha256=info.sha256,
        method=run.method,
        rank=run.rank if run.method in LOW_RANK else 0,
        tasks=(run.task,),
        instructions=tuple(sentences(run)) if run.prompts else (),
        experts=1 if run.method == "experts" else 0,
        training={
            "seed": run.seed,
            "steps": tuner.step,
            "images": len(train),
            "held_out": [example.name for example in held_out],
        },
    )
    save_adapter(run.out, adapter_info, tuner.changes)
