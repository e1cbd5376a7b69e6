"""Identify the sensor of a file by its metadata, without reading pixels."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llars.bands import Band, Modality, Sensor
from llars.errors import BandError, SensorError
from llars.sensors import SENSORS

__all__ = ["Evidence", "Match", "bands_of", "identify"]

_MISSION_HINTS = {
    "landsat_4": "landsat4",
    "landsat_5": "landsat5",
    "landsat_7": "landsat7",
    "landsat_8": "landsat8",
    "landsat_9": "landsat9",
    "sentinel-1": "sentinel1",
    "sentinel-2": "sentinel2",
    "level-2a": "-l2a",
    "level-1c": "-l1c",
    "s2msi2a": "-l2a",
    "s2msi1c": "-l1c",
    "l2sp": "-sr",
    "l1tp": "-l1",
}
"""Words that providers write into the tags below, and the part of a sensor's name that each implies."""

_HINT_TAGS = (
    "SPACECRAFT_ID",
    "SPACECRAFT_NAME",
    "PLATFORM",
    "PROCESSING_LEVEL",
    "PRODUCT_TYPE",
    "DATATAKE_1_SPACECRAFT_NAME",
)


@dataclass(frozen=True)
class Evidence:
    """Metadata of a file; tuples of bands have one entry per data band."""

    descriptions: tuple[str | None, ...]
    """Band descriptions."""

    wavelengths: tuple[tuple[float, float | None] | None, ...]
    """Centre wavelength and width in nm, from the IMAGERY metadata."""

    dtype: str
    """NumPy name of the stored type."""

    scaling: tuple[float, float] | None = None
    """The file's own scale and offset; None where it has none."""

    tags: Mapping[str, str] | None = None
    """Tags of the file."""

    colours: tuple[str, ...] = ()
    """Colour interpretation of each band: ``red``, ``gray``, ..."""


@dataclass(frozen=True)
class Match:
    """The sensor that a file comes from."""

    sensor: Sensor | None
    """None where no sensor fits, or more than one."""

    bands: tuple[Band, ...]
    """One per data band; for an unknown sensor, with what the file says."""

    source: str
    """``given``, ``tag``, ``descriptions``, ``imagery``, ``colours`` or ``fallback``."""

    notes: tuple[str, ...] = ()
    """Sentences that the user should read."""


def _is_pan(band: Band) -> bool:
    return "pan" in band.aliases


def _by_descriptions(sensor: Sensor, descriptions: Sequence[str | None]) -> tuple[Band, ...] | None:
    found = []
    for description in descriptions:
        # "B4, central wavelength 665 nm" (GDAL's Sentinel-2 driver), "B4 (red)"
        label = re.split(r"[,(]", description or "", maxsplit=1)[0].strip()
        try:
            found.append(sensor.band(label))
        except BandError:
            return None
    # Bands of different pixel size don't share a file: "B8" beside "B4" isn't Landsat's panchromatic band.
    mixed = len({_is_pan(band) for band in found}) > 1
    return None if mixed or len(set(found)) < len(found) else tuple(found)


def _tolerance(wavelength: float) -> float:
    # Satellites of one series differ by this much: Sentinel-2A and 2B by 17 nm in band 12.
    return max(10.0, 0.012 * wavelength)


def _by_wavelengths(
    sensor: Sensor, wavelengths: Sequence[tuple[float, float | None] | None]
) -> tuple[tuple[Band, ...], float] | None:
    """Bands nearest in wavelength and the mean distance in nm, or None where one has no match."""
    found, distances = [], []
    for physics in wavelengths:
        if physics is None:
            return None
        centre, width = physics
        near = [
            (abs(band.wavelength_nm - centre) + 0.5 * abs((band.width_nm or 0) - (width or band.width_nm or 0)), band)
            for band in sensor.bands
            if band.wavelength_nm is not None and abs(band.wavelength_nm - centre) <= _tolerance(centre)
        ]
        if not near:
            return None
        distance, band = min(near, key=lambda pair: pair[0])
        found.append(band)
        distances.append(distance)
    if len(set(found)) < len(found) or len({_is_pan(band) for band in found}) > 1:
        return None
    return tuple(found), sum(distances) / len(distances)


def _with_physics(bands: Sequence[Band], evidence: Evidence) -> tuple[Band, ...]:
    """The same bands with the wavelengths that the file gives: it knows the satellite within its series."""
    return tuple(
        band if known is None else replace(band, wavelength_nm=known[0], width_nm=known[1] or band.width_nm)
        for band, known in zip(bands, evidence.wavelengths, strict=True)
    )


def bands_of(sensor: Sensor, evidence: Evidence) -> tuple[Band, ...]:
    """Which of the sensor's bands the file holds: by description, by wavelength, or all of them in order.

    Raises:
        SensorError: the file doesn't say, and its number of bands is not the sensor's.
    """
    count = len(evidence.descriptions)
    found = _by_descriptions(sensor, evidence.descriptions)
    if found is None:
        nearest = _by_wavelengths(sensor, evidence.wavelengths)
        found = nearest[0] if nearest else None
    if found is None:
        imaging = tuple(band for band in sensor.bands if len(sensor.bands) == 1 or not _is_pan(band))
        if count != len(imaging):
            labels = ", ".join(text or "?" for text in evidence.descriptions[:6])
            raise SensorError(
                f"{count} bands described as {labels} are not bands of {sensor.name}, which has "
                f"{', '.join(band.name for band in sensor.bands)}; describe each band of the file "
                f"(rio edit-info -b 1 --description {sensor.bands[0].name} FILE) or name another sensor"
            )
        found = imaging
    return _with_physics(found, evidence)


