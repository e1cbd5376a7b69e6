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

from llars.errors import ConfigError, OutputError
from llars.model.network import Network
from llars.train.tuning.batches import Batches, Words, sentences
from llars.train.tuning.config import TuneConfig, settings
from llars.train.tuning.examples import Example, read_examples
from llars.train.tuning.methods import LOW_RANK, started, words_key
from llars.train.tuning.report import Before, TuneReport, draw_curve, draw_panel, write
from llars.train.tuning.split import divided
from llars.train.tuning.trainer import Tuner
from llars.train.tuning.twins import twins
from llars.train.validation import validate
from llars.weights.adapters import AdapterInfo, Change, read_adapter, save_adapter, wear
from llars.weights.registry import WeightsInfo, find, load_network

__all__ = ["tune"]

LOOKED_AT = 8
"""Batches from which the ``experts`` method takes the conditions of the user's images and of other tasks."""

FREE = frozenset({"max_minutes", "device"})
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
    begun = time.monotonic()
    run = settings(config, given, overrides)
    network, info = load_network(find(run.base))
    examples, notes = read_examples(run)
    for note in notes:
        say(note)
    train, held_out = divided(examples, run.held_out)
    _prepare_folder(run, info, examples)
    words = Words(run, info.tasks, [one.factor for one in examples])
    batches = Batches(train, run, words, network.multiple)
    seen = Batches(held_out, run, words, network.multiple)
    measured, others = seen.held_out(), seen.others_held_out()
    tuner = Tuner(run, network, _changes(run, network, words, batches), batches)
    tuner.run([batch.to(run.device) for batch in measured], say)
    _write_adapter(run, info, tuner, train, held_out)
    # Evaluated as it will be used: from the file, in half precision.
    adapter = read_adapter(run.out)
    tuned, _ = wear(network, info, [adapter])
    before, after = validate(network, measured), validate(tuned, measured)
    kept = [validate(one, others) if others else {} for one in (network, tuned)]
    report = TuneReport(
        adapter=run.out,
        folder=run.folder,
        method=run.method,
        rank=adapter.info.rank,
        parameters=sum(part.numel() for part in tuner.trained),
        share=sum(part.numel() for part in tuner.trained) / info.parameters,
        size=run.out.stat().st_size,
        images=len(train),
        held_out=tuple(one.name for one in held_out),
        input_db=before[run.task] - before["mean_gain"],
        restored=Before(before[run.task], after[run.task]),
        others={task: Before(*(row[f"{task}_gain"] for row in kept)) for task in words.others if task in kept[0]},
        best_step=max(tuner.looks, key=lambda look: look.gain).step,
        steps=tuner.step,
        minutes=(time.monotonic() - begun) / 60,
        notes=tuple(notes),
    )
    write(report, tuner.looks)
    draw_curve(run.folder / "curve.png", tuner.looks)
    draw_panel(run.folder / "before_after.png", network, tuned, measured)
    return report


def _prepare_folder(run: TuneConfig, info: WeightsInfo, examples: Sequence[Example]) -> None:
    """Create the folder of the run, or check that the run in it has the same settings and images."""
    kept = {key: value for key, value in asdict(run).items() if key not in FREE}
    told = json.loads(
        json.dumps({**kept, "base": info.sha256, "images": {one.name: _checksum(one) for one in examples}}, default=str)
    )
    path = run.folder / "settings.json"
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        run.out.parent.mkdir(parents=True, exist_ok=True)
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else told
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"cannot write to {run.folder}: {fault.strerror}; choose another `run` or `out`") from None
    if differing := sorted(key for key in told if found.get(key) != told[key]):
        raise ConfigError(
            f"the run in {run.folder} was started with other settings ({', '.join(differing)}); "
            "delete it, or choose another `run`"
        )


def _checksum(one: Example) -> int:
    return zlib.crc32(one.truth.tobytes(), 0 if one.image is None else zlib.crc32(one.image.tobytes()))


def _changes(run: TuneConfig, network: Network, words: Words, batches: Batches) -> Mapping[str, Change]:
    if run.method == "experts":
        others = (batches.other(step) for step in range(LOOKED_AT))
        own = [batches.train(step) for step in range(LOOKED_AT)]
        return twins(network, own, [batch for batch in others if batch is not None])
    own_words, other_words = (list(vectors.values()) for vectors in (words.own, words.others))
    key = words_key(torch.cat(own_words), torch.cat(other_words) if other_words else own_words[0][:0])
    return started(run.method, run.rank, network, torch.Generator().manual_seed(run.seed), key)


def _write_adapter(
    run: TuneConfig, info: WeightsInfo, tuner: Tuner, train: Sequence[Example], held_out: Sequence[Example]
) -> None:
    """Write the best state of the run as an adapter file."""
    with torch.no_grad():
        for name, part in tuner.parts().items():
            part.copy_(tuner.best[name])
    about = AdapterInfo(
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
            "held_out": [one.name for one in held_out],
        },
    )
    save_adapter(run.out, about, tuner.changes)
