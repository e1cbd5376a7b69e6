"""Haze follows the scattering model."""

import pytest
import torch

from llars import degrade
from llars.bands import Band, Modality

NM = (440.0, 550.0, 660.0, 860.0, 1610.0, 10900.0)
OPTICAL = tuple(Band(f"{nm:g}", wavelength_nm=nm) for nm in NM)


def depths(severity: float, bands: tuple[Band, ...] | None, count: int = len(NM)) -> torch.Tensor:
    """Optical depth of every pixel: images of 0 and of 1 seen through the same haze differ by exp(-tau)."""
    dark, bright = (
        degrade.get("haze")(torch.full((5, count, 48, 64), v, dtype=torch.float64), severity, seeded(), bands)
        for v in (0.0, 1.0)
    )
    return -(bright - dark).log()


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(21)


def test_haze_falls_with_wavelength_by_a_power_law() -> None:
    tau = depths(0.7, OPTICAL)
    assert (tau[:, 1:] < tau[:, :-1]).all()
    exponents = torch.log(tau[:, :1] / tau[:, 1:]) / torch.log(torch.tensor(NM[1:]) / NM[0]).view(-1, 1, 1)
    assert (exponents.amax(dim=(1, 2, 3)) - exponents.amin(dim=(1, 2, 3))).max() < 1e-6
    assert exponents.min() >= 0.8
    assert exponents.max() <= 1.8


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_the_thickest_place_has_the_depth_of_the_law(severity: float) -> None:
    at_550 = depths(severity, OPTICAL)[:, 1]
    torch.testing.assert_close(at_550.amax(dim=(1, 2)), torch.full((5,), 1.5 * severity, dtype=torch.float64))
    evenness = at_550.amin(dim=(1, 2)) / at_550.amax(dim=(1, 2))
    assert evenness.min() > 0.1 - 1e-6  # THINNEST: from a tenth of the depth to an even veil
    assert evenness.mean() < 0.85


def test_haze_is_smooth() -> None:
    tau = depths(1.0, OPTICAL)[:, 1]
    for axis in (1, 2):
        assert tau.diff(dim=axis).abs().max() < 0.3 * (tau.amax() - tau.amin())


def test_through_thick_haze_everything_looks_like_the_airlight() -> None:
    dark, bright = (
        degrade.get("haze")(torch.full((5, 1, 32, 32), value), 1.0, seeded(), (Band("blue", wavelength_nm=300.0),))
        for value in (0.0, 1.0)
    )
    assert dark.max() > 0.3
    assert (dark <= bright).all()


def test_radar_sees_through_haze() -> None:
    bands = (Band("B02", wavelength_nm=490.0), Band("VV", modality=Modality.SAR))
    image = torch.rand(2, 2, 32, 32, generator=seeded())
    result = degrade.get("haze")(image, 1.0, seeded(), bands)
    torch.testing.assert_close(result[:, 1], image[:, 1], atol=1e-6, rtol=0)
    assert (result[:, 0] - image[:, 0]).abs().mean() > 0.05


def test_three_bands_are_taken_for_red_green_and_blue() -> None:
    tau = depths(0.5, None, count=3)
    assert (tau[:, 0] < tau[:, 1]).all()
    assert (tau[:, 1] < tau[:, 2]).all()


def test_other_unknown_bands_are_taken_for_green() -> None:
    tau = depths(0.5, None, count=4)
    torch.testing.assert_close(tau, depths(0.5, (OPTICAL[1],) * 4, count=4))


def test_every_image_has_its_own_bands() -> None:
    image = torch.rand(2, 2, 16, 16, generator=seeded())
    lists = [(OPTICAL[0], OPTICAL[4]), (OPTICAL[4], OPTICAL[0])]
    change = (degrade.get("haze")(image, 0.6, seeded(), lists) - image).abs().mean(dim=(2, 3))
    assert change[0, 0] > change[0, 1]
    assert change[1, 1] > change[1, 0]
