"""Images of one place on one pixel grid: radar beside optical, and several dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.bands import Band, Modality, Role
from llars.data.catalog import OnFault, entries, of_split, read_entry, stricter_footprints, tell
from llars.data.footprints import Ground
from llars.data.records import Record, alone
from llars.errors import ConfigError, DataError
from llars.sample import Sample
from llars.sensors import get_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLEAR_CLASSES", "CLEAR_SHARE", "DAY", "Stack", "enlarged", "read_stacks", "stacks_from"]

CLEAR_CLASSES = (4, 5, 6)
"""Classes of Sentinel-2's scene classification (SCL) that show the ground: vegetation, bare soil, water."""

CLEAR_SHARE = 0.99
"""Share of a date's pixels that must belong to those classes."""

DAY = 86400.0


@dataclass(frozen=True)
class Stack:
    """The description of one stack in a configuration."""

    name: str
    """Name of the stack."""

    images: tuple[str, ...] = ()
    """Identifiers of the catalogue's images that lie on the grid."""

    enlarged: tuple[str, ...] = ()
    """Identifiers of coarser images whose bands are interpolated to the grid and joined to those of ``images[0]``."""

    series: str = ""
    """Identifier of a series of Sentinel-1 and -2 in one ``.npz`` file, whose clear dates form the stack."""

    leave_out: tuple[int, ...] = ()
    """Indices of dates of ``series`` that are not clear, although their classes say so."""


def stacks_from(settings: Mapping[str, Mapping[str, Any]]) -> tuple[Stack, ...]:
    """The stacks that a configuration describes; ``each`` makes one stack per word, which replaces ``{}``.

    Raises:
        ConfigError: a key is unknown.
    """
    found = []
    for name, fields in settings.items():
        for word in fields.get("each", [""]):
            values = {key: _filled(value, str(word)) for key, value in fields.items() if key != "each"}
            try:
                found.append(Stack(name.replace("{}", str(word)), **values))
            except TypeError as error:
                raise ConfigError(
                    f"stack {name}: {error}; known are images, enlarged, series, leave_out, each"
                ) from None
    return tuple(found)


def read_stacks(
    samples: Iterable[Sample],
    folder: str | Path,
    split: str,
    stacks: Iterable[Stack],
    on_fault: OnFault | None = None,
) -> Iterator[Record]:
    """``samples`` of a catalogue's split and the further images of the stacks; one record for each stack.

    Stacks of other splits, and of places of which a stricter split has another date, are left out. Radar gets the role
    of a guide and does not count as clean, nor do stretched or interpolated images; the temporal mean of a radar
    series, in linear power, does. A faulty stack is reported to ``on_fault``, and its images follow one by one.

    Raises:
        DataError: without ``on_fault``: the catalogue lacks an image, images of one stack differ in shape, or a file
            cannot be read.
    """
    root = Path(folder)
    listed = {entry["id"]: entry for entry in entries(root)}
    inside = {entry["id"] for entry in of_split(list(listed.values()), split)}
    keep_out = stricter_footprints(root, list(listed.values()), split)
    kept = []
    for stack in stacks:
        try:
            if _origins(stack, listed) <= inside:
                kept.append(stack)
        except DataError as error:
            tell(error, on_fault)
    home = {image: stack.name for stack in kept for image in stack.images}
    held: dict[str, dict[str, Sample]] = defaultdict(dict)
    for sample in samples:
        if sample.scene in home:
            held[home[sample.scene]][sample.scene] = sample
        else:
            yield alone(sample)
    for stack in kept:
        members = held[stack.name]
        try:
            yield _together(stack, [*members.values(), *_further(root, listed, stack, members, keep_out)])
        except DataError as error:
            tell(error, on_fault)
            yield from map(alone, members.values())


def _together(stack: Stack, members: list[Sample]) -> Record:
    sizes = sorted({sample.values.shape[1:] for sample in members})
    if len(sizes) != 1:
        raise DataError(f"stack {stack.name}: images of {sizes or 'no'} pixels; they must lie on one grid")
    roles = {band.role for sample in members for band in sample.bands}
    task = "cloud_sar" if roles == {Role.SAR, Role.TARGET} else "stf"
    images = {sample.scene: replace(sample, stack=stack.name) for sample in members}
    return Record(stack.name, task, members[0].group, images)


def _filled(value: Any, word: str) -> Any:
    if isinstance(value, str):
        return value.replace("{}", word)
    return tuple(_filled(one, word) for one in value) if isinstance(value, list) else value


def _origins(stack: Stack, listed: Mapping[str, Any]) -> set[str]:
    """Identifiers of the catalogue entries that a stack is made of."""
    names = {name.removesuffix("_stack") for name in (*stack.images, *stack.enlarged, stack.series) if name}
    if missing := sorted(names - listed.keys()):
        raise DataError(f"stack {stack.name}: the catalogue has no {', '.join(missing)}; mend the configuration")
    return names


def _further(
    root: Path, listed: Mapping[str, Any], stack: Stack, seen: Collection[str], keep_out: list[Ground]
) -> Iterator[Sample]:
    """The samples of a stack that are not among those read from the catalogue already."""

    def read(name: str) -> Sample:
        return read_entry(root, listed[name], keep_out).sample

    for image in stack.images:
        if image not in seen:
            yield _as_guide(read(image))
    if stack.enlarged:
        yield _withenlarged(read(stack.images[0]), [read(name) for name in stack.enlarged])
    if stack.series:
        yield from _dates(root, listed[stack.series], stack.leave_out)


