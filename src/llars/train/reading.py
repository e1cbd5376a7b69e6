"""Trains the instruction reader on the grammar, through the bundled sentence encoder: a few minutes on one core.

Run ``python -m llars.train.reading`` for the bundled weights; the figures come from ``llars.train.understanding``.
With ``--calibrate`` every tenth template is left out of training, and the shares of its sentences that are understood
and refused are printed by weight of the word vote and by threshold: both were chosen from that table.
"""

from __future__ import annotations

import argparse
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.model.ngrams import grams
from llars.model.reading import CLASSES, InstructionReader, pad_tokens
from llars.tasks import TASKS
from llars.text.encoder import WIDTH, SentenceEncoder
from llars.text.grammar import NONE, Utterance, core, corpus, spared, spoilers
from llars.text.spelling import vocabulary
from llars.train.steps import Lines, lines, sentences, train_steps
from llars.train.words import train_words

SEED = 0
PER_TASK, IRRELEVANT, SPOILERS, COMPOSITES, DOUBLED = 2800, 8000, 2400, 12_000, 1000
SINGLE_LINES = 5000
EPOCHS, BATCH, RATE = 8, 128, 2e-3
CHUNK = 4096
"""Sentences that are encoded at a time: all of them at once would take two gigabytes in float32."""

CANONICAL_REPEATS = 15
_JOINTS = (". ", ", ", " and ", "; ", ", so please ", ", please ", " - ", ". Please ")


@dataclass
class Examples:
    """Sentences with their labels."""

    tokens: list[Tensor]
    """``(token, 384)`` float16 each."""

    task: Tensor
    """``(n,)`` index into ``CLASSES``; -1 for composites."""

    severity: Tensor
    """``(n,)``, NaN where no strength is named."""

    spoils: Tensor
    """``(n,)`` boolean: asks for a fault. Of class ``none``, but left out of the class loss: it has its own logit."""

    held_out: Tensor
    """``(n,)`` boolean: made from a template that calibration leaves out."""

    def __len__(self) -> int:
        return len(self.tokens)


def is_held_out(utterance: Utterance) -> bool:
    """Whether calibration leaves the template of this sentence out of training: about one in ten."""
    identifier = f"{utterance.task}/{utterance.template}"
    return utterance.template not in ("", "doubled") and zlib.crc32(identifier.encode()) % 10 == 0


def doubled(rng: random.Random) -> Utterance:
    """A complaint and a request for the same thing: one task in two sentences."""
    task = rng.choice([task for task in CLASSES if task != NONE])
    first, second = core(task, "say", rng), core(task, rng.choice(["do", "do", "say"]), rng)
    return Utterance(f"{first}{rng.choice(_JOINTS)}{second}", task, None, template="doubled")


def utterances(seed: int) -> list[Utterance]:
    """The training sentences that ask for one task or for none; those that ask for faults come last."""
    single = [u for task in CLASSES for u in corpus(task, IRRELEVANT if task == NONE else PER_TASK, seed)]
    rng = random.Random(seed)
    single += [doubled(rng) for _ in range(DOUBLED)]
    # The sentences that the documentation uses must be learnt.
    plain = {task.key: 0.5 if task.key == "brightness" else None for task in TASKS}
    single += [Utterance(task.instruction, task.key, plain[task.key]) for task in TASKS] * CANONICAL_REPEATS
    return single + spared(SPOILERS, seed) + spoilers(SPOILERS, seed)


