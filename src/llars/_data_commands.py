"""The commands under ``llars data``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from llars._console import MISTAKE, fail, tell
from llars._options import Config, Overrides
from llars.errors import ConfigError

__all__ = ["configured", "configured_folder", "data"]

data = typer.Typer(help="Pack imagery for training.", rich_markup_mode=None)

DataFolder = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="Where sources lie; default: `folder` of the configuration.")
]


@data.command("build")
def data_build(config: Config, folder: DataFolder = None, overrides: Overrides = None) -> None:
    """Pack imagery and public data sets into shards; started again, it goes on where it stopped."""
    from llars.data.build import build, read_plan

    manifest = build(read_plan(config, folder, overrides or []), tell)
    for split, packed in manifest["splits"].items():
        print(f"{split}: {packed['samples']} samples, {packed['scenes']} images, {packed['bytes'] / 1e6:.0f} MB")
    report(manifest["faults"])


@data.command("check")
def data_check(config: Config, overrides: Overrides = None) -> None:
    """Look for missing, corrupt and doubled samples, and for places that two splits share."""
    from llars.data.build import read_plan
    from llars.data.check import check

    report(check(read_plan(config, None, overrides or []).out))
    print("nothing is missing, corrupt or shared between splits")


@data.command("stats")
def data_stats(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option("--out", help="Picture to write: PNG.")] = Path("corpus.png"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
) -> None:
    """Draw what is in a corpus: tasks, sensors, bands, severities, and a contact sheet."""
    from llars.data.build import read_plan
    from llars.data.stats import draw, lines

    corpus = read_plan(config, None, overrides or []).out
    print("\n".join(lines(corpus)))
    draw(corpus, out, overwrite)


def report(faults: Sequence[str]) -> None:
    """Print faults, one line each, and exit with an error code if there are any."""
    for line in faults:
        fail(line, MISTAKE)
    if faults:
        raise typer.Exit(MISTAKE)


def configured_folder(config: Path) -> Path:
    """The folder of imagery that a configuration names. Raises ConfigError if it names none."""
    folder = configured(config, "folder")
    if folder is None:
        raise ConfigError(f"{config} names no folder of imagery; add `folder:` to it or give FOLDER")
    return folder


def configured(config: Path, key: str) -> Path | None:
    """The path under a key of a configuration; None if there is none. Raises ConfigError if the file is unreadable."""
    from llars.data.settings import read_settings

    found = read_settings(config, "configs/eval/").get(key)
    if found is not None and not isinstance(found, str):
        raise ConfigError(f"found {key}: {found} in {config}, expected a path; write it in quotes")
    return Path(found) if found else None
