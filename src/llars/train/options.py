"""Options that the trainings of all small networks have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["parser_of", "settings_of"]


def parser_of(module: str | None, batches: int, rate: float) -> argparse.ArgumentParser:
    """A parser with these options; ``module`` is the docstring of the training's module."""
    parser = argparse.ArgumentParser(description=(module or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of a corpus with the splits train and val")
    parser.add_argument("--batches", type=int, default=batches)
    parser.add_argument("--run", type=Path, help="folder to keep a checkpoint in")
    parser.add_argument("--seed", type=int, default=0, help="another one for other batches, to train further on")
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate")
    parser.add_argument("--further", action="store_true", help="set out from the bundled weights")
    return parser


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """The options that a result depends on, to be stored with it."""
    return {name: getattr(options, name) for name in ("batches", "seed", "rate", "further")}
