"""The command for many scenes: `llars batch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llars._console import MISTAKE, fail, progress_bar, say
from llars._options import DEFAULT_MODEL, Device, Model, Project, Prompts, Quiet, Scale, SensorName, joined

if TYPE_CHECKING:
    from llars.infer.batch import Summary

__all__ = ["batching"]

batching = typer.Typer(rich_markup_mode=None)


@batching.command()
def batch(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="Folder, glob, list (.txt), table (.csv, .parquet), STAC (.json).")
    ],
    folder: Annotated[Path, typer.Argument(metavar="OUTDIR", help="Folder for results, journal and report.")],
    prompts: Prompts = None,
    engine: Annotated[str, typer.Option("--engine", help="local, dask or ray.")] = "local",
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes on this machine.")] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="Address of a running Dask scheduler or Ray cluster.")
    ] = None,
    scale: Scale = None,
    project: Project = True,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    max_memory: Annotated[
        str | None, typer.Option("--max-memory", help="Memory for all processes: 8GB. Default: half of the machine's.")
    ] = None,
    cog: Annotated[bool, typer.Option("--cog", help="Write Cloud Optimized GeoTIFFs, NAME.cog.tif.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is not a result of the input.")] = False,
    quiet: Quiet = False,
) -> None:
    """Restore many scenes; started again, it does what is missing."""
    from llars.infer.batch import Settings, restore_batch

    with progress_bar(quiet) as progress:
        summary = restore_batch(
            manifest,
            folder,
            joined(prompts),
            engine=engine,
            workers=workers,
            address=address,
            settings=Settings(sensor=sensor, scale=scale, project=project),
            model=model,
            device=device,
            max_memory=max_memory,
            cog=cog,
            retry_failed=retry_failed,
            overwrite=overwrite,
            progress=progress,
        )
    _tell(summary, folder, quiet)


def _tell(summary: "Summary", folder: Path, quiet: bool) -> None:
    for source, reason in summary.failed:
        fail(f"{source}: {reason.removeprefix(source).lstrip(': ')}", MISTAKE)
    if not quiet:
        counts = f"{summary.done} restored, {summary.kept} done before, {len(summary.failed)} failed"
        say([f"{counts}, in {summary.seconds:.1f} s; see {folder / 'report.html'}"])
    if summary.failed:
        raise typer.Exit(MISTAKE)
