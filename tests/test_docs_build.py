"""The documentation as `make docs` builds it: a warning is an error."""

import subprocess
import sys

import pytest
from tests.blocks import REPOSITORY, environment, furnish

for package in ("sphinx", "furo", "myst_parser"):
    pytest.importorskip(package, reason="needs the extra docs")


def test_the_pages_are_built_without_a_warning(tmp_path):
    place, pages = furnish(tmp_path), tmp_path / "pages"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", REPOSITORY / "docs", pages]
    done = subprocess.run(
        [*command, "-d", tmp_path / "trees"], env=environment(place), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    built = {path.relative_to(pages).with_suffix("") for path in pages.rglob("*.html")}
    written = (path.relative_to(REPOSITORY / "docs").with_suffix("") for path in (REPOSITORY / "docs").rglob("*.md"))
    assert {path for path in written if path.parts[0] != "_build"} <= built
