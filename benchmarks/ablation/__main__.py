"""``python -m benchmarks.ablation``: trains every variant that is not done yet, or writes the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from benchmarks.ablation.report import KEPT, keep, write_page
from benchmarks.ablation.runs import Settings, run, write_inputs
from benchmarks.ablation.variants import VARIANTS
from llars.errors import LlarsError


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if everything was done, 1 on an error that llars reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"), help="what `llars data build` wrote")
    parser.add_argument("--out", type=Path, help="folder of the trainings; one that was interrupted goes on")
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--model", default="llars-small", help="preset")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--only", action="append", choices=list(VARIANTS), metavar="NAME", help=", ".join(VARIANTS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true", help=f"write docs/ablation.md; --out goes to {KEPT} first")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        if options.report:
            if options.out is not None:
                keep(options.out)
            print(write_page())
            return 0
        settings = Settings(options.corpus, options.steps, options.model, options.batch_size)
        folder = options.out or Path("runs/ablation")
        write_inputs(settings, folder)
        for name in options.only or VARIANTS:
            result = run(name, settings, folder)
            print(f"{name}: {result.mean:.2f} dB after {result.steps} steps in {result.cpu_seconds:.0f} s", flush=True)
    except LlarsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
