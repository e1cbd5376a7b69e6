"""The public names are a contract: they change on purpose, in the inventory and in the change log, or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

import llars

INVENTORY = Path(__file__).with_name("public_names.txt")
HEAVY = ("numpy", "onnxruntime", "rasterio", "rioxarray", "torch", "xarray")


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running ``code``."""
    script = f"import contextlib, io, sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_names_are_those_of_the_inventory() -> None:
    assert llars.__all__ == INVENTORY.read_text(encoding="utf-8").split()


@pytest.mark.parametrize("name", INVENTORY.read_text(encoding="utf-8").split())
def test_every_name_is_there(name: str) -> None:
    assert getattr(llars, name) is not None
    assert name in dir(llars)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        llars.no_such_name  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize(
    "code",
    [
        "import llars",
        "import llars.bands, llars.errors, llars.sample, llars.sensors, llars.tasks",
        "import llars.cli\nwith contextlib.redirect_stdout(io.StringIO()): llars.cli.run(['--help'])",
        "import llars.cli\nwith contextlib.redirect_stdout(io.StringIO()): llars.cli.run(['tasks'])",
    ],
)
def test_front_doors_load_nothing_heavy(code: str) -> None:
    assert not loaded_after(code) & set(HEAVY)
