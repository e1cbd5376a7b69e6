"""Faultless scenes, and known faults simulated in them with their true strength."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llars import degrade
from llars.bench.cases import Array, Scene, scene_of
from llars.bench.scenes import size_of
from llars.data.catalog import CLEAR_ROLES, entries, of_split, read_entry
from llars.degrade.atmosphere import REFERENCE_NM
from llars.degrade.blur import FULL_MOTION_PX, FULL_RADIUS_PX, FULL_SIGMA_PX
from llars.degrade.clouds import cloudy
from llars.errors import DataError
from llars.infer.diagnosis.survey import OPAQUE

__all__ = ["FAULTS", "Fault", "Simulated", "clean_scenes", "haze_depth", "simulate"]

SMALLEST = 96
"""Smallest side of a scene in pixels."""

MOST = 6
"""Largest number of scenes of one sensor and split, so that no sensor outweighs the others."""

FULL_SPREAD_PX = {
    "gaussian_blur": FULL_SIGMA_PX,
    "defocus_blur": FULL_RADIUS_PX / 2.0,
    "motion_blur": FULL_MOTION_PX / 24.0**0.5,
}
"""Spread of each blur at severity 1: the root of half the second moment of its kernel, which is a Gaussian's sigma."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault at one strength."""

    name: str
    """Name in the table: the fault and its nominal strength."""

    task: str
    """Key of the task that removes it."""

    operator: str
    severity: float
    measure: str
    """Name of the finding's measure that states the strength."""


@dataclass(frozen=True)
class Simulated:
    """A scene with a fault."""

    values: Array
    """Unit values ``(band, y, x)``."""

    truth: float
    """True strength of the fault, in the units of its measure."""


FAULTS = (
    Fault("noise, sigma 0.008", "denoise", "gaussian_noise", 0.08, "sigma_unit"),
    Fault("noise, sigma 0.015", "denoise", "gaussian_noise", 0.15, "sigma_unit"),
    Fault("noise, sigma 0.03", "denoise", "gaussian_noise", 0.3, "sigma_unit"),
    Fault("noise, sigma 0.06", "denoise", "gaussian_noise", 0.6, "sigma_unit"),
    Fault("resampled noise, sigma 0.03", "denoise", "resampled_noise", 0.3, "sigma_unit"),
    Fault("0.5 % defective pixels", "denoise", "impulse_noise", 0.05, "impulse_share"),
    Fault("3 % defective pixels", "denoise", "impulse_noise", 0.3, "impulse_share"),
    Fault("stripes, deviations of 0.01", "destripe", "detector_stripes", 0.1, "amplitude_unit"),
    Fault("stripes, deviations of 0.03", "destripe", "detector_stripes", 0.3, "amplitude_unit"),
    Fault("3 % dead lines", "destripe", "dead_lines", 0.3, "dead_share"),
    Fault("blur, sigma 1 px", "deblur", "gaussian_blur", 0.5, "spread_px"),
    Fault("blur, sigma 1.6 px", "deblur", "gaussian_blur", 0.8, "spread_px"),
    Fault("defocus, radius 2.4 px", "deblur", "defocus_blur", 0.6, "spread_px"),
    Fault("motion, path 7.4 px", "deblur", "motion_blur", 0.4, "spread_px"),
    Fault("haze, depth up to 0.45", "haze", "haze", 0.3, "optical_depth"),
    Fault("haze, depth up to 0.9", "haze", "haze", 0.6, "optical_depth"),
    Fault("thick clouds over 15 %", "cloud", "thick_cloud", 0.15, "hidden_share"),
    Fault("thick clouds over 40 %", "cloud", "thick_cloud", 0.4, "hidden_share"),
    Fault("thin clouds over 68 %", "cloud", "thin_cloud", 0.5, "hidden_share"),
)
"""The faults, at severities that nothing was fitted on."""


