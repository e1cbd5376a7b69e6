"""What the pages of the documentation tell people to type is typed here, or at least understood.

Blocks of bash and Python run, page by page, in a folder with the examples. All other commands of llars (in blocks
marked console, and in indented lines) are parsed: they name files that nobody here has.
"""

import re
import shlex
from pathlib import Path

import pytest
import typer
from tests.blocks import REPOSITORY, blocks, furnish, run_block

from llars import cli

DOCS = REPOSITORY / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
NAMES = [str(page.relative_to(DOCS)) for page in PAGES]

# Folders of pairs that nobody here has.
NEED_FILES = re.compile(r"llars\.tune\(")

RUN = [
    (page, language, code)
    for page in PAGES
    for language, code in blocks(page, "bash|python")
    if not NEED_FILES.search(code)
]


def named_commands(page: Path) -> list[str]:
    """Commands of llars that are shown and not run, whole where they are continued or marked as optional."""
    text = page.read_text(encoding="utf-8")
    shown = [line for _, code in blocks(page, "console") for line in commands(code, r"^\$ ")]
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    # What stands far to the right is a remark.
    indented = [re.split(r"\s{3,}", line)[0] for line in commands(outside, r"^    ")]
    return [re.sub(r"\[(-[^]]*)\]", r"\1", line) for line in (*shown, *indented)]


def commands(text: str, before: str) -> list[str]:
    """Lines of ``text`` that call llars after a prompt or an indentation."""
    return re.findall(rf"{before}(llars .*)$", text.replace("\\\n", " "), flags=re.MULTILINE)


SHOWN = [(page, line) for page in PAGES for line in named_commands(page)]


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


@pytest.mark.parametrize("line", [line for _, line in SHOWN])
def test_command_is_understood(line: str) -> None:
    command = typer.main.get_command(cli.app)
    arguments = shlex.split(line.removeprefix("llars "))
    while hasattr(command, "commands"):
        assert arguments, f"no command in {line!r}"
        name = arguments.pop(0)
        assert name in command.commands, f"llars has no command {name!r}"
        command = command.commands[name]
    with command.make_context(name, arguments) as context:
        assert context.params


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(typer.exceptions.TyperException, match="no-such"):
        test_command_is_understood("llars restore in.tif out.tif --no-such-option")


def test_both_kinds_are_there() -> None:
    assert len(RUN) > 5
    assert len(SHOWN) > 20


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
