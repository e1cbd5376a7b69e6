"""The provider in a real QGIS without a window."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import rasterio
from tests.blocks import REPOSITORY, environment, furnish

# Debian's wrapper passes an option that qgis_process does not know.
QGIS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
pytestmark = pytest.mark.skipif(QGIS is None, reason="QGIS is not installed")


class Qgis:
    """``qgis_process`` with a profile of its own, in which the plugin is switched on."""

    def __init__(self, folder: Path) -> None:
        furnish(folder)
        (folder / "runtime").mkdir(mode=0o700)
        plugins = folder / "profile" / "profiles" / "default" / "python" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "llars_provider").symlink_to(REPOSITORY / "qgis" / "llars_provider")
        # PYTHONPATH, or a virtual environment that is active, would lead QGIS's own Python to foreign packages; the
        # command finds the sources by itself.
        search = environment(folder)["PYTHONPATH"]
        command = folder / "bin" / "llars"
        command.write_text(command.read_text().replace("exec ", f'PYTHONPATH="{search}" exec '), encoding="utf-8")
        self.environment = {
            **{name: value for name, value in environment(folder).items() if name != "PYTHONPATH"},
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}",
            "QT_QPA_PLATFORM": "offscreen",
            "QGIS_CUSTOM_CONFIG_PATH": str(folder / "profile"),
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
        }
        self.executable = command
        self("plugins", "enable", "llars_provider")

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        assert QGIS is not None
        line = [QGIS, *map(str, arguments)]
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, check=False, timeout=300)

    def llars(self, *arguments: object) -> str:
        """What the command prints that QGIS runs."""
        line = [str(self.executable), *map(str, arguments)]
        return subprocess.run(
            line, env=self.environment, capture_output=True, text=True, check=True, timeout=300
        ).stdout


@pytest.fixture(scope="module")
def qgis(tmp_path_factory: pytest.TempPathFactory) -> Qgis:
    return Qgis(tmp_path_factory.mktemp("qgis"))


def test_restore(qgis: Qgis, small_scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "good.tif"
    prompt = "--PROMPT=brighten the image"
    done = qgis("--json", "run", "llars:restore", f"--INPUT={small_scene}", prompt, f"--OUTPUT={output}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["results"]["OUTPUT"] == str(output)
    with rasterio.open(small_scene) as before, rasterio.open(output) as after:
        assert (after.shape, after.crs, after.dtypes) == (before.shape, before.crs, before.dtypes)
        assert after.read().mean() > before.read().mean()


def test_diagnose(qgis: Qgis, small_scene: Path, tmp_path: Path) -> None:
    noisy, output = tmp_path / "noisy.tif", tmp_path / "found.json"
    qgis.llars("degrade", small_scene, noisy, "--task", "denoise", "--severity", 0.8)
    done = qgis("run", "llars:diagnose", f"--INPUT={noisy}", f"--OUTPUT={output}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(output.read_text())
    assert "denoise" in [one["task"] for one in found]
    assert found == json.loads(qgis.llars("diagnose", noisy, "--json"))


def test_mistake_is_told_in_the_words_of_llars(qgis: Qgis, small_scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "good.tif"
    prompt = "--PROMPT=book a table for two"
    done = qgis("run", "llars:restore", f"--INPUT={small_scene}", prompt, f"--OUTPUT={output}")
    assert done.returncode != 0
    assert "llars: error: " in done.stdout + done.stderr
    assert not os.path.exists(output)


def test_batch_and_cancel(qgis: Qgis, small_scene: Path, tmp_path: Path) -> None:
    # QGIS of Debian comes with modules for Debian's Python.
    python = shutil.which("python3", path="/usr/bin")
    script = Path(__file__).with_name("session.py")
    line = [str(python), str(script), str(qgis.executable), str(small_scene), str(tmp_path)]
    if (
        python is None
        or subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Python with the modules of QGIS")
    done = subprocess.run(line, env=qgis.environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["batch"]
    assert [one["results"]["OUTPUT"] for one in told["done"]] == [
        str(tmp_path / f"{name}.tif") for name in ("one", "two")
    ]
    assert [one["progress"] for one in told["done"]] == [100.0, 100.0]
    assert told["cancelled"]["results"] == {}
    assert sorted(path.name for path in tmp_path.glob("*.tif")) == ["one.tif", "two.tif"]
