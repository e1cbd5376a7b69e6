"""The commands for many scenes and for other programs: `llars batch` and `llars export`."""

from pathlib import Path
from typing import Annotated

import typer

from llars._console import MISTAKE, OneStep, Prompt, fail, progress_bar, say
from llars.errors import ConfigError, InstructionError

__all__ = ["archive"]

archive = typer.Typer(rich_markup_mode=None)

DEFAULT_MODEL = "llars-small"

SensorName = Annotated[
    str | None, typer.Option("--sensor", help="Name from `llars sensors`, if the file does not tell.")
]
Model = Annotated[str, typer.Option("--model", help="Name from `llars models`, or a weights file.")]


@archive.command()
def batch(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="Folder, glob, list (.txt), table (.csv, .parquet), STAC (.json).")
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="Folder for results, journal and report.")],
    prompt: Prompt = None,
    engine: Annotated[str, typer.Option("--engine", help="local, dask or ray.")] = "local",
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes on this machine.")] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="Address of a running Dask scheduler or Ray cluster.")
    ] = None,
    scale: Annotated[int | None, typer.Option("--scale", help="Make the grid 2, 3 or 4 times finer.")] = None,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    max_memory: Annotated[
        str | None, typer.Option("--max-memory", help="Memory for all processes: 8GB. Default: half of the machine's.")
    ] = None,
    cog: Annotated[bool, typer.Option("--cog", help="Write Cloud Optimized GeoTIFFs, NAME.cog.tif.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is not a result of the input.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Restore many scenes; started again, it does what is missing."""
    from llars.infer.batch import Settings, restore_batch

    with progress_bar(quiet) as progress:
        summary = restore_batch(
            manifest,
            folder,
            prompt or "",
            engine=engine,
            workers=workers,
            address=address,
            settings=Settings(sensor=sensor, scale=scale),
            model=model,
            device=device,
            max_memory=max_memory,
            cog=cog,
            retry_failed=retry_failed,
            overwrite=overwrite,
            progress=progress,
        )
    for source, reason in summary.failed:
        fail(f"{source}: {reason}", MISTAKE)
    if not quiet:
        counts = f"{summary.done} restored, {summary.kept} done before, {len(summary.failed)} failed"
        say([f"{counts}, in {summary.seconds:.1f} s; see {folder / 'report.html'}"])
    if summary.failed:
        raise typer.Exit(MISTAKE)


@archive.command()
def export(
    source: Annotated[
        Path, typer.Argument(metavar="SCENE", help="Raster whose bands, encoding and statistics go into the file.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="File to write: .onnx.")],
    prompt: OneStep = None,
    form: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Write the network for one instruction and band set as ONNX, for other programs."""
    if form != "onnx":
        raise ConfigError(f"cannot export as {form}; the format is onnx")
    if prompt is None:
        raise InstructionError('found no instruction; the network is exported for one step: give -p "reduce the noise"')
    from llars.infer.export import export_file

    report = export_file(source, output, prompt, sensor=sensor, model=model, overwrite=overwrite)
    if not quiet:
        sides = f"tiles: multiples of {report.multiple} px, overlapping by {2 * report.halo} px"
        say([*report.notes, f"{report.step.task} of {len(report.bands)} bands; {sides}"])
