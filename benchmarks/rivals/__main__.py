"""``python -m benchmarks.rivals``: the contest of the learned rivals and llars, and its report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from benchmarks.rivals.contest import KEPT, REPOSITORY, Contest, hold
from benchmarks.rivals.report import write_report
from benchmarks.rivals.sizes import CONTESTANTS
from benchmarks.rivals.specialists import specialise
from llars.errors import LlarsError


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.rivals", description="Learned rivals against llars.")
    parser.add_argument("--corpus", type=Path, help="folder that llars data build wrote")
    parser.add_argument("--out", type=Path, default=KEPT, help=f"folder of a contest, which goes on: {KEPT}")
    parser.add_argument("--cpu-minutes", type=float, help="processor time of each training: the first table")
    parser.add_argument("--steps", help="steps of each training, or 'least': as few as any did in the time")
    parser.add_argument(
        "--specialists", action="store_true", help="also llars on each task alone, for a part of --cpu-minutes and all"
    )
    parser.add_argument("--only", choices=list(CONTESTANTS), help="one contestant")
    parser.add_argument("--without", help="sensors whose names begin with this are left out of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--report", type=Path, nargs="?", const=REPOSITORY / "docs", help="folder for contest.md: docs")
    options = parser.parse_args(arguments)
    if (options.cpu_minutes or options.steps) and not options.corpus:
        parser.error("training needs --corpus")
    if not (options.cpu_minutes or options.steps or options.report):
        parser.error("nothing to do: give --cpu-minutes, --steps or --report")
    if options.specialists and not options.cpu_minutes:
        parser.error("--specialists needs --cpu-minutes, the time of the one model")
    if options.steps not in (None, "least") and not options.steps.isdecimal():
        parser.error(f"--steps {options.steps}: give a number, or 'least'")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Trains what is asked for on one thread, and writes the report; returns 2 on an error that llars reports."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    try:
        if options.cpu_minutes or options.steps:
            names = [options.only] if options.only else list(CONTESTANTS)
            contest = Contest.at(options.corpus, options.without, options.seed, options.batch_size)
            hold(contest, options.corpus, options.out, names, options.cpu_minutes, options.steps)
            if options.specialists:
                specialise(contest, options.corpus, options.out, options.cpu_minutes)
        if options.report:
            write_report(options.out, options.report)
    except LlarsError as error:
        sys.stderr.write(f"benchmarks.rivals: error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
