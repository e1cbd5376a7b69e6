"""The command line: parses arguments, calls the library, prints results. Heavy modules are imported inside commands."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

import llars
from llars._batching import batching
from llars._console import (
    FAULT,
    INTERRUPTED,
    MISTAKE,
    OK,
    fail,
    hush_libraries,
    in_digits,
    missing,
    print_json,
    print_table,
    progress_bar,
    say,
    tell,
    written,
)
from llars._data_commands import configured, configured_folder, data
from llars._diagnosing import diagnosing
from llars._exporting import exporting
from llars._options import (
    DEFAULT_MODEL,
    Config,
    Device,
    Guides,
    Input,
    Json,
    Model,
    Overrides,
    Overwrite,
    Project,
    Prompts,
    Quiet,
    Scale,
    SensorName,
    joined,
)
from llars._serving import serving
from llars._tuning import tuning
from llars.errors import LlarsError

__all__ = ["main", "run"]

app = typer.Typer(
    name="llars",
    help="Restore satellite images by instruction: one model, any set of bands.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help opens faster and can be searched
)
app.add_typer(data, name="data")
app.add_typer(batching)
app.add_typer(exporting)
app.add_typer(diagnosing)
app.add_typer(serving)
app.add_typer(tuning)

Output = Annotated[Path, typer.Argument(metavar="OUTPUT", help="GeoTIFF to write; a COG when it ends in .cog.tif.")]
Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FOLDER]", help="Imagery with its scenes.json, or public sets; default: `folder` of CONFIG."
    ),
]
Adapters = Annotated[
    list[Path] | None, typer.Option("--adapter", help="File of `llars tune` for this model; several add up.")
]
Tile = Annotated[int | None, typer.Option("--tile", help="Side of the pieces worked on at a time, in pixels.")]
MaxMemory = Annotated[
    str | None, typer.Option("--max-memory", help="Memory to use: 4GB. Default: 2GB, or half of the machine's if less.")
]
Uncertainty = Annotated[
    Path | None, typer.Option("--uncertainty", help="Also write the standard deviation of each pixel to this file.")
]
Invented = Annotated[
    Path | None,
    typer.Option("--invented", help="Also write which pixels were filled under clouds (1) or invented detail (2)."),
]
Preview = Annotated[Path | None, typer.Option("--preview", help="Also write a picture, before and after: PNG.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also write a page about what was done: HTML.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep finished tiles, and reuse those of an interrupted run.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Restore satellite images by instruction: one model, any set of bands."""
    if version:
        print(f"llars {llars.__version__}")
        raise typer.Exit(OK)