def encoded(encoder: SentenceEncoder, texts: Sequence[str], cache: Path | None) -> list[Tensor]:
    """Token vectors ``(token, 384)`` float16 of every text; those of an earlier run are read from ``cache``."""
    known: dict[str, Tensor] = {}
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            pieces = torch.split(torch.from_numpy(stored["tokens"]), stored["lengths"].tolist())
            known = dict(zip(stored["texts"].tobytes().decode().split("\n"), pieces, strict=True))
    missing = sorted(dict.fromkeys(text for text in texts if text not in known), key=len)
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        known.update(zip(chunk, (torch.from_numpy(array).half() for array in encoder.tokens(chunk)), strict=True))
        print(f"encoded {start + len(chunk)} of {len(missing)} sentences", flush=True)
    if cache is not None and missing:
        lengths = np.array([len(tokens) for tokens in known.values()])
        flat = torch.cat(list(known.values())).reshape(-1, WIDTH).numpy()
        np.savez(cache, texts=np.frombuffer("\n".join(known).encode(), np.uint8), lengths=lengths, tokens=flat)
    return [known[text] for text in texts]


def examples(encoder: SentenceEncoder, seed: int, cache: Path | None = None) -> tuple[Examples, Lines]:
    """The encoded training data: whole sentences for the reader, and lines with marked steps for the step finder."""
    single = utterances(seed)
    labelled = sentences(single, COMPOSITES, seed)
    tokens = encoded(encoder, [sentence.text for sentence in labelled], cache)
    task = torch.tensor([CLASSES.index(u.task) for u in single] + [-1] * COMPOSITES)
    nan = float("nan")
    severity = torch.tensor([nan if u.severity is None else u.severity for u in single] + [nan] * COMPOSITES)
    spoils = torch.arange(len(labelled)) >= len(single) - SPOILERS
    spoils[len(single) :] = False
    held_out = torch.tensor([is_held_out(utterance) for utterance in single] + [False] * COMPOSITES)
    # The step finder learns from composites; a sample of the single-step sentences is enough beside them.
    few = random.Random(seed).sample(range(len(single) - SPOILERS), SINGLE_LINES)
    rows = [*few, *range(len(single), len(labelled))]
    return Examples(tokens, task, severity, spoils, held_out), lines(
        encoder, [labelled[row] for row in rows], [tokens[row] for row in rows]
    )


def loss(reader: InstructionReader, data: Examples, rows: Tensor) -> Tensor:
    """Cross-entropies of the class and of the yes-no outputs, plus the error of the strength."""
    tokens, mask = pad_tokens([data.tokens[int(row)] for row in rows])
    # Token dropout, so that no reading depends on a single word.
    kept = mask & (torch.rand(mask.shape) > 0.1)
    kept[:, 0] = True
    out = reader(tokens * kept[..., None], kept)
    task, severity, spoils = data.task[rows], data.severity[rows], data.spoils[rows]
    single = task >= 0
    classed = single & ~spoils
    asks = single & (task != CLASSES.index(NONE))
    named = ~severity.isnan()
    total = functional.binary_cross_entropy_with_logits(out.compound, (~single).float())
    total = total + functional.binary_cross_entropy_with_logits(out.spoils, spoils.float())
    # A batch of similar lengths may lack a kind of sentence altogether, and a mean over nothing is NaN.
    if classed.any():
        total = total + functional.cross_entropy(out.logits[classed], task[classed], label_smoothing=0.05)
    if asks.any():
        total = total + 0.5 * functional.binary_cross_entropy_with_logits(out.named[asks], named[asks].float())
    if named.any():
        error = functional.smooth_l1_loss(out.severity[named], severity[named], beta=0.2, reduction="none")
        # Only for brightness does the strength have a sign, and darkening for brightening is the worst of all mistakes.
        weight = torch.where(task[named] == CLASSES.index("brightness"), 6.0, 2.0)
        total = total + (weight * error).mean()
    return total


def batches(data: Examples, rows: Tensor) -> list[Tensor]:
    """``rows`` in random batches of sentences of similar length, so that little is computed for padding."""
    shuffled = rows[torch.randperm(len(rows))]
    pools = [
        pool[torch.tensor([len(data.tokens[int(row)]) for row in pool]).argsort()]
        for pool in torch.split(shuffled, 8192)
    ]
    all_batches = [batch for pool in pools for batch in torch.split(pool, BATCH)]
    return [all_batches[int(index)] for index in torch.randperm(len(all_batches))]


