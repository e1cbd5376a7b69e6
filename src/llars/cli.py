"""The command line: it parses, hands over, and prints. Nothing heavy is imported before a command needs it."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

import llars
from llars.errors import LlarsError

__all__ = ["main", "run"]

OK, FAULT, MISTAKE, INTERRUPTED = 0, 1, 2, 130

DEFAULT_MODEL = "llars-small"

app = typer.Typer(
    name="llars",
    help="Restore satellite images by instruction: one model, any set of bands.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help opens faster and can be searched
)
data = typer.Typer(help="Pack imagery for training.", rich_markup_mode=None)
app.add_typer(data, name="data")

Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="GeoTIFF or any raster that GDAL reads.", show_default=False)
]
Output = Annotated[Path, typer.Argument(metavar="OUTPUT", help="GeoTIFF to write; a COG when it ends in .cog.tif.")]
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE ...]", help="Settings to override.")]
SensorName = Annotated[
    str | None, typer.Option("--sensor", help="Name from `llars sensors`, where the file does not say.")
]
Model = Annotated[str, typer.Option("--model", help="Name from `llars models`, or a weights file.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


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
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", help='What to do: "remove the stripes, then the noise".')
    ] = "",
    scale: Annotated[int | None, typer.Option("--scale", help="Make the grid 2, 3 or 4 times finer.")] = None,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    tile: Annotated[
        int | None, typer.Option("--tile", help="Side of the pieces worked on at a time, in pixels.")
    ] = None,
    uncertainty: Annotated[
        Path | None, typer.Option("--uncertainty", help="Also write the standard deviation of each pixel to this file.")
    ] = None,
    preview: Annotated[
        Path | None, typer.Option("--preview", help="Also write a picture, before and after: PNG.")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Make an image better as the instruction says."""
    from llars.infer.job import restore_file

    with _progress(quiet) as progress:
        restore_file(
            source,
            output,
            prompt,
            scale=scale,
            sensor=sensor,
            model=model,
            device=device,
            tile=tile,
            uncertainty=uncertainty,
            preview=preview,
            overwrite=overwrite,
            progress=progress,
            say=_silent if quiet else _say,
        )


@app.command()
def diagnose(
    source: Input,
    sensor: SensorName = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Tell what is wrong with an image, and the prompt to fix it."""
    scene = llars.open_scene(source, sensor=sensor)
    found = llars.load(model, device=device).diagnose(scene)
    if as_json:
        _print_json(found)
    else:
        _print_table([(one.task, f"{one.severity:.2f}", f'-p "{one.prompt}"') for one in found] or [("nothing",)])


@app.command()
def degrade(
    source: Input,
    output: Output,
    task: Annotated[str, typer.Option("--task", help="Task from `llars tasks` whose fault is put in.")],
    severity: Annotated[float, typer.Option("--severity", help="Strength in [0, 1].")] = 0.5,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same result.")] = 0,
    sensor: SensorName = None,
    overwrite: Overwrite = False,
) -> None:
    """Put a controlled fault into an image."""
    from llars.infer.job import degrade_file

    degrade_file(source, output, task, severity=severity, seed=seed, sensor=sensor, overwrite=overwrite)


@app.command()
def compare(
    image: Input,
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The truth, on the same grid.")],
    sensor: SensorName = None,
    as_json: Json = False,
) -> None:
    """Measure how close an image is to its reference: PSNR, SSIM, SAM, ..."""
    from llars.infer.job import compare_files

    measured = compare_files(image, reference, sensor=sensor)
    if as_json:
        _print_json(measured)
    else:
        _print_table([(name, f"{value:.4f}") for name, value in measured.items()])


@app.command()
def tasks(as_json: Json = False) -> None:
    """List what can be asked for, and which models do it."""
    from llars.tasks import TASKS
    from llars.weights.registry import models

    able = {task.key: [entry.name for entry in models() if task.key in entry.tasks] for task in TASKS}
    if as_json:
        _print_json([{**_plain(task), "models": able[task.key]} for task in TASKS])
    else:
        _print_table(
            [(task.key, task.title, f'"{task.instruction}"', ", ".join(able[task.key]) or "not yet") for task in TASKS]
        )


@app.command()
def sensors(as_json: Json = False) -> None:
    """List the sensors whose bands and units are known."""
    from llars.sensors import SENSORS

    if as_json:
        _print_json(list(SENSORS.values()))
    else:
        _print_table(
            [(one.name, one.title, one.units, " ".join(band.name for band in one.bands)) for one in SENSORS.values()]
        )


@app.command("models")
def list_models(as_json: Json = False) -> None:
    """List the bundled weights."""
    from llars.weights.registry import models

    if as_json:
        _print_json(list(models()))
    else:
        _print_table([(one.name, f"{one.parameters / 1e6:.1f} M", one.title, " ".join(one.tasks)) for one in models()])


@data.command("build")
def data_build(
    config: Config,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Imagery, with its scenes.json.")],
) -> None:
    """Pack the imagery of a folder for training."""
    from llars.data.corpus import build

    for split, packed in build(config, folder)["splits"].items():
        print(f"{split}: {packed['scenes']} scenes, {packed['bytes'] / 1e6:.0f} MB")


@app.command()
def train(config: Config, overrides: Overrides = None) -> None:
    """Train a model; started again, it goes on where it stopped."""
    from llars.train import loop

    loop.main(config, overrides or [])


@app.command()
def evaluate(config: Config, overrides: Overrides = None) -> None:
    """Measure a model per task and data set, beside classical rivals."""
    from llars.bench import report

    report.main(config, overrides or [])


def main() -> None:
    """Entry point of the ``llars`` command."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 done, 2 a mistake of the user's, 1 a fault of ours."""
    _hush_libraries()
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="llars", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except LlarsError as mistake:
        return _fail(str(mistake), MISTAKE)
    except TyperException as mistake:
        context = getattr(mistake, "ctx", None)
        command = context.command_path if context else "llars"
        return _fail(f"{mistake.format_message().rstrip('.')}; see `{command} --help`", MISTAKE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader had enough (`llars sensors | head`); keep the interpreter from complaining when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as fault:
        return _fail(
            f"{type(fault).__name__}: {fault}; this is a fault of llars: set LLARS_DEBUG=1 to see where", FAULT
        )


def _fail(message: str, code: int) -> int:
    if os.environ.get("LLARS_DEBUG"):
        import traceback

        traceback.print_exc()
    print(f"llars: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _hush_libraries() -> None:
    """Keep warnings and log lines of the libraries off the terminal: what the user must know is an error or a note."""
    import logging
    import warnings

    if not (sys.warnoptions or os.environ.get("LLARS_DEBUG")):
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())


def _say(note: str) -> None:
    print(f"llars: {note}", file=sys.stderr)


def _silent(note: str) -> None:
    """Takes the notes that --quiet keeps from the user."""


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Something to call with (done, total) that draws a bar on standard error; None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(value: Any) -> Any:
    from dataclasses import asdict, is_dataclass

    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _print_json(document: Any) -> None:
    document = [_plain(item) for item in document] if isinstance(document, list) else document
    print(json.dumps(document, indent=2, default=str))


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