@app.command()
def restore(
    source: Input,
    output: Output,
    prompts: Prompts = None,
    guides: Guides = None,
    scale: Scale = None,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    adapters: Adapters = None,
    device: Device = "auto",
    tile: Tile = None,
    max_memory: MaxMemory = None,
    project: Project = True,
    uncertainty: Uncertainty = None,
    invented: Invented = None,
    preview: Preview = None,
    report: Report = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Restore an image as instructed."""
    from llars.infer.job import files_by_role, restore_file
    from llars.infer.tiling.allocator import keep_freed

    keep_freed()
    with progress_bar(quiet) as progress:
        done = restore_file(
            source,
            output,
            joined(prompts),
            guides=files_by_role(guides or []),
            scale=scale,
            sensor=sensor,
            model=model,
            adapters=adapters or [],
            device=device,
            tile=tile,
            max_memory=max_memory,
            project=project,
            uncertainty=uncertainty,
            invented=invented,
            preview=preview,
            report=report,
            overwrite=overwrite,
            resume=resume,
            progress=progress,
        )
    say([] if quiet else [*done.notes, *written(done.output, done.seconds, done.steps)])


@app.command()
def degrade(
    source: Input,
    output: Output,
    task: Annotated[str, typer.Option("--task", help="Task from `llars tasks` whose fault is simulated.")],
    severity: Annotated[float, typer.Option("--severity", help="Strength in [0, 1].")] = 0.5,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same result.")] = 0,
    sensor: SensorName = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a fault in an image."""
    from llars.infer.job import degrade_file

    say(degrade_file(source, output, task, severity=severity, seed=seed, sensor=sensor, overwrite=overwrite).notes)


@app.command()
def compare(
    image: Input,
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The truth, on the same grid.")],
    sensor: SensorName = None,
    as_json: Json = False,
) -> None:
    """Measure how close an image is to its reference: PSNR, SSIM, SAM, ..."""
    from llars.infer.comparison import compare_files

    compared = compare_files(image, reference, sensor=sensor)
    say(compared.notes)
    if as_json:
        print_json(compared.metrics)
    else:
        print_table([(name, in_digits(value)) for name, value in compared.metrics.items()])


@app.command()
def tasks(as_json: Json = False) -> None:
    """List what can be asked for, and which models do it."""
    from dataclasses import asdict

    from llars.tasks import TASKS
    from llars.weights.registry import models

    able = {task.key: [entry.name for entry in models() if task.key in entry.tasks] for task in TASKS}
    if as_json:
        print_json([{**asdict(task), "models": able[task.key]} for task in TASKS])
    else:
        print_table(
            [(task.key, task.title, f'"{task.instruction}"', ", ".join(able[task.key]) or "not yet") for task in TASKS]
        )


@app.command()
def sensors(as_json: Json = False) -> None:
    """List the sensors whose bands and units are known."""
    from llars.sensors import SENSORS

    if as_json:
        print_json(list(SENSORS.values()))
    else:
        print_table(
            [(one.name, one.title, one.units, " ".join(band.name for band in one.bands)) for one in SENSORS.values()]
        )


@app.command("models")
def list_models(as_json: Json = False) -> None:
    """List the bundled weights."""
    from llars.weights.registry import models

    if as_json:
        print_json(list(models()))
    else:
        print_table([(one.name, f"{one.parameters / 1e6:.1f} M", one.title, " ".join(one.tasks)) for one in models()])


@app.command()
def train(
    config: Config,
    overrides: Overrides = None,
    max_time: Annotated[str | None, typer.Option("--max-time", help="Stop after this long: 90m, 2h, 1h30m.")] = None,
) -> None:
    """Train a model; started again, it goes on where it stopped. Several processes: torchrun -m llars train."""
    from llars.train import loop
    from llars.train.config import minutes

    budget = [] if max_time is None else [f"max_minutes={minutes(max_time)}"]
    loop.main(config, [*(overrides or []), *budget], say=lambda line: say([line]))


@app.command()
def evaluate(
    config: Config,
    folder: Folder = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for results.md and its pictures; default: `out` of CONFIG, or docs."),
    ] = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
) -> None:
    """Measure a model per task and data set, beside classical rivals."""
    from llars.bench.evaluate import run as measure

    images, report = folder or configured_folder(config), out or configured(config, "out") or Path("docs")
    print(measure(config, images, report, model=model, device=device, progress=tell).read_text("utf-8"), end="")


def main() -> None:
    """Entry point of the ``llars`` command."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 success, 2 error of the user, 1 error in llars, 130 interrupted."""
    hush_libraries()
    try:
        # Not app(...): it would turn a closed pipe into exit code 1.
        command = typer.main.get_command(app)
        with command.make_context("llars", list(arguments) or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
        return OK
    except typer.Exit as done:
        return done.exit_code
    except LlarsError as mistake:
        return fail(str(mistake), MISTAKE)
    except TyperException as mistake:
        path = getattr(getattr(mistake, "ctx", None), "command_path", "llars")
        return fail(f"{mistake.format_message().rstrip('.')}; see `{path} --help`", MISTAKE)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader closed the pipe (`llars sensors | head`); keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as fault:
        if isinstance(fault, ModuleNotFoundError) and not str(fault.name).startswith("llars"):
            return fail(missing(str(fault.name)), MISTAKE)
        return fail(f"{type(fault).__name__}: {fault}; this is a bug in llars: set LLARS_DEBUG=1 to see where", FAULT)