def train(data: Examples, rows: Tensor, seed: int = SEED, epochs: int = EPOCHS) -> InstructionReader:
    """A reader trained from scratch on ``rows`` of ``data``; the same for the same seed on the same machine."""
    torch.manual_seed(seed)
    reader = InstructionReader()
    optimiser = torch.optim.AdamW(reader.parameters(), lr=RATE, weight_decay=0.05)
    steps = epochs * len(batches(data, rows))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    reader.train()
    for epoch in range(epochs):
        running = 0.0
        for batch in batches(data, rows):
            value = loss(reader, data, batch)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            running += float(value.detach()) * len(batch) / len(rows)
        print(f"epoch {epoch + 1}/{epochs}: loss {running:.3f}", flush=True)
    return reader.half().float().eval()  # what is measured is what is stored


def calibrate(data: Examples, seed: int = SEED, epochs: int = EPOCHS) -> None:
    """Prints, for templates left out of training, the shares that are understood and refused.

    One line for each weight of the word vote and each threshold. The step finder is left out, as it is trained on all
    templates.
    """
    rows = torch.nonzero(data.held_out & ~data.spoils).flatten()
    texts = [utterance.text for utterance in utterances(seed)[:-SPOILERS] if is_held_out(utterance)]
    words = train_words(seed, accepts=lambda utterance: not is_held_out(utterance))
    reader = train(data, torch.nonzero(~data.held_out).flatten(), seed, epochs)
    with torch.inference_mode():
        own = torch.cat([reader(*pad_tokens([data.tokens[int(row)]])).logits.log_softmax(dim=1) for row in rows])
        by_words = words([grams(text) for text in texts])
        refused = {
            spoil: _share_of_fault_requests(reader, data, data.held_out & (data.spoils == spoil))
            for spoil in (True, False)
        }
    print(f"asks for faults: {refused[True]:.1f} % told, and {refused[False]:.1f} % of all else by mistake")
    nothing = CLASSES.index(NONE)
    labels = data.task[rows]
    requests = labels != nothing
    for weight in (0.0, 0.2, 0.3, 0.4, 0.5):
        best = ((1 - weight) * own + weight * by_words).softmax(dim=1).max(dim=1)
        for threshold in (0.3, 0.35, 0.4, 0.45, 0.5):
            correct = torch.where(best.values >= threshold, best.indices, nothing) == labels
            understood, refused_share = (100 * float(correct[which].float().mean()) for which in (requests, ~requests))
            print(
                f"words {weight:.1f}, at {threshold:.2f}: {understood:.1f} % understood, {refused_share:.1f} % refused"
            )


def _share_of_fault_requests(reader: InstructionReader, data: Examples, which: Tensor) -> float:
    """Percentage of the sentences that are taken to ask for a fault."""
    rows = torch.nonzero(which).flatten()
    share_detected = torch.cat([reader(*pad_tokens([data.tokens[int(row)]])).spoils for row in rows])
    return 100 * float((share_detected > 0).float().mean())


def main() -> None:
    """Trains the bundled reader, or calibrates the weight of its word vote and its threshold."""
    from llars.weights.reader import bundle_reader

    parser = argparse.ArgumentParser(description="Train the instruction reader.")
    parser.add_argument("--cache", type=Path, help="npz file that keeps the encoded sentences between runs")
    parser.add_argument("--calibrate", action="store_true", help="print understanding by threshold, write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = SentenceEncoder()
    data, marked_lines = examples(encoder, SEED, arguments.cache)
    if arguments.calibrate:
        calibrate(data)
        return
    reader = train(data, torch.arange(len(data)))
    reader.steps = train_steps(marked_lines, SEED).half().float()
    reader.words = train_words(SEED).half().float()
    path = bundle_reader(reader, {"classes": CLASSES, "seed": SEED}, vocabulary(encoder.knows))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
