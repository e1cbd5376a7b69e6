"""``python -m benchmarks.adaptation``: trains the base and tunes what is not done yet, or writes the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from benchmarks.adaptation.base import Base, trained
from benchmarks.adaptation.pairs import FAULTS
from benchmarks.adaptation.report import KEPT, keep, write_pages
from benchmarks.adaptation.runs import Ground, Steps, adapt
from llars.errors import LlarsError
from llars.train.tuning.config import METHODS


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adaptation", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"), help="what `llars data build` wrote")
    parser.add_argument("--without", help="sensors whose names begin so are left out of the base, and adapted to")
    parser.add_argument("--cpu-minutes", type=float, default=10.0, help="processor time of the base's training")
    parser.add_argument("--model", default="llars-small", help="preset")
    parser.add_argument("--batch-size", type=int, default=16, help="of the base's training")
    parser.add_argument("--task", choices=list(FAULTS), default=next(iter(FAULTS)), help="what the pairs are of")
    parser.add_argument("--methods", default=",".join(METHODS), help="separated by commas")
    parser.add_argument("--pairs", default="5,20,50", help="numbers of pairs, separated by commas")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each")
    parser.add_argument("--steps", type=int, default=Steps.most, help="of each adaptation, at most")
    parser.add_argument("--evaluate-steps", type=int, default=Steps.between_evaluations, help="between two evaluations")
    parser.add_argument("--out", type=Path, help="folder of the runs; what was interrupted there goes on")
    parser.add_argument("--report", action="store_true", help=f"write docs/adaptation.md; --out goes to {KEPT} first")
    options = parser.parse_args(arguments)
    if not (options.report or options.without):
        parser.error("name the sensor to leave out (--without), or ask for the --report")
    options.methods = options.methods.split(",")
    if unknown := set(options.methods) - set(METHODS):
        parser.error(f"unknown methods {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}")
    try:
        options.pairs = [int(count) for count in options.pairs.split(",")]
    except ValueError:
        parser.error(f"--pairs {options.pairs}: give numbers, separated by commas")
    return options


def compare(options: argparse.Namespace) -> None:
    """Runs all methods with all numbers of pairs; all of them for one seed before the next seed begins."""
    folder = (options.out or Path("runs/adaptation")) / options.without
    base = Base.of(options.corpus, options.without, options.cpu_minutes, options.model, options.batch_size)
    trained(base, options.corpus, folder)
    ground = Ground(options.corpus, options.without, options.task, folder)
    steps = Steps(options.steps, options.evaluate_steps)
    for seed in range(options.seeds):
        for pairs in options.pairs:
            for method in options.methods:
                print(f"{method}, {pairs} pairs, seed {seed}", flush=True)
                done = adapt(ground, method, pairs, seed, steps)
                print(f"{done.gain:+.2f} dB, {done.lost:.2f} lost, {done.cpu_minutes:.1f} minutes", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if everything was done, 2 on an error that llars reports."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    try:
        if options.without:
            compare(options)
        if options.report:
            if options.out is not None:
                keep(options.out)
            print(write_pages())
    except LlarsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