def _as_guide(sample: Sample) -> Sample:
    """The sample as a member of a stack: radar becomes a guide; radar and stretched (8-bit) images are not clean."""
    radar = all(band.modality is Modality.SAR for band in sample.bands)
    bands = _radar(sample.bands) if radar else sample.bands
    return replace(sample, bands=bands, clean=not radar and not sample.sensor.endswith("-8bit"))


def _radar(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    return tuple(replace(band, role=Role.SAR) for band in bands)


def _withenlarged(fine: Sample, coarse: list[Sample]) -> Sample:
    """The fine bands and the coarse ones interpolated to their grid, in order of wavelength."""
    height, width = fine.values.shape[1:]
    parts, bands, valid = [fine.values], list(fine.bands), fine.valid
    for sample in coarse:
        factor = height // sample.values.shape[1]
        if (sample.scale, sample.offset) != (fine.scale, fine.offset) or factor * sample.values.shape[2] != width:
            raise DataError(f"{sample.scene} does not nest in {fine.scene}: units or size differ; mend the stack")
        parts.append(enlarged(sample.values, factor))
        bands += [band.with_gsd(fine.bands[0].gsd_m) for band in sample.bands]
        valid = valid & sample.valid.repeat(factor, axis=0).repeat(factor, axis=1)
    order = sorted(range(len(bands)), key=lambda i: bands[i].wavelength_nm or 0.0)
    return replace(
        fine,
        scene=f"{fine.scene}_all",
        bands=tuple(bands[i] for i in order),
        values=np.concatenate(parts)[order],
        valid=valid,
        sharp=False,
        clean=False,
    )


def enlarged(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """``(band, y, x)`` on a grid ``factor`` times finer, by cubic interpolation, in the same dtype."""
    from affine import Affine
    from rasterio.warp import Resampling, reproject

    count, height, width = values.shape
    fine = np.empty((count, factor * height, factor * width), dtype=np.float32)
    crs = "EPSG:32631"  # any CRS will do: the grids differ only in pixel size
    coarse = values.astype(np.float32)
    grids = {"src_transform": Affine.scale(factor), "dst_transform": Affine.identity()}
    reproject(coarse, fine, **grids, src_crs=crs, dst_crs=crs, resampling=Resampling.cubic)
    if np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(values.dtype)
        fine = fine.round().clip(limits.min, limits.max)
    return fine.astype(values.dtype)


def _dates(root: Path, entry: Mapping[str, Any], leave_out: tuple[int, ...]) -> Iterator[Sample]:
    """The clear dates of a series, the radar date nearest to each, and the mean of all radar dates.

    The arrays named ``20m`` are interpolated to a grid twice as fine, so that they are large enough for patches of
    64 pixels.
    """
    try:
        with np.load(root / entry["file"], allow_pickle=False) as series:
            arrays = {key: series[key] for key in series if key.startswith(("s1_20m", "s2_20m"))}
    except (OSError, ValueError) as error:
        raise DataError(f"{root / entry['file']} cannot be read ({error}); fetch the data set again") from error
    share = np.isin(arrays["s2_20m_scl"], CLEAR_CLASSES).mean(axis=(1, 2))
    clear = [int(date) for date in np.flatnonzero(share >= CLEAR_SHARE) if int(date) not in leave_out]
    optical_days, radar_days = _days(arrays, "s2_20m_days"), _days(arrays, "s1_20m_days")

    def sample(name: str, sensor: str, values: NDArray[Any], day: float | None, clean: bool = False) -> Sample:
        radar = sensor.startswith("sentinel1")
        known = get_sensor(sensor)
        names = arrays["s1_20m_bands" if radar else "s2_20m_bands"]
        bands = tuple(known.band(str(one)).with_gsd(10.0) for one in names)
        return Sample(
            scene=f"{entry['id']}_{name}",
            split=entry["split"],
            sensor=sensor,
            bands=_radar(bands) if radar else bands,
            values=enlarged(values, 2),
            scale=0.01 if radar else 1e-4,
            offset=0.0,
            valid=np.ones((2 * values.shape[1], 2 * values.shape[2]), dtype=bool),
            value_range=known.valid_range,
            group=entry["group"],
            sharp=False,
            clean=clean,
            day=day,
            source=entry["source"],
            licence=entry["licence"],
        )

    for date in clear:
        yield sample(f"s2_{date:03}", "sentinel2-l2a", arrays["s2_20m"][date], float(optical_days[date]))
    power = (10.0 ** (arrays["s1_20m"] / 1000.0)).mean(axis=0)
    mean = (1000.0 * np.log10(power)).round().astype(np.int16)
    yield sample("s1_mean", "sentinel1-grd-db", mean, None, clean=True)
    nearest = {int(np.abs(radar_days - optical_days[date]).argmin()) for date in clear}
    for date in sorted(nearest):
        yield sample(f"s1_{date:03}", "sentinel1-grd-db", arrays["s1_20m"][date], float(radar_days[date]))


def _days(arrays: Mapping[str, NDArray[Any]], key: str) -> NDArray[np.float64]:
    """Days since 1970, from seconds since the epoch that ``<key>_unit`` names."""
    start = datetime.fromisoformat(str(arrays[f"{key}_unit"]).removeprefix("seconds since "))
    return np.asarray(arrays[key] / DAY + (start - datetime(1970, 1, 1)).total_seconds() / DAY)
