"""Cases, the input of all methods: a degraded scene, its guides, and side information for rivals only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llars.bands import Band, Modality
from llars.bench.protocols import Trial
from llars.initial.rayleigh import clear_air
from llars.sensors import SENSORS
from llars.tasks import TONES

if TYPE_CHECKING:
    import torch

    from llars.degrade.base import Degradation
    from llars.sample import Sample

__all__ = ["Array", "Case", "Guide", "Mask", "Scene", "SideInformation", "degrade_scene", "scene_of", "with_gaps"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

VISIBLE_CHANGE = 0.02
"""A pixel lies under a cloud or its shadow where some band changed by more than this, in unit values."""

IMPULSE_SIDE = 65
"""Side in pixels of the impulse image from which the kernel of a blur is read."""


@dataclass(frozen=True)
class Scene:
    """An image without faults, or the best available."""

    name: str
    data_set: str
    """Sensor and place; the tables give each data set the same weight."""

    bands: tuple[Band, ...]
    values: Array
    """Unit values ``(band, y, x)``, with gaps filled from their surroundings."""

    valid: Mask
    """``(y, x)``: False in gaps."""

    value_range: tuple[float, float]
    """Physical values that the unit values 0 and 1 stand for."""

    sharp: bool
    """Fit to be the truth of ``deblur``, ``sr`` and ``pansharpen``."""

    @property
    def sensor(self) -> str:
        """Name of the sensor, which need not be in the table."""
        return self.data_set.split(" / ")[0]

    @property
    def clear_air(self) -> tuple[float, ...] | None:
        """See ``llars.initial.rayleigh.clear_air``."""
        return clear_air(self.sensor, self.bands, (self.value_range,) * len(self.bands))

    @property
    def units(self) -> str:
        """Units of the physical values; "unknown" for a sensor that is not in the table."""
        sensor = SENSORS.get(self.sensor)
        return "unknown" if sensor is None else sensor.units


@dataclass(frozen=True)
class Guide:
    """A guide image, on its own grid within the same bounds."""

    values: Array
    """Unit values ``(band, y, x)`` without gaps."""

    bands: tuple[Band, ...]
    value_range: tuple[float, float]


@dataclass(frozen=True)
class SideInformation:
    """Side information that rivals are given and llars has to estimate."""

    kernel: npt.NDArray[np.float64] | None = None
    """Kernel of a blur, ``(y, x)``, summing to 1."""

    looks: float = 0.0
    """Equivalent number of looks of a radar image."""

    clouds: Mask | None = None
    """``(y, x)``: where the clouds and their shadows are."""

    others: Array | None = None
    """Other dates ``(date, band, y, x)``, unit values."""

    gains: tuple[float, ...] = ()
    """MTF gains of the sensor's bands at Nyquist: one for all or one each; empty if unknown."""


@dataclass(frozen=True)
class Case:
    """A scene with a fault."""

    scene: Scene
    trial: Trial
    degraded: Array
    """The input: unit values ``(band, y, x)`` without gaps, on a coarser grid for ``sr`` and ``pansharpen``."""

    baseline: Array
    """The input on the grid of the truth: unchanged, or enlarged bicubically if the grid is coarser."""

    truth: Array
    """Unit values, NaN in the gaps; NaN everywhere if the truth is unknown."""

    bands: tuple[Band, ...]
    """Bands of the degraded image, with its sampling distance."""

    guides: Mapping[str, Guide] = field(default_factory=dict)
    """Guides by role."""

    side_info: SideInformation = field(default_factory=SideInformation)

    under: Mask | None = None
    """``(y, x)``: pixels under clouds, whose error is also reported separately."""

    flat: tuple[tuple[slice, slice], ...] = ()
    """Homogeneous windows of radar scenes, in which only speckle varies."""

    @property
    def coarse_valid(self) -> Mask:
        """``(y, x)`` on the grid of the degraded image: all scene pixels within the coarse pixel are valid."""
        height, width = self.degraded.shape[1:]
        scale = self.trial.scale
        valid = self.scene.valid[: height * scale, : width * scale]
        return np.asarray(valid.reshape(height, scale, width, scale).all(axis=(1, 3)))


def scene_of(sample: Sample, crop: int = 0) -> Scene:
    """The centre of a sample in unit values, at most ``crop`` pixels a side; the whole sample if ``crop`` is 0."""
    from llars.infer.reading.pixels import fill_gaps

    height, width = sample.valid.shape
    crop = crop or max(height, width)
    top, left = max(0, height - crop) // 2, max(0, width - crop) // 2
    window = (slice(top, top + crop), slice(left, left + crop))
    low, high = sample.value_range
    physical = sample.values[:, *window].astype(np.float32) * np.float32(sample.scale) + np.float32(sample.offset)
    values, valid = (physical - np.float32(low)) / np.float32(high - low), sample.valid[window]
    for band in values:
        fill_gaps(band, valid)
    data_set = f"{sample.sensor} / {sample.group or sample.scene}"
    return Scene(sample.scene, data_set, sample.bands, values, valid, sample.value_range, sample.sharp)


