"""The commands that adapt weights to the user's own images: `llars tune` and `llars merge`."""

from pathlib import Path
from typing import Annotated

import typer

from llars._console import print_table, say
from llars._options import Config, Overrides
from llars.errors import OutputError

__all__ = ["tuning"]

tuning = typer.Typer(rich_markup_mode=None)


@tuning.command()
def tune(config: Config, overrides: Overrides = None) -> None:
    """Adapt a model to images of your own; started again, it goes on where it stopped."""
    from llars.train.tuning.tune import tune as run

    done = run(config, overrides or [], say=lambda line: say([line]))
    print_table(
        [
            ("adapter", f"{done.adapter} ({done.parameters:,} numbers, {done.size / 1000:.0f} kB)"),
            ("held out", f"{done.restored.before:.2f} -> {done.restored.after:.2f} dB ({done.gain:+.2f})"),
            ("other tasks", f"at most {done.lost:.2f} dB lost" if done.others else "not measured"),
            ("report", str(done.folder / "report.md")),
        ]
    )


@tuning.command()
def merge(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Name from `llars models`, or a weights file.")],
    adapters: Annotated[list[Path], typer.Argument(metavar="ADAPTER...", help="Files of `llars tune` for that base.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Weights file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
) -> None:
    """Bake adapters into a weights file of its own."""
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists; choose another name or give --overwrite")
    from llars.weights.adapters import merge as bake

    info = bake(base, adapters, out)
    say([f"{out}: {info.parameters:,} numbers, SHA-256 {info.sha256[:12]}, for --model"])
