"""The command that writes the network for other programs: `llars export`."""

from pathlib import Path
from typing import Annotated

import typer

from llars._console import say
from llars._options import DEFAULT_MODEL, Model, OneStep, Overwrite, Quiet, SensorName, joined
from llars.errors import ConfigError, InstructionError

__all__ = ["exporting"]

exporting = typer.Typer(rich_markup_mode=None)


@exporting.command()
def export(
    source: Annotated[
        Path, typer.Argument(metavar="SCENE", help="Raster whose bands, encoding and statistics go into the file.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="File to write: .onnx.")],
    prompts: OneStep = None,
    form: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write the network for one instruction and band set as ONNX, for other programs."""
    if form != "onnx":
        raise ConfigError(f"cannot export as {form}; the format is onnx")
    if not prompts:
        raise InstructionError('found no instruction; the network is exported for one step: give -p "reduce the noise"')
    from llars.infer.export import export_file

    report = export_file(source, output, joined(prompts), sensor=sensor, model=model, overwrite=overwrite)
    if not quiet:
        sides = f"tiles: multiples of {report.multiple} px, overlapping by {2 * report.halo} px"
        say([*report.notes, f"{report.step.task} of {len(report.bands)} bands; {sides}"])
