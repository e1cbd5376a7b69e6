"""The command that diagnoses the faults of an image: `llars diagnose`."""

from pathlib import Path
from typing import Annotated

import typer

from llars._console import print_json, print_table, say
from llars._options import DEFAULT_MODEL, Device, Input, Json, Model, SensorName

__all__ = ["diagnosing"]

diagnosing = typer.Typer(rich_markup_mode=None)


@diagnosing.command()
def diagnose(
    source: Input,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    picture: Annotated[Path | None, typer.Option("--picture", help="Also draw the findings: PNG.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
    as_json: Json = False,
) -> None:
    """Diagnose the faults of an image, and suggest a prompt."""
    from llars.infer.job import diagnose_file

    notes: list[str] = []
    found = diagnose_file(
        source, sensor=sensor, model=model, device=device, picture=picture, overwrite=overwrite, say=notes.append
    )
    say(notes)
    if as_json:
        print_json(found)
    elif found:
        print_table([(one.fault, one.strength, one.where, f'-p "{one.prompt}"') for one in found])
    else:
        print_table([("nothing wrong was found",)])
