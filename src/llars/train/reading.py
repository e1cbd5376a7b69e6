"""Trains the instruction reader on the grammar, through the bundled sentence encoder: a few minutes on one core.

Run ``python -m llars.train.reading src/llars/weights/llars-reader.safetensors``.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from llars.model.reading import CLASSES, SURE, InstructionReader, Reading, pad_tokens
from llars.tasks import TASKS
from llars.text.clauses import clauses, without_negated
from llars.text.composites import Composite, composite
from llars.text.encoder import SentenceEncoder
from llars.text.grammar import NONE, Utterance, core, corpus

SEED = 0
PER_TASK, IRRELEVANT, COMPOSITES = 3000, 7000, 8000
EPOCHS, BATCH, RATE = 8, 128, 2e-3
CANONICAL_REPEATS = 15


@dataclass
class Examples:
    """Sentences with what is to be read in them."""

    tokens: list[Tensor]
    """``(token, 384)`` float16 each."""

    task: Tensor
    """``(n,)`` index into ``CLASSES``; -1 for composites."""

    severity: Tensor
    """``(n,)``, NaN where none is named."""

    def __len__(self) -> int:
        return len(self.tokens)


def examples(encoder: SentenceEncoder, seed: int) -> Examples:
    """The training sentences, encoded."""
    single = [u for task in CLASSES for u in corpus(task, IRRELEVANT if task == NONE else PER_TASK, seed)]
    # The sentences that the documentation teaches must be among those that are learnt.
    plain = {task.key: 0.5 if task.key == "brightness" else None for task in TASKS}
    single += [Utterance(task.instruction, task.key, plain[task.key]) for task in TASKS] * CANONICAL_REPEATS
    rng = random.Random(seed)
    texts = [u.text for u in single] + [composite(rng).text for _ in range(COMPOSITES)]
    tokens = [torch.from_numpy(array).half() for array in encoder.tokens(texts)]
    task = torch.tensor([CLASSES.index(u.task) for u in single] + [-1] * COMPOSITES)
    nan = float("nan")
    severity = torch.tensor([nan if u.severity is None else u.severity for u in single] + [nan] * COMPOSITES)
    return Examples(tokens, task, severity)


def loss(reader: InstructionReader, data: Examples, rows: Tensor) -> Tensor:
    """Cross-entropy of the class, of "names a strength" and of "asks for several", and the error of the strength."""
    tokens, mask = pad_tokens([data.tokens[int(row)] for row in rows])
    # Words go missing, so that no reading hangs on a single one.
    shown = mask & (torch.rand(mask.shape) > 0.1)
    shown[:, 0] = True
    out = reader(tokens * shown[..., None], shown)
    task, severity = data.task[rows], data.severity[rows]
    single = task >= 0
    total = functional.cross_entropy(out.logits[single], task[single], label_smoothing=0.05)
    total = total + functional.binary_cross_entropy_with_logits(out.compound, (~single).float())
    asks = single & (task != CLASSES.index(NONE))
    named = ~severity.isnan()
    total = total + 0.5 * functional.binary_cross_entropy_with_logits(out.named[asks], named[asks].float())
    return total + 2 * functional.smooth_l1_loss(out.severity[named], severity[named], beta=0.2)


def train(encoder: SentenceEncoder, seed: int = SEED, epochs: int = EPOCHS) -> InstructionReader:
    """A reader trained from scratch; the same for the same seed on the same machine."""
    torch.manual_seed(seed)
    data = examples(encoder, seed)
    reader = InstructionReader()
    optimiser = torch.optim.AdamW(reader.parameters(), lr=RATE, weight_decay=0.05)
    steps = epochs * (len(data) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    reader.train()
    for epoch in range(epochs):
        order = torch.randperm(len(data))
        running = 0.0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            value = loss(reader, data, order[start : start + BATCH])
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            running += float(value.detach()) * BATCH / len(order)
        print(f"epoch {epoch + 1}/{epochs}: loss {running:.3f}", flush=True)
    return reader.eval()


def understood(text: str, read: Callable[[str], Reading]) -> tuple[str, ...]:
    """Task keys that are read in ``text``, in order; empty where it is refused."""
    allowed = without_negated(text)
    if not allowed:
        return ()
    found = [clause.reading for clause in clauses(allowed, read)]
    return tuple(reading.task for reading in found if reading.task != NONE and reading.probability >= SURE)


def negated(rng: random.Random) -> Composite:
    """A held-out request beside another that is forbidden."""
    wanted, other = rng.sample([task for task in CLASSES if task != NONE], 2)
    verbs = {"denoise": "denoise", "deblur": "sharpen", "haze": "dehaze", "destripe": "destripe"}
    forbidden = verbs.get(other, "upscale")
    wanted = wanted if verbs.get(wanted, "upscale") != forbidden else "equalize"
    said = core(wanted, rng.choice(["do", "noun"]), rng, "heldout")
    return Composite(f"{said} {rng.choice(['but', 'and please'])} don't {forbidden} it", (wanted,))


def report(name: str, cases: Sequence[Composite], read: Callable[[str], Reading], show: int = 8) -> float:
    """Prints and returns the share of cases whose tasks were all understood, in order."""
    wrong = [(case, found) for case in cases if (found := understood(case.text, read)) != case.tasks]
    share = 1 - len(wrong) / len(cases)
    print(f"{name:>34}: {100 * share:5.1f} % of {len(cases)}")
    for case, found in wrong[:show]:
        print(f"      {case.text!r}: {', '.join(found) or 'refused'} instead of {', '.join(case.tasks) or 'refused'}")
    return share


def confusion(cases: Sequence[Utterance], read: Callable[[str], Reading]) -> None:
    """Prints rows of what was meant against columns of what was read first."""
    counts = Counter((case.task, (understood(case.text, read) or (NONE,))[0]) for case in cases)
    print("\n" + " " * 10 + "".join(f"{task[:6]:>7}" for task in CLASSES))
    for meant in CLASSES:
        print(f"{meant:>10}" + "".join(f"{counts[meant, found] or '.':>7}" for found in CLASSES))


def evaluate(
    encoder: SentenceEncoder, reader: InstructionReader, real: Path | None, seed: int = SEED
) -> dict[str, float]:
    """Understanding of held-out templates, and of a file of real sentences where one is given."""

    @cache
    def read(text: str) -> Reading:
        return reader.read(encoder.tokens([text]))[0]

    single = [u for task in CLASSES for u in corpus(task, 150, seed, "heldout")]
    asked = [Composite(u.text, (u.task,)) for u in single if u.task != NONE]
    refused = [Composite(u.text, ()) for u in corpus(NONE, 400, seed, "heldout")]
    rng = random.Random(seed)
    several = [composite(rng, "heldout") for _ in range(400)]
    forbidding = [negated(rng) for _ in range(200)]
    found = {
        "single": report("single tasks, held-out templates", asked, read),
        "composite": report("composites, held-out templates", several, read),
        "negated": report("negations, held-out templates", forbidding, read),
        "refused": report("irrelevant, held-out templates", refused, read),
    }
    confusion(single, read)
    if real is not None:
        cases = [
            Composite(case["text"], tuple(case["tasks"])) for case in yaml.safe_load(real.read_text(encoding="utf-8"))
        ]
        for name, count in (("one task", 1), ("several tasks", 2), ("irrelevant", 0)):
            chosen = [case for case in cases if min(len(case.tasks), 2) == count]
            found[f"real {name}"] = report(f"real sentences, {name}", chosen, read, show=99)
    return found


def main() -> None:
    """Trains, writes the weights in half precision, and prints how well they understand."""
    parser = argparse.ArgumentParser(description="Train the instruction reader.")
    parser.add_argument("output", type=Path, help="safetensors file to write")
    parser.add_argument("--real", type=Path, help="YAML file of real sentences to test on as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = SentenceEncoder()
    reader = train(encoder)
    reader.half().float()  # what is measured below is what is stored
    scores = evaluate(encoder, reader, arguments.real)
    tensors = {name: tensor.half().contiguous() for name, tensor in reader.state_dict().items()}
    summary = json.dumps({"classes": CLASSES, "seed": SEED, "scores": scores})
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(arguments.output), metadata={"llars-reader": summary})
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
