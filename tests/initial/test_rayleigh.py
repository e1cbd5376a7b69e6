"""Light that the molecules of clear air scatter, against another published fit of their optical depth."""

import pytest

from llars.bands import Band, Modality
from llars.initial.rayleigh import GEOMETRY, rayleigh_reflectance


@pytest.mark.parametrize("wavelength_nm", [420.0, 490.0, 560.0, 665.0, 842.0])
def test_optical_depths_are_those_of_leckner(wavelength_nm) -> None:
    """Leckner (1978), as in Noll et al. (2012), equation 3: the two fits differ by less than 2 % here."""
    (reflectance,) = rayleigh_reflectance([Band("b", wavelength_nm)])
    micrometres = wavelength_nm / 1000.0
    depth = 0.00864 * micrometres ** -(3.916 + 0.074 * micrometres + 0.05 / micrometres)
    assert reflectance / GEOMETRY == pytest.approx(depth, rel=0.02)


def test_only_optical_bands_of_known_wavelength_see_it() -> None:
    unknown, thermal = Band("b"), Band("b", 10_900.0, modality=Modality.THERMAL)
    assert rayleigh_reflectance([unknown, thermal, Band("VV", modality=Modality.SAR)]) == (0.0, 0.0, 0.0)
