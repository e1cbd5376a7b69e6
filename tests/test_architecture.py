"""The arrows of the house: who may import whom, what the model must not know, and how long a file may get."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "llars"

STEPS = (
    ("errors",),
    ("bands", "tasks", "sensors", "files"),
    ("sample", "scene", "curves"),
    ("degrade", "metrics", "text", "model"),
    ("initial",),
    ("data", "weights"),
    ("train", "infer"),
    ("bench",),
    ("app",),
    ("cli",),
)
"""Members import from earlier steps only, never from their own."""

BELOW = {"sensors": {"bands"}, "tasks": {"bands"}}
"""Within their step bands come first: a sensor is made of them, and a task names the roles of its guides."""

COMMANDS = ("_batching", "_console", "_data_commands", "_diagnosing", "_exporting", "_options", "_serving", "_tuning")
ALIASES = dict.fromkeys(COMMANDS, "cli")
"""Further modules beside the package's members, and the member that each is a part of."""

ROOMS = (
    ("tiles",),
    ("reading",),
    ("raster", "initial"),
    ("tiling", "diagnosis"),
    ("report",),
    ("doubts",),
    ("instructions", "pixel_sizes"),
    ("sentences", "lazy"),
    ("restorer",),
    ("common_grid", "writing", "notes", "export", "comparison"),
    ("resolution",),
    ("job",),
    ("batch",),
)
"""Of ``infer``: its folders and, between them, the files on the way from an instruction to a job; as with ``STEPS``."""

FORBIDDEN = {
    "model": {"rasterio", "rioxarray", "xarray"},
    "degrade": {"rasterio", "rioxarray", "xarray"},
    "text": {"rasterio", "rioxarray", "xarray"},
    "initial": {"rasterio", "rioxarray", "xarray"},
}
"""Never, not even inside a function: these know tensors and words, not files."""

FORBIDDEN_AT_TOP = {
    "data": {"rasterio", "rioxarray", "xarray"},
    "train": {"rasterio", "rioxarray", "xarray"},
}
"""Only inside functions: training runs where no raster library needs to load."""

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
"""Docstrings don't count: what a public function promises may take its space."""

STEP_OF = {member: step for step, members in enumerate(STEPS) for member in members}
PYTHON_FILES = sorted([*SOURCE.rglob("*.py"), *(SOURCE.parents[1] / "scripts").glob("*.py")])
MODULES = [path for path in PYTHON_FILES if path.is_relative_to(SOURCE) and path.parent != SOURCE] + [
    path for path in SOURCE.glob("*.py") if not path.name.startswith("__")
]
ROOM_OF = {room: step for step, rooms in enumerate(ROOMS) for room in rooms}
INFER = SOURCE / "infer"
IN_ROOMS = [path for path in MODULES if path.is_relative_to(INFER) and path != INFER / "__init__.py"]


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    at_top: bool


def imports(path: Path) -> Iterator[Import]:
    """Every import of the file but those for type checkers alone, with whether it runs when the file is loaded."""
    return walk(ast.parse(path.read_text(encoding="utf-8")).body, at_top=True)


def walk(body: list[ast.stmt], at_top: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            # `from llars import degrade` imports the module llars.degrade.
            split = node.module in ("llars", "llars.infer")
            names = [f"{node.module}.{alias.name}" for alias in node.names] if split else [str(node.module)]
            yield from (Import(name, node.lineno, at_top) for name in names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from walk(node.orelse, at_top)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for child in ("body", "orelse", "finalbody"):
                yield from walk(getattr(node, child, []), at_top and not inside)
            for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                yield from walk(handler.body, at_top and not inside)


def member(path: Path) -> str:
    """The member of a step that a file belongs to: its folder below the package, or its own name."""
    name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    return ALIASES.get(name, name)


def target(module: str) -> str | None:
    """The member that an imported module belongs to; None for what is not ours or is the package itself."""
    parts = module.split(".")
    if parts[0] != "llars" or len(parts) == 1:
        return None
    name = ALIASES.get(parts[1], parts[1])
    return name if name in STEP_OF else None


def room(path: Path) -> str:
    """The folder or file of ``infer`` that a file in it belongs to."""
    return path.relative_to(INFER).parts[0].removesuffix(".py")


def identify(path: Path) -> str:
    return str(path.relative_to(SOURCE.parents[1]))


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_walk_finds_imports_in_functions_and_skips_those_for_type_checkers() -> None:
    code = (
        "import a\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
        "def f():\n    try:\n        from d import e\n    except ImportError:\n        import g\n"
        "match x:\n    case 1:\n        from llars import model\nfrom llars.infer import job\n"
    )
    found = {(one.module, one.at_top) for one in walk(ast.parse(code).body, at_top=True)}
    assert found == {
        ("a", True),
        ("c", True),
        ("d", False),
        ("g", False),
        ("llars.model", True),
        ("llars.infer.job", True),
    }


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_every_module_has_a_place(path: Path) -> None:
    assert member(path) in STEP_OF, f"{identify(path)} belongs to no step; give it a place in STEPS"


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_imports_point_one_way(path: Path) -> None:
    own = member(path)
    for one in imports(path):
        other = target(one.module)
        if other is None or other == own or other in BELOW.get(own, set()):
            continue
        assert STEP_OF[other] < STEP_OF[own], f"{identify(path)}:{one.line}: {own} must not import {other}"


@pytest.mark.parametrize("path", IN_ROOMS, ids=identify)
def test_rooms_of_infer_import_lower_ones_alone(path: Path) -> None:
    own = room(path)
    assert own in ROOM_OF, f"{identify(path)} belongs to no room; give it a place in ROOMS"
    for one in imports(path):
        if one.module.startswith("llars.infer."):
            other = one.module.split(".")[2]
            assert other == own or ROOM_OF[other] < ROOM_OF[own], (
                f"{identify(path)}:{one.line}: {own} must not import {other}"
            )


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_members_know_only_the_libraries_of_their_trade(path: Path) -> None:
    own = member(path)
    for one in imports(path):
        library = one.module.partition(".")[0]
        where = f"{identify(path)}:{one.line}: {own} must not import {library}"
        assert library not in FORBIDDEN.get(own, set()), where
        assert not (one.at_top and library in FORBIDDEN_AT_TOP.get(own, set())), f"{where} when it is loaded"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=identify)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines < MAX_FILE_LINES, f"{identify(path)} has {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = lines_of(node) - (lines_of(node.body[0]) if ast.get_docstring(node) else 0)
            assert length < MAX_FUNCTION_LINES, f"{identify(path)}:{node.lineno}: {node.name} has {length} lines"
