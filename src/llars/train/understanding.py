"""How well instructions are understood in wording not seen in training: the figures and the confusion matrix.

Run ``python -m llars.train.understanding`` for the bundled reader on held-out templates, and add
``--real tests/text/real_sentences.yaml`` for sentences that people wrote, ``--blind file.yaml`` for totals alone, and
``--page docs/understanding.md`` for the page with all figures.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import torch
import yaml

from llars.model.reading import CLASSES, SURE, Reading
from llars.text.clauses import Clause, requests, without_negated
from llars.text.composites import Composite, composite
from llars.text.direction import direction
from llars.text.encoder import SentenceEncoder
from llars.text.grammar import NONE, SPLITS, Utterance, core, corpus
from llars.text.templates import KINDS, cores

__all__ = ["Understanding", "evaluate", "understood"]

PER_TASK, IRRELEVANT, COMPOSITES, NEGATIONS = 150, 400, 400, 200

_PAGE_HEAD = """# How well instructions are understood

Made by `python -m llars.train.understanding` with the options `--real tests/text/real_sentences.yaml
tests/text/fresh_sentences.yaml tests/text/third_sentences.yaml tests/text/fourth_sentences.yaml
--blind tests/text/fourth_blind_sentences.yaml tests/text/fifth_blind_sentences.yaml --page docs/understanding.md`;
what each set of sentences is and who had seen it when, says the card of the reader,
`src/llars/weights/llars-reader.md`.