def clean_scenes(
    folder: Path, splits: tuple[str, ...], crop: int, corners: bool = False, most: int = MOST
) -> Iterator[Scene]:
    """Faultless scenes of some splits, cropped to their centres, without radar.

    Args:
        folder: folder with a ``scenes.json``.
        splits: some of train, val and test.
        crop: largest side in pixels.
        corners: take all scenes, and up to four parts of each.
        most: largest number of scenes of one sensor and split, unless ``corners`` is set.

    Raises:
        DataError: there is no such scene.
    """
    listed, found = entries(folder), False
    for split in splits:
        counts = dict[str, int]()
        for entry in of_split(listed, split):
            if not _fits(entry) or (not corners and counts.get(entry["sensor"], 0) >= most):
                continue
            if min(size_of(folder, entry)) < SMALLEST:
                continue
            counts[entry["sensor"]] = counts.get(entry["sensor"], 0) + 1
            sample, found = read_entry(folder, entry).sample, True
            scene = scene_of(sample, max(sample.valid.shape) if corners else crop)
            yield from _parts(scene, crop) if corners else (scene,)
    if not found:
        raise DataError(f"{folder} holds no clean scene of {' or '.join(splits)} of at least {SMALLEST} pixels a side")


def simulate(scene: Scene, fault: Fault) -> Simulated:
    """The scene with the fault; the same every time."""
    degraded, truth = _degraded(scene, fault)
    values = np.asarray(degraded, np.float32)
    return Simulated(values, truth(values) if callable(truth) else truth)


def haze_depth(scene: Scene, severity: float, seed: int) -> Simulated:
    """The scene in haze, and its mean optical depth at 550 nm.

    Haze is affine in the image, with coefficients independent of it: hazing a black and a white image reveals them.
    """
    operator = degrade.get("haze")
    image = torch.from_numpy(np.ascontiguousarray(scene.values))
    hazy, black, white = (
        operator(one, severity, torch.Generator().manual_seed(seed), scene.bands)
        for one in (image, torch.zeros_like(image), torch.ones_like(image))
    )
    nearest = int(np.argmin([abs((band.wavelength_nm or REFERENCE_NM) - REFERENCE_NM) for band in scene.bands]))
    depth = -(white - black)[nearest].clamp(min=1e-6).log()
    scale = ((scene.bands[nearest].wavelength_nm or REFERENCE_NM) / REFERENCE_NM) ** 1.3
    return Simulated(np.asarray(hazy, np.float32), float(depth.mean()) * scale)


def _degraded(scene: Scene, fault: Fault) -> tuple[Any, float | Callable[[Array], float]]:
    seed = zlib.crc32(f"{scene.name}/{fault.name}".encode())
    image, generator = torch.from_numpy(np.ascontiguousarray(scene.values)), torch.Generator().manual_seed(seed)
    if fault.task == "haze":
        found = haze_depth(scene, fault.severity, seed)
        return found.values, found.truth
    if fault.task == "cloud":
        degraded, opacity = cloudy(image, fault.severity, generator, scene.bands, thin=fault.operator == "thin_cloud")
        return degraded, float((opacity > OPAQUE).float().mean())
    degraded = degrade.get(fault.operator)(image, fault.severity, generator, scene.bands)
    if fault.task == "deblur":
        return degraded, FULL_SPREAD_PX[fault.operator] * fault.severity
    return degraded, lambda values: _difference(values - scene.values, fault, values)


def _difference(change: Array, fault: Fault, values: Array) -> float:
    """True strength of noise and stripes, from the change that they made."""
    if fault.operator == "impulse_noise":
        return float((change != 0).mean())
    if fault.task == "denoise":
        return float(np.median(change.std(axis=(1, 2))))
    if fault.operator == "dead_lines":
        return float(max((values.std(axis=axis) < 1e-6).mean(1).max() for axis in (1, 2)))
    lines = max((change.mean(axis=axis) for axis in (1, 2)), key=lambda one: float(one.std()))
    return float(np.mean(lines.std(axis=1)))


def _fits(entry: dict[str, Any]) -> bool:
    good = entry["file"].endswith(".tif") and "clean" in entry["tasks"] and entry["role"] in CLEAR_ROLES
    return good and "sentinel1" not in entry["sensor"]


def _parts(scene: Scene, crop: int) -> Iterator[Scene]:
    """Up to four parts of a scene that do not overlap, from its corners."""
    height, width = scene.valid.shape
    for top in sorted({0, height - crop} if height >= 2 * crop else {max(0, height - crop) // 2}):
        for left in sorted({0, width - crop} if width >= 2 * crop else {max(0, width - crop) // 2}):
            part = slice(top, top + crop), slice(left, left + crop)
            name = f"{scene.name} {top} {left}"
            values = np.ascontiguousarray(scene.values[:, *part])
            yield Scene(name, scene.data_set, scene.bands, values, scene.valid[part], scene.value_range, scene.sharp)