def with_gaps(values: Array, valid: Mask) -> Array:
    """``(band, y, x)`` with NaN where ``valid`` ``(y, x)`` is False."""
    return np.where(valid, values, np.float32(np.nan))


def degrade_scene(
    scene: Scene,
    trial: Trial,
    seed: int,
    guides: Mapping[str, Guide] | None = None,
    others: Array | None = None,
) -> Case:
    """The scene with the fault of ``trial``; the same every time, whatever else is evaluated.

    Args:
        scene: a scene without faults.
        trial: the trial whose fault is applied.
        seed: seed of the protocol.
        guides: guides by role.
        others: other dates ``(date, band, y, x)`` of the place, for the rivals that can use them.

    Raises:
        LlarsError: the degradation is unknown.
    """
    if trial.scale > 1:
        return _coarser(scene, trial)
    clean = np.ascontiguousarray(scene.values)
    if trial.beneath:
        clean = _degraded(clean, trial.beneath, trial.severity, scene, seed)
    degraded = _degraded(clean, trial.degradation, trial.severity, scene, seed)
    truth = with_gaps(clean, scene.valid)
    if trial.task in TONES:
        # Not a fault but a wish: the operator gives the truth, and the clean image is the input.
        truth = _degraded(truth, trial.degradation, trial.severity, scene, seed)
        degraded = clean
    side_info, under = SideInformation(), None
    if trial.degradation.endswith("blur") and not trial.untouched:
        side_info = SideInformation(kernel=_kernel(trial, scene, seed))
    elif trial.degradation == "speckle" and trial.severity:
        side_info = SideInformation(looks=1.0 / trial.severity**2)
    elif trial.task.startswith("cloud") and trial.severity:
        under = np.abs(degraded - clean).max(axis=0) > VISIBLE_CHANGE
        side_info = SideInformation(clouds=under, others=others)
    return Case(scene, trial, degraded, degraded, truth, scene.bands, guides or {}, side_info, under)


def _degraded(image: Array, name: str, severity: float, scene: Scene, seed: int) -> Array:
    operator, generator = _operator(name, scene), _generator(seed, scene, name)
    return np.asarray(operator(image, severity, generator=generator, bands=scene.bands), np.float32)


def _operator(name: str, scene: Scene) -> Degradation:
    from llars import degrade
    from llars.degrade.noise import speckle_in_decibels

    if name == "speckle" and all(band.modality is Modality.SAR for band in scene.bands) and scene.value_range[0] < 0:
        return speckle_in_decibels(scene.value_range)
    return degrade.get(name)


def _generator(seed: int, scene: Scene, name: str) -> torch.Generator:
    import torch

    digest = hashlib.blake2b(f"{seed}/{scene.name}/{name}".encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def _kernel(trial: Trial, scene: Scene, seed: int) -> npt.NDArray[np.float64]:
    """The point spread function: the blurred image of a single bright pixel, cropped to its support."""
    impulse = np.zeros((1, IMPULSE_SIDE, IMPULSE_SIDE), np.float32)
    middle = IMPULSE_SIDE // 2
    impulse[0, middle, middle] = 1.0
    operator: Any = _operator(trial.degradation, scene)
    spread = np.asarray(operator(impulse, trial.severity, generator=_generator(seed, scene, trial.degradation)))[0]
    reached = np.argwhere(spread > 1e-6 * spread.max())
    reach = max(1, int(np.abs(reached - middle).max()))
    kernel = spread[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1].astype(np.float64)
    return np.asarray(kernel / kernel.sum())


def _coarser(scene: Scene, trial: Trial) -> Case:
    """The scene on a grid ``scale`` times coarser; for ``pansharpen`` by Wald's protocol, with a PAN as guide."""
    import torch

    from llars.bench.classical.resize import bicubic
    from llars.degrade.resolution import reduce
    from llars.degrade.wald import mtf_reduce

    scale = trial.scale
    height, width = (side - side % scale for side in scene.valid.shape)
    clean, valid = np.ascontiguousarray(scene.values[:, :height, :width]), scene.valid[:height, :width]
    fused = trial.task == "pansharpen"
    exact = torch.from_numpy(clean).double()
    degraded = np.asarray(mtf_reduce(exact, scale) if fused else reduce(exact, scale), np.float32)
    bands = tuple(band.with_gsd(band.gsd_m and band.gsd_m * scale) for band in scene.bands)
    guides = {"pan": _pan(clean, scene)} if fused else {}
    baseline = bicubic(degraded, scale)
    return Case(scene, trial, degraded, baseline, with_gaps(clean, valid), bands, guides)


def _pan(clean: Array, scene: Scene) -> Guide:
    import torch

    from llars.bands import Role
    from llars.degrade.wald import PAN_NM, panchromatic

    values = np.asarray(panchromatic(torch.from_numpy(clean), scene.bands), np.float32)
    low, high = PAN_NM
    band = Band("PAN", (low + high) / 2, high - low, scene.bands[0].gsd_m, role=Role.PAN)
    return Guide(values, (band,), scene.value_range)
