"""What the pages of the documentation tell people to type is typed here, or it is said where else.

Blocks of bash and Python run, page by page, in a folder with the examples. All other commands of llars (in blocks
marked console, and in indented lines) run with small files under the names that they give; ``ELSEWHERE`` lists those
that take too long, wait for ever, or need what tests of their own have. Nothing is in neither.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from tests.blocks import REPOSITORY, blocks, furnish, run_block
from tests.commands import Result
from tests.stand_ins import furnish_with_scenes

from llars import cli

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]

# Folders of pairs that nobody here has.
NEED_FILES = re.compile(r"llars\.tune\(")

RUN = [
    (page, language, code)
    for page in PAGES[1:]  # test_readme.py has those of the first
    for language, code in blocks(page, "bash|python")
    if not NEED_FILES.search(code)
]


ELSEWHERE = {
    r"llars (train|data|evaluate) ": "tests/train/test_loop.py tests/data/test_build.py tests/bench/test_evaluate.py",
    r"torchrun ": "tests/train/test_processes.py",
    r"llars tune |llars merge |.*--adapter |.*merged.safetensors": "tests/train/test_tuning.py",
    r"llars serve": "tests/app/test_serve_command.py",
    r"llars export ": "tests/infer/test_export.py",
    r"qgis_process ": "tests/qgis/test_qgis.py",
    r"make (?!\w+ing)": "tests/test_readme.py",
    r"git clone |pip install |python3 -m venv ": ".ci/run",
    r"PYTHONPATH=scripts python -m miniatures ": "tests/stand_ins.py",
    # What measures for minutes, and is run before its figures are written down.
    r"python -m llars.bench.evaluate ": "tests/bench/test_evaluate.py",
    r"python -m llars.train.understanding": "tests/train/test_understanding.py",
    r"python -m benchmarks.ablation ": "tests/benchmarks/test_ablation.py",
    r"python -m benchmarks.adaptation ": "tests/benchmarks/test_adaptation.py",
    r"python -m benchmarks.rivals ": "tests/benchmarks/test_rivals.py",
    r"python scripts/calibrate.py ": "tests/bench/test_calibration.py",
    r"python scripts/million.py": "scripts/million.py",
    r"python scripts/prove_batch.py ": "scripts/prove_batch.py",
    r"python scripts/prove_scene.py ": "scripts/prove_scene.py",
    r"python scripts/prove_playground.py": "scripts/prove_playground.py",
}
"""Beginnings of commands that do not run here, and the files that run them, or what they do, in the small."""

PLACEHOLDERS = {"MANIFEST": "archive/*.SAFE", "OUTDIR": "out_of_batch", "INPUT": "scene.tif", "OUTPUT": "output.tif"}

PROGRAMS = "llars|python3?|git|pip|make|torchrun|qgis_process|PYTHONPATH=\\S+ python"


def named_commands(page: Path) -> list[str]:
    """Commands that are shown and not run as blocks, whole where they are continued or marked as optional."""
    text = page.read_text(encoding="utf-8")
    shown = [line for _, code in blocks(page, "console") for line in commands(code, r"^\$ ")]
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = commands(outside, r"^    ")
    spoken = re.findall(r"`((?:python|pip|make|torchrun) [^`]+)`", outside)
    # What stands far to the right is a remark.
    lines = [re.split(r"\s{3,}(?!-)", line)[0] for line in (*shown, *indented, *spoken)]
    return [re.sub(r"\[(-[^]]*)\]", r"\1", line) for line in lines]


def commands(text: str, before: str) -> list[str]:
    """Lines of ``text`` that call a program after a prompt or an indentation."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(rf"{before}((?:{PROGRAMS}) .*)$", joined, flags=re.MULTILINE)


def elsewhere(line: str) -> bool:
    return any(re.match(begins, line) for begins in ELSEWHERE)


SHOWN = list(dict.fromkeys(line for page in PAGES for line in named_commands(page)))
HERE = [line for line in SHOWN if not elsewhere(line)]
OURS = [line for line in SHOWN if line.startswith("llars ")]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """A folder for each page, with the examples in it."""
    return {page: furnish(tmp_path_factory.mktemp("docs")) for page in {page for page, _, _ in RUN}}


@pytest.mark.parametrize("index", range(len(RUN)), ids=[f"{page.stem}-{language}" for page, language, _ in RUN])
def test_block_runs(index: int, places: dict[Path, Path]) -> None:
    page, language, code = RUN[index]
    done = run_block(language, code, places[page])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small files under the names that the pages use."""
    folder = tmp_path_factory.mktemp("scenes")
    furnish_with_scenes(folder)
    return folder


@pytest.mark.parametrize("line", HERE)
def test_command_runs(
    line: str, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llars: Callable[..., Result]
) -> None:
    for path in scenes.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    program, *words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line, comments=True)]
    assert program == "llars", f"{line!r} runs nowhere: run it, or say in ELSEWHERE where it is"
    done = llars(*words)
    assert done.code == 0, done.err
    made = [path for path in tmp_path.iterdir() if not path.is_symlink()]
    assert made or done.out


@pytest.mark.parametrize("line", OURS)
def test_command_is_understood(line: str) -> None:
    command = typer.main.get_command(cli.app)
    arguments = shlex.split(line.removeprefix("llars "))
    while hasattr(command, "commands") and arguments != ["--version"]:
        assert arguments, f"no command in {line!r}"
        name = arguments.pop(0)
        assert name in command.commands, f"llars has no command {name!r}"
        command = command.commands[name]
    if arguments != ["--version"]:
        with command.make_context(name, arguments) as context:
            assert context.params


@pytest.mark.parametrize("begins", ELSEWHERE)
def test_what_is_said_to_run_elsewhere_is_in_the_pages_and_there(begins: str) -> None:
    assert any(re.match(begins, line) for line in SHOWN), "no page says that any more"
    assert not [place for place in ELSEWHERE[begins].split() if not (REPOSITORY / place).exists()]


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(typer.exceptions.TyperException, match="no-such"):
        test_command_is_understood("llars restore in.tif out.tif --no-such-option")


def test_both_kinds_are_there() -> None:
    assert len(RUN) > 5
    assert len(HERE) > 25


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_linked_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    names = (REPOSITORY / "tests" / "public_names.txt").read_text(encoding="utf-8").split()
    missing = [name for name in names if name != "__version__" and f"llars.{name}" not in text]
    assert not missing
