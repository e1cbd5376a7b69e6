"""Cases from public sets in the layouts of their authors, for the protocols other than ``configs/eval/shared.yaml``.

Images are taken whole. Unit values are those of the input's sensor: a peak of 1 is 255 of an 8-bit picture, a
reflectance of 1, or the largest digital number of a detector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from llars.bench.cases import Case, Guide, Mask, Scene, SideInformation, scene_of, with_gaps
from llars.bench.classical.resize import bicubic
from llars.bench.cloud_cases import clouded
from llars.bench.fullscale import without_truth
from llars.bench.fusion import fusion_case, in_range
from llars.bench.protocols import Trial
from llars.bench.scenes import Folder
from llars.bench.series import to_power
from llars.data.readers import Paired, read_set
from llars.degrade.wald import MS_NYQUIST, NYQUIST, PAN_NYQUIST
from llars.errors import ConfigError

__all__ = ["published_pairs", "reduced_pairs"]

GUIDES = ("pan", "sar")
"""Roles of guides that go to the restorer unchanged; those of ``stf`` are first matched in calibration."""


def published_pairs(trial: Trial, folder: Folder) -> Iterator[Case]:
    """The test part of the trial's sets, with the truth if the set has one.

    Raises:
        ConfigError: the set is of another task, or its grids differ by another factor.
    """
    for pair in _read(trial, folder):
        images = _images(pair, trial)
        if pair.task == "stf":
            before = {role: images[role] for role in ("fine_before", "coarse_before")}
            case = fusion_case(trial, images["target"], images["input"], **before)
            yield replace(case, scene=replace(case.scene, name=images["target"].name))
            continue
        scale = pair.factors.get("target", pair.factors.get("pan", 1))
        if scale != trial.scale:
            raise ConfigError(f"{trial.name}: grids of {pair.set} differ by a factor of {scale}, not {trial.scale}")
        yield _case(images, trial, _side_info(images, pair))


def reduced_pairs(trial: Trial, folder: Folder) -> Iterator[Case]:
    """Multispectral and PAN images as a sensor with pixels ``scale`` times as wide would have seen them.

    Wald's protocol with the sensor's MTF: the original multispectral image is the truth. Raises like
    ``published_pairs``.
    """
    from torch import from_numpy

    from llars.degrade.wald import mtf_reduce

    for pair in _read(trial, folder):
        images = _images(pair, trial)
        truth, gains, pan_gain = images["input"], *_transfer(pair)
        bands = tuple(band.with_gsd(band.gsd_m and band.gsd_m * trial.scale) for band in truth.bands)
        coarse, pan = (
            np.asarray(mtf_reduce(from_numpy(image.values).double(), trial.scale, gain), np.float32)
            for image, gain in ((truth, gains), (images["pan"], pan_gain))
        )
        valid = _reduced(truth.valid, trial.scale)
        coarse_scene = replace(truth, values=coarse, valid=valid, bands=bands)
        sharp = replace(images["pan"], values=pan, bands=(images["pan"].bands[0].with_gsd(truth.bands[0].gsd_m),))
        yield _case({"input": coarse_scene, "target": truth, "pan": sharp}, trial, SideInformation(gains=gains))


def _read(trial: Trial, folder: Folder) -> Iterator[Paired]:
    for name in trial.sets:
        for pair in read_set(name, folder.root, "test", folder.faults.append):
            if pair.task != trial.task:
                raise ConfigError(f"{trial.name} is of the task {trial.task}, and {name} of {pair.task}")
            yield pair


def _images(pair: Paired, trial: Trial) -> dict[str, Scene]:
    """Scenes by role. All images of a trial form one data set, as means are conventionally taken over all images."""
    sensor = pair.images["target" if pair.task == "stf" else "input"].sensor
    scenes = {role: scene_of(sample) for role, sample in pair.images.items()}
    name, data_set = f"{pair.set}_{pair.scene}", f"{sensor} / {trial.name}"
    return {role: replace(scene, name=name, data_set=data_set) for role, scene in scenes.items()}


def _case(images: Mapping[str, Scene], trial: Trial, side_info: SideInformation) -> Case:
    image, target, scale = images["input"], images.get("target"), trial.scale
    guides = {
        role: Guide(images[role].values, images[role].bands, images[role].value_range)
        for role in GUIDES
        if role in images
    }
    if target is None:
        return replace(without_truth(trial, image, guides), side_info=side_info)
    baseline = bicubic(image.values, scale) if scale > 1 else image.values
    valid = image.valid.repeat(scale, 0).repeat(scale, 1) & target.valid
    truth = with_gaps(in_range(target, image), valid)
    scene = replace(image, values=truth, valid=valid, bands=target.bands)
    return Case(scene, trial, image.values, baseline, truth, image.bands, guides, side_info, side_info.clouds)


def _side_info(images: Mapping[str, Scene], pair: Paired) -> SideInformation:
    """The side information for rivals, from the truth if necessary."""
    image, target = images["input"], images.get("target")
    if pair.task == "denoise" and target is not None:
        return SideInformation(looks=_looks(image, target))
    if pair.task.startswith("cloud") and target is not None:
        return SideInformation(clouds=clouded(image.values, in_range(target, image), image.bands))
    return SideInformation(gains=_transfer(pair)[0] if pair.task == "pansharpen" else ())


def _looks(noisy: Scene, clean: Scene) -> float:
    """Equivalent number of looks of a noisy image from its ratio to the clean one: squared mean over variance."""
    numerator, denominator = (
        to_power(one.values, one.value_range) if one.units == "dB" else one.values.astype(np.float64)
        for one in (noisy, clean)
    )
    ratio = (numerator / np.maximum(denominator, 1e-6 * denominator.mean()))[:, noisy.valid & clean.valid]
    return float(ratio.mean() ** 2 / max(float(ratio.var()), 1e-9))


def _transfer(pair: Paired) -> tuple[tuple[float, ...], float]:
    """MTF gains at Nyquist of the bands and of the PAN; typical values for sensors without published ones."""
    published_gains = NYQUIST.get(pair.images["input"].sensor.removesuffix("-dn"))
    if published_gains is None or len(published_gains[0]) != len(pair.images["input"].bands):
        return (MS_NYQUIST,), PAN_NYQUIST
    return published_gains


def _reduced(valid: Mask, scale: int) -> Mask:
    height, width = (side // scale for side in valid.shape)
    return np.asarray(valid.reshape(height, scale, width, scale).all(axis=(1, 3)))