Single tasks, composites and negations count as understood when all their tasks are read, in order; irrelevant words
when they are refused. The error of a strength is the mean of its absolute value.
"""


@dataclass(frozen=True)
class Understanding:
    """The measured figures."""

    shares: dict[str, float]
    """Shares in [0, 1] and errors of strengths, by name of the figure."""

    matrices: dict[str, str]
    """The confusion matrix of each set of held-out templates, as lines of text."""


class TextParser(Protocol):
    """Interface of a reader of text; ``llars.weights.parser`` has the shipped one."""

    def spell(self, text: str) -> str: ...

    def read(self, text: str) -> Reading: ...

    def parts(self, text: str) -> list[Clause[Reading]]: ...


class CachedParser:
    """Caches the reading of each text, as a text may enter several figures."""

    def __init__(self, parser: TextParser) -> None:
        self.spell, self.read, self.parts = cache(parser.spell), cache(parser.read), cache(parser.parts)


def understood(text: str, parser: TextParser) -> tuple[str, ...]:
    """Task keys that are read from ``text``, in order; empty where the text is refused."""
    permitted = without_negated(parser.spell(text))
    if not permitted:
        return ()
    readings = [clause.reading for clause in requests(parser.parts(permitted))]
    return tuple(reading.task for reading in readings if reading.task != NONE and reading.probability >= SURE)


def negated(rng: random.Random, split: str = "heldout") -> Composite:
    """A held-out request followed by a task that is ruled out ("but don't ...")."""
    wanted, other = rng.sample([task for task in CLASSES if task != NONE], 2)
    verbs = {"denoise": "denoise", "deblur": "sharpen", "haze": "dehaze", "destripe": "destripe"}
    forbidden = verbs.get(other, "upscale")
    wanted = wanted if verbs.get(wanted, "upscale") != forbidden else "equalize"
    request = core(wanted, rng.choice(["do", "noun"]), rng, split)
    return Composite(f"{request} {rng.choice(['but', 'and please'])} don't {forbidden} it", (wanted,))


def report(name: str, cases: Sequence[Composite], parser: TextParser, show: int = 8) -> float:
    """Prints and returns the share of cases whose tasks were all understood, in order."""
    mistakes = [(case, answer) for case in cases if (answer := understood(case.text, parser)) != case.tasks]
    share = 1 - len(mistakes) / len(cases)
    print(f"{name:>34}: {100 * share:5.1f} % of {len(cases)}")
    for case, answer in mistakes[:show]:
        print(f"      {case.text!r}: {', '.join(answer) or 'refused'} instead of {', '.join(case.tasks) or 'refused'}")
    return share


def confusion(cases: Sequence[Utterance], parser: TextParser) -> str:
    """Prints and returns the confusion matrix: rows are what was meant, columns what was read first."""
    counts = Counter((case.task, (understood(case.text, parser) or (NONE,))[0]) for case in cases)
    lines = [" " * 10 + "".join(f"{task[:6]:>7}" for task in CLASSES)]
    lines += [f"{meant:>10}" + "".join(f"{counts[meant, found] or '.':>7}" for found in CLASSES) for meant in CLASSES]
    matrix = "\n".join(lines)
    print(f"\n{matrix}")
    return matrix


def templates(cases: Sequence[Utterance], parser: TextParser, split: str = "heldout", show: int = 10) -> None:
    """Prints the share understood by kind of core phrase, and the templates that are understood least."""
    correct: dict[tuple[str, str], list[bool]] = defaultdict(list)
    kinds: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        known_cores = {} if case.task == NONE else cores(case.task, split)
        is_correct = understood(case.text, parser) == (() if case.task == NONE else (case.task,))
        correct[case.task, case.template].append(is_correct)
        for kind in KINDS:
            if case.template in known_cores.get(kind, ()):
                kinds[kind].append(is_correct)
    print("\n" + ", ".join(f"{kind}: {100 * sum(hits) / len(hits):.1f} %" for kind, hits in kinds.items()))
    worst = sorted(correct.items(), key=lambda entry: (sum(entry[1]) / len(entry[1]), -len(entry[1])))
    for (task, template), hits in worst[:show]:
        print(f"      {sum(hits):3d} of {len(hits):3d} {task:>10}: {template}")


def strengths(cases: Sequence[Utterance], parser: TextParser) -> dict[str, float]:
    """Mean absolute error of named strengths, signed for ``brightness``; prints it and the number of wrong signs."""
    errors: dict[str, float] = {}
    for name, tasks in (("brightness", {"brightness"}), ("others", set(CLASSES) - {"brightness", "sr", NONE})):
        named = [case for case in cases if case.task in tasks and case.severity is not None]
        pairs = [(_strength(case.text, parser, name == "brightness"), case.severity or 0.0) for case in named]
        errors[f"error {name}"] = sum(abs(read - meant) for read, meant in pairs) / len(pairs)
        wrong_signs = sum(read * meant < 0 for read, meant in pairs)
        error = errors[f"error {name}"]
        print(f"strength of {name}: mean error {error:.3f}, {wrong_signs} of {len(pairs)} in the other direction")
    return errors


def _strength(text: str, parser: TextParser, has_direction: bool) -> float:
    value = parser.read(text).severity
    strength = 0.5 if value is None else value
    sign = direction(text) if has_direction else 0
    return sign * abs(strength) if sign else strength


def understanding(split: str, parser: TextParser, seed: int) -> tuple[dict[str, float], str]:
    """Prints and returns the figures of one set of held-out templates, and their confusion matrix."""
    single = [u for task in CLASSES for u in corpus(task, PER_TASK, seed, split)]
    rng = random.Random(seed)
    composites = [composite(rng, split) for _ in range(COMPOSITES)]
    cases = {
        "single": [Composite(u.text, (u.task,)) for u in single if u.task != NONE],
        "composite": composites,
        "negated": [negated(rng, split) for _ in range(NEGATIONS)],
        "refused": [Composite(u.text, ()) for u in corpus(NONE, IRRELEVANT, seed, split)],
    }
    shares = {name: report(f"{name}, {split}", chosen, parser) for name, chosen in cases.items()}
    matrix = confusion(single, parser)
    templates(single, parser, split)
    return shares | strengths([u for u in single if u.task != NONE], parser), matrix


def evaluate(parser: TextParser, real: Sequence[Path] = (), blind: Sequence[Path] = (), seed: int = 0) -> Understanding:
    """Prints and returns the figures of both sets of held-out templates, and of files of real sentences.

    No sentence of the ``blind`` files is printed, so that nobody can tune to them.
    """
    parser = CachedParser(parser)
    figures: dict[str, float] = {}
    matrices: dict[str, str] = {}
    for split in SPLITS[1:]:
        shares, matrices[split] = understanding(split, parser, seed)
        figures |= {f"{name}, {split}": share for name, share in shares.items()}
    for path in (*real, *blind):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases = [Composite(case["text"], tuple(case["tasks"])) for case in table]
        for name, count in (("one task", 1), ("several tasks", 2), ("irrelevant", 0)):
            chosen = [case for case in cases if min(len(case.tasks), 2) == count]
            figures[f"{path.stem} {name}"] = report(f"{path.stem}, {name}", chosen, parser, 0 if path in blind else 99)
    return Understanding(figures, matrices)


def understanding_page(figures: Understanding) -> str:
    """The figures as a page of the documentation."""
    rows = ["| sentences | figure |", "| --- | --- |"]
    for name, value in figures.shares.items():
        rows.append(f"| {name} | {value:.3f} |" if name.startswith("error") else f"| {name} | {100 * value:.1f} % |")
    matrices = [
        f'## Confusion of single tasks: templates "{name}"\n\nRows: what was meant. Columns: what was read first.\n\n'
        f"```text\n{matrix}\n```\n"
        for name, matrix in figures.matrices.items()
    ]
    return "\n".join([_PAGE_HEAD, *rows, "", *matrices])


def main() -> None:
    """Prints how well the bundled reader understands."""
    from llars.weights.reader import load_parser

    argument_parser = argparse.ArgumentParser(description="How well the bundled instruction reader understands.")
    argument_parser.add_argument("--real", type=Path, nargs="*", default=[], help="YAML files of real sentences")
    argument_parser.add_argument(
        "--blind", type=Path, nargs="*", default=[], help="YAML files whose totals alone are printed"
    )
    argument_parser.add_argument("--page", type=Path, help="Markdown file to write the figures to")
    arguments = argument_parser.parse_args()
    torch.set_num_threads(1)
    figures = evaluate(load_parser(SentenceEncoder()), arguments.real, arguments.blind)
    if arguments.page:
        arguments.page.write_text(understanding_page(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
