"""Descriptions of bands and of the sensors that record them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from llars.errors import BandError

__all__ = ["Band", "Modality", "Polarisation", "Role", "Sensor", "plain_bands", "true_colour"]

RED_GREEN_BLUE_NM = (660.0, 560.0, 480.0)
"""Wavelengths of true colours; also assumed for three bands without known wavelengths."""

VISIBLE_NM = (400.0, 720.0)


class Modality(StrEnum):
    """The kind of radiation and measurement."""

    OPTICAL = "optical"
    THERMAL = "thermal"
    SAR = "sar"
    UNKNOWN = "unknown"


class Polarisation(StrEnum):
    """Transmit and receive polarisation of a radar band; NONE for any other."""

    NONE = "none"
    VV = "vv"
    VH = "vh"
    HH = "hh"
    HV = "hv"


class Role(StrEnum):
    """Purpose of a band: the target is restored, every other role is a guide."""

    TARGET = "target"
    SAR = "sar"
    PAN = "pan"
    FINE_BEFORE = "fine_before"
    COARSE_BEFORE = "coarse_before"


@dataclass(frozen=True)
class Band:
    """One channel and its known properties."""

    name: str
    """Name as the data provider writes it: ``B04``, ``VV``, ``R``."""

    wavelength_nm: float | None = None
    """Centre wavelength in nanometres; None where unknown or meaningless (radar)."""

    width_nm: float | None = None
    """Full width at half maximum in nanometres."""

    gsd_m: float | None = None
    """Ground sampling distance in metres."""

    modality: Modality = Modality.OPTICAL
    """Kind of radiation."""

    polarisation: Polarisation = Polarisation.NONE
    """Radar polarisation."""

    role: Role = Role.TARGET
    """Target or kind of guide."""

    aliases: tuple[str, ...] = ()
    """Other names under which files describe the band: ``red``, ``SR_B4``."""

    def with_gsd(self, gsd_m: float | None) -> "Band":
        """The same band sampled at ``gsd_m`` metres."""
        return replace(self, gsd_m=gsd_m)


@dataclass(frozen=True)
class Sensor:
    """A family of products whose bands, units and conventions are the same."""

    name: str
    """Key, as on the command line: ``sentinel2-l2a``."""

    title: str
    """Name for people."""

    bands: tuple[Band, ...]
    """All bands in the provider's order."""

    units: str
    """Physical units after scale and offset: ``reflectance``, ``dB``, ``kelvin``, ``display 0-1``, ``DN``."""

    valid_range: tuple[float, float]
    """Plausible physical values, in ``units``."""

    scale: float = 1.0
    """Physical value = stored number * scale + offset, where the file does not say otherwise."""

    offset: float = 0.0
    """See ``scale``."""

    nodata: float | None = None
    """Stored number that means no data, where the file does not say otherwise."""

    note: str = ""
    """One line on conventions and traps."""

    guess: bool = True
    """Whether a file's bands can identify this sensor; if not, only its name does, in a tag or from the user."""

    top_of_atmosphere: bool = False
    """Whether it measures reflectance at the top of the atmosphere, corrected for the height of the sun."""

    def band(self, name: str) -> Band:
        """The band called ``name`` (or one of its aliases), case-insensitive.

        Raises:
            BandError: no band has that name.
        """
        wanted = name.strip().lower()
        for band in self.bands:
            if wanted in (band.name.lower(), *(alias.lower() for alias in band.aliases)):
                return band
        known = ", ".join(band.name for band in self.bands)
        raise BandError(f"{self.name} has no band {name!r}; it has {known}")


def plain_bands(count: int) -> tuple[Band, ...]:
    """Bands without any known properties: ``band_1``, ``band_2``, ..."""
    return tuple(Band(f"band_{i + 1}", modality=Modality.UNKNOWN) for i in range(count))


def true_colour(bands: Sequence[Band]) -> tuple[int, int, int]:
    """Indices of the bands to show as red, green and blue.

    Those of visible light whose wavelengths are nearest to 660, 560 and 480 nm, if these are three different ones.
    Otherwise (radar, thermal, unknown wavelengths) the first three bands, or where there are fewer the first one as
    grey.
    """
    visible = {
        index: band.wavelength_nm
        for index, band in enumerate(bands)
        if band.modality is Modality.OPTICAL
        and band.wavelength_nm is not None
        and VISIBLE_NM[0] <= band.wavelength_nm <= VISIBLE_NM[1]
    }
    nearest = [min(visible, key=lambda index: abs(visible[index] - goal), default=0) for goal in RED_GREEN_BLUE_NM]
    if len(set(nearest)) == 3:
        return nearest[0], nearest[1], nearest[2]
    return (0, 1, 2) if len(bands) >= 3 else (0, 0, 0)
