"""Samples of a corpus, and the JSON that describes a sample beside its arrays."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band, Modality, Polarisation, Role
from llars.errors import DataError
from llars.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Record", "alone", "bands_from", "describe", "sample_from"]


@dataclass(frozen=True)
class Record:
    """One sample of a data set: the images that belong together."""

    key: str
    """Unique in its corpus."""

    task: str
    """Key of the task that the images serve; ``clean`` for a true image from which pairs are yet to be made."""

    place: str
    """Place on the ground; no two splits share one."""

    images: Mapping[str, Sample]
    """Images by name: ``input``, ``target``, the role of a guide, or any name in a stack."""

    severity: float | None = None
    """Strength of the fault in [0, 1] ([-1, 1] for brightness); None if there is no fault or it is unknown."""

    citation: str = ""
    """Citation that the authors of the data set ask for."""

    @property
    def split(self) -> str:
        """``train``, ``val`` or ``test``."""
        return next(iter(self.images.values())).split

    @property
    def sensor(self) -> str:
        """Sensor of the image that is restored."""
        targets = [one for one in self.images.values() if one.bands and one.bands[0].role is Role.TARGET]
        return (targets or list(self.images.values()))[0].sensor


def alone(sample: Sample) -> Record:
    """A record of a single image, from which pairs are yet to be made."""
    return Record(sample.scene, "clean", sample.group or sample.scene, {"image": sample})


def sample_from(image: Mapping[str, Any], split: str, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Sample:
    """The image that a shard describes."""
    box = image["footprint"]
    return Sample(
        scene=image["scene"],
        split=split,
        sensor=image["sensor"],
        bands=bands_from(image),
        values=values,
        scale=image["scale"],
        offset=image["offset"],
        valid=np.broadcast_to(np.True_, values.shape[1:]) if valid is None else valid,
        value_range=(image["value_range"][0], image["value_range"][1]),
        group=image["group"],
        sharp=image["sharp"],
        clean=image["clean"],
        stack=image["stack"],
        day=image["day"],
        footprint=None if box is None else (box[0], box[1], box[2], box[3]),
        source=image["source"],
        licence=image["licence"],
    )


def bands_from(image: Mapping[str, Any]) -> tuple[Band, ...]:
    """The bands of an image that a shard describes."""
    return tuple(_band(**{**one, "aliases": tuple(one["aliases"])}) for one in image["bands"])


@functools.lru_cache(maxsize=4096)
def _band(modality: str, polarisation: str, role: str, **others: Any) -> Band:
    return Band(modality=Modality(modality), polarisation=Polarisation(polarisation), role=Role(role), **others)


@functools.lru_cache(maxsize=4096)
def _band_fields(band: Band) -> dict[str, Any]:
    return asdict(band)


def describe(sample: Sample, whole: bool) -> dict[str, Any]:
    """The JSON description of an image; ``whole`` states that all pixels are valid.

    Raises:
        DataError: no pixel is valid, or the numbers of stored and of described bands differ.
    """
    if len(sample.values) != len(sample.bands):
        found = f"{len(sample.values)} bands are stored, {len(sample.bands)} described"
        raise DataError(f"{sample.scene}: {found}; mend the catalogue or the file")
    pixels = sample.values[0].size if whole else int(sample.valid.sum())
    if not pixels:
        raise DataError(f"{sample.scene} has no valid pixel; leave it out")
    return {
        "scene": sample.scene,
        "sensor": sample.sensor,
        "group": sample.group,
        "footprint": sample.footprint,
        "bands": [_band_fields(band) for band in sample.bands],
        "shape": sample.values.shape,
        "whole": whole,
        "scale": sample.scale,
        "offset": sample.offset,
        "value_range": sample.value_range,
        "sharp": sample.sharp,
        "clean": sample.clean,
        "stack": sample.stack,
        "day": sample.day,
        "pixels": pixels,
        "source": sample.source,
        "licence": sample.licence,
        "statistics": _statistics(sample, whole),
    }


def _statistics(sample: Sample, whole: bool) -> list[dict[str, float]]:
    """Mean, std, min and max of every band over valid pixels, in physical values."""
    held = sample.values.reshape(len(sample.values), -1) if whole else sample.values[:, sample.valid]
    mean = held.mean(axis=1, dtype=np.float64) * sample.scale + sample.offset
    std = held.std(axis=1, dtype=np.float64) * abs(sample.scale)
    ends = [held.min(axis=1) * sample.scale + sample.offset, held.max(axis=1) * sample.scale + sample.offset]
    rows = zip(mean.tolist(), std.tolist(), np.minimum(*ends).tolist(), np.maximum(*ends).tolist(), strict=True)
    return [dict(zip(("mean", "std", "min", "max"), row, strict=True)) for row in rows]
