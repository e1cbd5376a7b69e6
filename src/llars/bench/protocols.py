"""What is evaluated: held-out clean scenes, degraded in a way that can be repeated to the bit.

A folder with a ``scenes.json`` gives the scenes: those of its ``test`` split that list the task ``clean`` and whose
role says that nothing is wrong with them. What that avoids: dates with cloud or gaps (their role is ``gaps`` or
``cloudy``, though dates of the same series are clean), masks, guides and real speckle without a reference; stored
numbers taken for physical values (each source has its own scale and offset); soft, resampled scenes as the truth of
``deblur`` and ``sr`` (they are left out there); coarse bands cut so small that a metric's window hardly fits.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from llars.bands import Band
from llars.errors import ConfigError, DataError
from llars.sample import Sample
from llars.tasks import TASK_KEYS

__all__ = ["Case", "Protocol", "Scene", "Trial", "degrade_scene", "read_protocol", "read_scenes"]

Array = npt.NDArray[np.float32]

NEEDS_SHARP = frozenset({"deblur", "sr"})
"""Tasks whose truth must not be soft itself."""


@dataclass(frozen=True)
class Trial:
    """One fault and the words that ask for its repair."""

    task: str
    """Task key; the classical rivals are found by it."""

    severity: float
    """Of the fault, in [0, 1]."""

    instruction: str
    """What the restorer is told, in plain words."""

    degradation: str = ""
    """Name in ``llars.degrade``; empty where the fault is a coarser grid."""

    scale: int = 1
    """How many times coarser the degraded grid is."""


@dataclass(frozen=True)
class Protocol:
    """Everything that determines the numbers but the data and the weights."""

    trials: tuple[Trial, ...]
    seed: int
    crop: int
    """Largest side of a scene in pixels; larger ones are cut to their centre."""

    smallest: int
    """Smallest side in pixels; smaller scenes are left out."""

    picture: str = ""
    """Scene that the pictures show; the first one where it is not there."""


@dataclass(frozen=True)
class Scene:
    """A clean image."""

    name: str
    data_set: str
    """Sensor and place: the unit over which the tables take means."""

    bands: tuple[Band, ...]
    values: Array
    """Unit values ``(band, y, x)``, gaps filled from their surroundings."""

    valid: npt.NDArray[np.bool_]
    """``(y, x)``: no gap there."""

    value_range: tuple[float, float]
    """Physical values that the unit values 0 and 1 stand for."""

    sharp: bool
    """Fit to be the truth of ``deblur`` and ``sr``."""


@dataclass(frozen=True)
class Case:
    """A scene with a fault."""

    scene: Scene
    trial: Trial
    degraded: Array
    """What is restored: unit values ``(band, y, x)`` without gaps, on a coarser grid for ``sr``."""

    baseline: Array
    """The same on the grid of the truth: what doing nothing gives; bicubic for ``sr``."""

    truth: Array
    """Unit values, NaN in the gaps."""

    bands: tuple[Band, ...]
    """Bands of the degraded image, with its sampling distance."""


def read_protocol(path: str | Path) -> Protocol:
    """The protocol in a YAML file.

    Raises:
        ConfigError: no such file, an unknown or missing setting, an unknown task.
    """
    try:
        settings: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no evaluation config at {path}; give one, such as configs/eval/shared.yaml") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        trials = tuple(Trial(**trial) for trial in settings["trials"])
        # The folder of the scenes is not part of what is measured; the command reads it.
        measured = {key: value for key, value in settings.items() if key != "folder"}
        protocol = Protocol(**{**measured, "trials": trials})
    except (TypeError, KeyError) as error:
        raise ConfigError(f"{path}: {error}; compare with configs/eval/shared.yaml") from error
    for trial in protocol.trials:
        if trial.task not in TASK_KEYS:
            raise ConfigError(f"{path}: unknown task {trial.task!r}; the tasks are {', '.join(TASK_KEYS)}")
        if not 0 <= trial.severity <= 1:
            raise ConfigError(f"{path}: {trial.task} has severity {trial.severity}, expected 0 to 1")
        if bool(trial.degradation) == (trial.scale > 1):
            raise ConfigError(f"{path}: {trial.task} needs a degradation or a scale above 1, and not both")
    return protocol


def read_scenes(folder: str | Path, protocol: Protocol) -> list[Scene]:
    """The held-out clean scenes of a folder with a ``scenes.json``, in its order.

    Raises:
        DataError: the folder holds no catalogue, a broken file, or no such scene.
    """
    from llars.data.catalog import read_catalog

    samples = list(read_catalog(folder, "test"))
    entries = json.loads((Path(folder) / "scenes.json").read_text(encoding="utf-8"))
    listed = {entry["id"] for entry in entries if "clean" in entry["tasks"]}
    # The catalogue also stacks the bands of several files; here every published image counts once.
    images = [sample for sample in samples if sample.scene in listed]
    scenes = [_scene(image, protocol.crop) for image in images if min(image.valid.shape) >= protocol.smallest]
    if not scenes:
        raise DataError(f"{folder} holds no clean test scene of at least {protocol.smallest} pixels a side")
    return scenes


def degrade_scene(scene: Scene, trial: Trial, seed: int) -> Case:
    """The scene with the fault of ``trial``; the same every time, whatever else is evaluated.

    Raises:
        LlarsError: the degradation is unknown.
    """
    height, width = (side - side % trial.scale for side in scene.valid.shape)
    clean, valid = np.ascontiguousarray(scene.values[:, :height, :width]), scene.valid[:height, :width]
    truth = np.where(valid, clean, np.float32(np.nan))
    if trial.scale > 1:
        degraded, baseline = _coarser(clean, trial.scale)
        bands = tuple(band.with_gsd(band.gsd_m and band.gsd_m * trial.scale) for band in scene.bands)
        return Case(scene, trial, degraded, baseline, truth, bands)
    import torch

    from llars import degrade

    digest = hashlib.blake2b(f"{seed}/{scene.name}/{trial.degradation}".encode(), digest_size=7).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
    operator = degrade.get(trial.degradation)
    degraded = np.asarray(operator(clean, trial.severity, generator=generator, bands=scene.bands), np.float32)
    return Case(scene, trial, degraded, degraded, truth, scene.bands)


def _scene(sample: Sample, crop: int) -> Scene:
    from llars.infer.pixels import fill_gaps

    height, width = sample.valid.shape
    top, left = max(0, height - crop) // 2, max(0, width - crop) // 2
    window = (slice(top, top + crop), slice(left, left + crop))
    low, high = sample.value_range
    physical = sample.values[:, *window].astype(np.float32) * np.float32(sample.scale) + np.float32(sample.offset)
    values, valid = (physical - np.float32(low)) / np.float32(high - low), sample.valid[window]
    for band in values:
        fill_gaps(band, valid)
    data_set = f"{sample.sensor} / {sample.group or sample.scene}"
    return Scene(sample.scene, data_set, sample.bands, values, valid, sample.value_range, sample.sharp)


def _coarser(clean: Array, scale: int) -> tuple[Array, Array]:
    """Area means on a coarser grid, and these enlarged again by bicubic interpolation."""
    from llars.bench.classical import bicubic

    bands, height, width = clean.shape
    blocks = clean.reshape(bands, height // scale, scale, width // scale, scale)
    degraded = blocks.mean(axis=(2, 4), dtype=np.float64).astype(np.float32)
    return degraded, bicubic(degraded, scale)
