"""Arguments and options that several commands have."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from llars.errors import InstructionError, RasterError

__all__ = [
    "DEFAULT_MODEL",
    "Config",
    "Device",
    "Guides",
    "Input",
    "Json",
    "Model",
    "OneStep",
    "Overrides",
    "Overwrite",
    "Project",
    "Prompts",
    "Quiet",
    "Scale",
    "SensorName",
    "joined",
]

DEFAULT_MODEL = "llars-small"


def _named(text: str) -> Path:
    """The path of an input. An empty one would be the current folder."""
    if not text.strip():
        raise RasterError("found an empty name as input, expected that of a raster or product; is a variable unset?")
    return Path(text)


Input = Annotated[
    Path,
    typer.Argument(metavar="INPUT", help="GeoTIFF or any raster that GDAL reads.", show_default=False, parser=_named),
]


def _worded(text: str) -> str:
    """A prompt. An empty one, as an unset variable of a shell gives, must not repair what was never asked for."""
    if not text.strip():
        raise InstructionError(
            'found an empty prompt, expected what to do: -p "reduce the noise"; without -p, what the '
            "diagnosis finds is repaired"
        )
    return text


def joined(prompts: Iterable[str] | None) -> str:
    """All the prompts of a command as one, in their order; empty if there is none."""
    return ", then ".join(prompts or [])


Project = Annotated[
    bool, typer.Option("--projection/--no-projection", help="Keep the mean of every input pixel on a finer grid.")
]
Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        "-p",
        metavar="PROMPT",
        help='What to do: "remove the stripes, then the noise". Default: what the image needs.',
        parser=_worded,
    ),
]

OneStep = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        "-p",
        metavar="PROMPT",
        help='What the network is to do, in one step: "reduce the noise". Required.',
        parser=_worded,
    ),
]

Guides = Annotated[
    list[str] | None,
    typer.Option("--guide", metavar="ROLE=FILE", help="Image that helps: sar, pan, fine_before, coarse_before."),
]
Scale = Annotated[int | None, typer.Option("--scale", help="Make the grid 2, 3 or 4 times finer.")]
SensorName = Annotated[
    str | None, typer.Option("--sensor", help="Name from `llars sensors`, if the file does not tell.")
]
Model = Annotated[str, typer.Option("--model", help="Name from `llars models`, or a weights file.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE ...]", help="Settings to override.")]