def _fits(sensor: Sensor, evidence: Evidence) -> bool:
    """Whether the stored type is one in which this product comes."""
    if (abs(sensor.scale * 255 - 1) < 1e-6) != (evidence.dtype == "uint8"):
        return False
    if evidence.scaling is not None:
        # A file with a scale of its own holds physical values, not plain digital numbers.
        return not sensor.units.startswith("DN") or evidence.scaling == (sensor.scale, sensor.offset)
    if sensor.offset < 0 and evidence.dtype == "int16":
        return False  # Landsat Collection 2 is unsigned; signed is Collection 1, which scales otherwise.
    return sensor.scale != 1.0 or evidence.dtype.startswith("float")


def _kind(sensor: Sensor, bands: Sequence[Band], evidence: Evidence) -> tuple[object, ...]:
    """Sensors of the same kind give the same physical values and bands for a file: any of them will do."""
    if bands[0].modality is Modality.SAR:
        return ("sar",)  # decibel or linear: the sign of the values tells
    conversion = None
    if evidence.scaling is None and not evidence.dtype.startswith("float"):
        conversion = (sensor.scale, sensor.offset)
    return (sensor.units, conversion, tuple(band.wavelength_nm for band in bands))


def _hinted(names: Sequence[str], evidence: Evidence) -> list[str]:
    """The candidates that the mission tags name; all of them where the tags name none."""
    text = " ".join((evidence.tags or {}).get(tag, "") for tag in _HINT_TAGS).lower()
    for word, part in _MISSION_HINTS.items():
        kept = [name for name in names if part in name]
        if word in text and kept:
            names = kept
    return list(names)


def _candidates(evidence: Evidence) -> tuple[dict[str, tuple[Band, ...]], str]:
    """Sensors that the descriptions fit and the wavelengths don't contradict, else those that the wavelengths fit."""
    possible = [s for s in SENSORS.values() if s.guess and _fits(s, evidence)]
    described = {s.name: bands for s in possible if (bands := _by_descriptions(s, evidence.descriptions))}
    near = {s.name: pair for s in possible if (pair := _by_wavelengths(s, evidence.wavelengths))}
    if near:
        agreeing = {name: pair for name, pair in near.items() if described.get(name) == pair[0]}
        best = min(distance for _, distance in (agreeing or near).values())
        closest = {name: bands for name, (bands, far) in (agreeing or near).items() if far <= best + 1.0}
        return closest, "descriptions" if agreeing else "imagery"
    if all(known is None for known in evidence.wavelengths):
        return described, "descriptions"
    return {}, "fallback"


def identify(evidence: Evidence) -> Match:
    """Find the sensor of a file: by a SENSOR tag, by band descriptions, by wavelengths, by colours.

    Never guesses: where products with different values or bands fit equally well, the sensor stays unknown and a note
    names them.
    """
    named = SENSORS.get((evidence.tags or {}).get("SENSOR", "").lower())
    if named is not None:
        try:
            return Match(named, bands_of(named, evidence), "tag")
        except SensorError:
            pass
    found, source = _candidates(evidence)
    names = _hinted(list(found), evidence)
    whole = [name for name in names if len(found[name]) == len(SENSORS[name].bands)]
    if whole and "rgb" in whole:
        names = whole
    same = [name for name in names if (SENSORS[name].scale, SENSORS[name].offset) == evidence.scaling]
    names.sort(key=lambda name: name not in same)
    if len({_kind(SENSORS[name], found[name], evidence) for name in names}) > 1:
        names = same or names
    if len({_kind(SENSORS[name], found[name], evidence) for name in names}) == 1:
        sensor = SENSORS[names[0]]
        others = [name for name in names[1:] if not name.startswith("sentinel1")]
        also = f"taken for {sensor.name}; {_listed(others)} would fit as well (--sensor)"
        return Match(sensor, _with_physics(found[names[0]], evidence), source, (also,) if others else ())
    if evidence.dtype == "uint8" and evidence.colours == ("red", "green", "blue") and not any(evidence.descriptions):
        return Match(SENSORS["rgb"], SENSORS["rgb"].bands, "colours")
    doubt = (f"the bands fit {_listed(names)}: name the right one (--sensor)",) if names else ()
    return Match(None, _anonymous(evidence), "fallback", doubt)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def _anonymous(evidence: Evidence) -> tuple[Band, ...]:
    """Bands of an unknown sensor: named as described, with the wavelengths given or implied by names of colours."""
    bands = []
    for i, (text, known) in enumerate(zip(evidence.descriptions, evidence.wavelengths, strict=True)):
        name = text or f"band_{i + 1}"
        try:
            like = SENSORS["naip"].band(name) if name.lower() in ("red", "green", "blue", "nir") else None
        except BandError:
            like = None
        centre, width = known or ((like.wavelength_nm, like.width_nm) if like else (None, None))
        modality = Modality.UNKNOWN if centre is None else Modality.THERMAL if centre > 3000 else Modality.OPTICAL
        bands.append(Band(name, wavelength_nm=centre, width_nm=width, modality=modality))
    return tuple(bands)
