"""The bundled scenes: real ones, some with a controlled degradation, so that there is something to restore."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from llars.infer.job import degrade_file

__all__ = ["BUNDLED", "Bundled", "make_bundled"]


@dataclass(frozen=True)
class Bundled:
    """A scene of the package, and what is done to it before it is shown."""

    file: str
    task: str | None = None
    """The task whose degradation is applied; None leaves the scene as it is."""

    severity: float = 0.5
    prompt: str = ""
    """Initial text of the instruction box."""


DAKOTA, WALES = "naip_dakota.tif", "sentinel2_wales.tif"

BUNDLED: dict[str, Bundled] = {
    "Lakes in Dakota, noisy · NAIP": Bundled(DAKOTA, "denoise", 0.6, "reduce the noise"),
    "Lakes in Dakota, striped · NAIP": Bundled(DAKOTA, "destripe", 0.4, "remove the stripes"),
    "Lakes in Dakota, hazy · NAIP": Bundled(DAKOTA, "haze", 0.6, "remove the haze"),
    "Farmland in Wales, out of focus · Sentinel-2": Bundled(WALES, "deblur", 0.5, "sharpen the blurred image"),
    "Farmland in Wales, noisy · Sentinel-2": Bundled(WALES, "denoise", 0.5, "reduce the noise"),
    "Farmland in Wales, as it is · Sentinel-2": Bundled(WALES, prompt="double the resolution"),
}
"""Scenes by their name in the list; the first is opened with the page."""

SEED = 7


def make_bundled(scene: Bundled, folder: Path) -> Path:
    """The scene as a file below ``folder``, made when it is first asked for."""
    fault = f"{scene.task}_{scene.severity:g}" if scene.task else "plain"
    path = folder / "bundled" / f"{Path(scene.file).stem}_{fault}.tif"
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    with resources.as_file(resources.files("llars.app").joinpath("scenes", scene.file)) as original:
        if scene.task is None:
            path.write_bytes(original.read_bytes())
        else:
            degrade_file(original, path, scene.task, scene.severity, SEED)
    return path
