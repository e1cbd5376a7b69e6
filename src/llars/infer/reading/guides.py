"""Guides: auxiliary images on grids of their own, brought to the working grid when a window is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import xarray as xr

from llars.bands import Band, Modality, Polarisation, Role
from llars.errors import BandError, ConfigError, RasterError
from llars.infer.reading.channels import AnyImage, Range, bands_and_ranges, channels_of
from llars.infer.reading.grids import Grid, grid_of, in_common_frame, nesting, overlap
from llars.infer.reading.layers import Enlarged, Filled, Layers
from llars.infer.reading.outliers import is_open_ended, without_outliers
from llars.infer.reading.picture import Picture
from llars.infer.reading.radar import in_decibels
from llars.infer.reading.sources import ImageSource, Mapped, Shifted, Source, to_unit
from llars.infer.reading.warping import Warped, from_decibels, to_decibels
from llars.sensors import get_sensor

__all__ = ["Guide", "check_guides", "read_guides", "role_of"]

ROLES = {role.value: role for role in Role if role is not Role.TARGET}

RADAR = tuple(Band(name, modality=Modality.SAR) for name in ("VV", "VH", "HH", "HV"))
"""Bands that radar is taken for where nothing names them."""

MIN_OVERLAP = 0.05
"""Share of the input that a guide must cover."""

UNSCALED_RADAR = ("stretched 0-1", "display 0-1")
"""Units of contrast-stretched radar, which cannot be converted back to power."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Guide:
    """One auxiliary image."""

    role: Role
    source: Source
    """Physical values; calibrated radar in decibels."""

    bands: tuple[Band, ...]
    """Its bands, with the role set."""

    ranges: tuple[Range, ...]
    """Physical values that unit values 0 and 1 stand for."""

    grid: Grid
    """Its own grid, laid over the input's where either lacks a georeference."""

    in_decibels: bool = False
    """The source is in decibels, and is resampled in linear power."""

    def on(self, grid: Grid, gsd_m: float | None) -> Layers:
        """The guide on the working grid, whose pixels are ``gsd_m`` wide.

        A guide on the same pixels is used as it is; coarser pixels that nest are interpolated bicubically; everything
        else is resampled.
        """
        nested = nesting(self.grid, grid)
        if nested is not None and nested.factor == 1:
            return self._ready(Shifted(self.source, -nested.rows, -nested.columns, grid.height, grid.width), gsd_m)
        if nested is not None and not self.in_decibels:
            numbers = (-nested.rows, -nested.columns, grid.height, grid.width)
            if not any(number % nested.factor for number in numbers):
                cells = Shifted(self.source, *(number // nested.factor for number in numbers))
                return Enlarged(self._ready(cells, gsd_m and gsd_m * nested.factor), nested.factor, exact=False)
        if self.in_decibels:
            power = Warped(Mapped(self.source, from_decibels), self.grid, grid, smooth=True)
            return self._ready(Mapped(power, to_decibels), gsd_m)
        return self._ready(Warped(self.source, self.grid, grid), gsd_m)

    def _ready(self, source: Source, gsd_m: float | None) -> Filled:
        # As in training, optical guides carry the sampling distance of the working grid, and radar its own.
        radar = self.role is Role.SAR
        bands = self.bands if radar else tuple(band.with_gsd(gsd_m) for band in self.bands)
        layers = Filled.of(Mapped(source, to_unit(self.ranges)), bands)
        if not any(layers.survey.valid):
            raise RasterError(f"the guide {self.role.value} has no data where the input lies; give one that has")
        return layers


def role_of(name: str) -> Role:
    """The role called ``name``.

    Raises:
        ConfigError: there is no such role.
    """
    if not isinstance(name, str):
        raise ConfigError(
            f"found a {type(name).__name__} in place of a guide's role, expected a dict: guides={{'pan': image}}"
        )
    if name not in ROLES:
        raise ConfigError(f"unknown role {name!r} of a guide; the roles are {', '.join(ROLES)}")
    return ROLES[name]


def check_guides(images: object) -> Mapping[str, AnyImage]:
    """Guides by role, as the caller gave them; raises ConfigError where they are no dict."""
    if images is not None and not isinstance(images, Mapping):
        raise ConfigError(f"found guides of type {type(images).__name__}, expected a dict: guides={{'pan': image}}")
    return images or {}


def read_guides(images: Mapping[str, AnyImage], target: Picture, say: Say) -> dict[Role, Guide]:
    """Guides for a scene, checked against their roles and against the location of the scene.

    Args:
        images: by role: DataArrays as ``open_scene`` gives them, or arrays ``(band, y, x)``; physical values. An
            array must have the scene's shape or nest in it, as it carries no georeference.
        target: the scene.
        say: called with notes for the user.

    Raises:
        ConfigError: there is no such role.
        BandError: a guide's bands are not those that its role asks for.
        RasterError: a guide hardly overlaps the scene, or cannot be placed.
        ValueRangeError: radar that is neither decibel nor power.
    """
    return {role: _guide(role, image, target, say) for role, image in ((role_of(n), i) for n, i in images.items())}


def _guide(role: Role, image: AnyImage, target: Picture, say: Say) -> Guide:
    bands, ranges = _bands(role, image, target)
    image, own = _oriented(image, target.grid)
    source: Source = ImageSource(image)
    decibels, open_ended = False, not isinstance(image, xr.DataArray) or is_open_ended(image.attrs)
    if role is Role.SAR and _units(image) not in UNSCALED_RADAR:
        source = in_decibels(source, _units(image), f"the guide {role.value}", say)
        ranges, decibels = (get_sensor("sentinel1-grd-db").valid_range,) * len(bands), True
        open_ended = False
    source = without_outliers(source, ranges, open_ended)
    tell = say if isinstance(image, xr.DataArray) else str
    return Guide(role, source, bands, ranges, _georeferenced(role, own, target.grid, say, tell), decibels)


def _oriented(image: AnyImage, target: Grid) -> tuple[AnyImage, Grid]:
    """The guide with its rows and columns in the order of the input's, and its grid.

    Only so do the pixels of a south-up image nest in those of a north-up one.
    """
    own = grid_of(image)
    if not isinstance(image, xr.DataArray) or own.transform is None or target.transform is None:
        return image, own
    a, b, _, d, e, _ = tuple(~target.transform @ own.transform)[:6]
    if (own.crs != target.crs and None not in (own.crs, target.crs)) or b or d or (a > 0 and e > 0):
        return image, own
    order = {axis: slice(None, None, -1) for axis, step in (("y", e), ("x", a)) if step < 0}
    return image.isel(order), own.mirrored("y" in order, "x" in order)


def _units(image: AnyImage) -> str | None:
    return image.attrs.get("units") if isinstance(image, xr.DataArray) else None


def _bands(role: Role, image: AnyImage, target: Picture) -> tuple[tuple[Band, ...], tuple[Range, ...]]:
    """Bands and ranges of a guide, checked against its role."""
    try:
        count = channels_of(image)
    except BandError as error:
        raise BandError(f"the guide {role.value}: {error}") from None
    own = isinstance(image, xr.DataArray) and "bands" in image.attrs
    bands, ranges = bands_and_ranges(image) if own else (_default_bands(role, count, target), target.ranges[:1] * count)
    radar = [band.name for band in bands if band.modality is Modality.SAR]
    other = [band.name for band in bands if band.modality in (Modality.OPTICAL, Modality.THERMAL)]
    if unexpected := other if role is Role.SAR else radar:
        kind, expected = ("optical", "radar (VV, VH)") if role is Role.SAR else ("radar", "an optical image")
        raise BandError(
            f"the guide {role.value} holds {', '.join(unexpected[:4])} ({kind}), expected {expected}; "
            "give the right file or the right role"
        )
    wanted = {Role.PAN: 1, Role.FINE_BEFORE: len(target.bands), Role.COARSE_BEFORE: len(target.bands)}.get(role, count)
    if count != wanted:
        why = "one panchromatic band" if role is Role.PAN else f"those of the input, one by one ({wanted})"
        raise BandError(f"the guide {role.value} has {count} bands, expected {why}; select them")
    if role is Role.COARSE_BEFORE and isinstance(image, xr.DataArray) and image.attrs.get("sensor") == "unknown":
        # The same sensor as the input's: the dates can only be compared in one common range.
        ranges = target.ranges
    return tuple(_with_role(role, band) for band in bands), ranges


def _default_bands(role: Role, count: int, target: Picture) -> tuple[Band, ...]:
    """Bands to assume for an image without band metadata."""
    if role is Role.SAR:
        if count > len(RADAR):
            raise BandError(f"the guide sar has {count} bands, expected radar, {len(RADAR)} bands at most; select them")
        return RADAR[:count]
    if role is Role.PAN:
        return tuple(Band("PAN", 625.0, 350.0) for _ in range(count))
    return (target.bands * count)[:count]


def _with_role(role: Role, band: Band) -> Band:
    if role is not Role.SAR:
        return replace(band, role=role)
    known = {polarisation.value for polarisation in Polarisation}
    name = band.name.lower()[:2]
    polarisation = Polarisation(name) if name in known else band.polarisation
    return replace(band, role=role, modality=Modality.SAR, polarisation=polarisation, wavelength_nm=None, width_nm=None)


def _georeferenced(role: Role, own: Grid, target: Grid, say: Say, tell: Say) -> Grid:
    """The grid of the guide, laid over the input's where either lacks a georeference.

    ``tell`` is called if a georeference is assumed: arrays cannot have one, so of them nothing is said.
    """
    pair = in_common_frame(own, target)
    if pair is None:
        lacking = "guide" if own.transform is None else "input"
        raise RasterError(
            f"the {lacking} has no georeference, and the guide {role.value} ({own.width} x {own.height} px) and the "
            f"input ({target.width} x {target.height} px) do not nest; give it a CRS and a transform "
            "(gdalwarp where it has ground control points, else gdal_edit.py -a_srs ... -a_ullr ...)"
        )
    grid, base = pair
    if (own.transform is None) != (target.transform is None):
        tell(f"only one of the input and the guide {role.value} has a georeference: both are taken for the same area")
    assumed = _assumed_crs(role, own, target)
    if assumed:
        say(assumed)
    share = overlap(base, grid)
    if share < MIN_OVERLAP:
        found = f"{assumed}; there the guide" if assumed else f"the guide {role.value}"
        raise RasterError(
            f"{found} covers {share:.1%} of the input; expected at least {MIN_OVERLAP:.0%}: give one of the same place"
            f"{' and with a CRS (gdal_edit.py -a_srs ...)' if assumed else ''}"
        )
    return grid


def _assumed_crs(role: Role, own: Grid, target: Grid) -> str:
    """What is assumed of the CRS if only one of the guide and the input has one; else an empty text."""
    if own.transform is None or target.transform is None or (own.crs is None) == (target.crs is None):
        return ""
    guide = f"guide {role.value}"
    lacking, other, known = (guide, "input", target.crs) if own.crs is None else ("input", guide, own.crs)
    assert known is not None
    return (
        f"the {lacking} has no CRS: its coordinates are taken to be in that of the {other} ({known.to_string()[:40]})"
    )
