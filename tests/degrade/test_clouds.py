"""Clouds cover what their severity says, hide by depth and wavelength, and throw shadows."""

from itertools import pairwise

import pytest
import torch

from llars import degrade
from llars.bands import Band, Modality
from llars.degrade.base import Case
from llars.degrade.clouds import CloudLayer, cloud_layer, cloudy, shaded

NM = (490.0, 560.0, 665.0, 842.0, 1375.0, 1610.0, 2200.0)
BANDS = tuple(Band(f"{nm:g}", wavelength_nm=nm) for nm in NM)
KINDS = pytest.mark.parametrize("thin", [False, True])


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ground(value: float = 0.3, batch: int = 16, side: int = 64) -> torch.Tensor:
    return torch.full((batch, len(NM), side, side), value)


def layer(severity: float, thin: bool = False, side: int = 128, batch: int = 24, seed: int = 3) -> CloudLayer:
    image = torch.zeros(batch, 1, side, side)
    return cloud_layer(Case(image, torch.full((batch, 1, 1, 1), severity), seeded(seed), None), thin)


@pytest.mark.parametrize("severity", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("side", [64, 300])
def test_thick_cloud_covers_the_share_of_the_law(severity: float, side: int) -> None:
    covered = (layer(severity, side=side, batch=4).depth > 0).float().mean(dim=(1, 2, 3))
    torch.testing.assert_close(covered, torch.full((4,), severity), atol=0.01, rtol=0)


@pytest.mark.parametrize("severity", [0.1, 0.6])
def test_thin_cloud_covers_the_share_of_the_law(severity: float) -> None:
    covered = (layer(severity, thin=True).depth > 0).float().mean(dim=(1, 2, 3))
    torch.testing.assert_close(covered, torch.full((24,), 0.35 + 0.65 * severity), atol=0.01, rtol=0)


@KINDS
def test_clouds_only_grow(thin: bool) -> None:
    depths = [layer(severity, thin).depth for severity in (0.1, 0.4, 0.8, 1.0)]
    for less, more in pairwise(depths):
        assert (more >= less).all()


def test_thick_hides_and_thin_shows() -> None:
    assert layer(1.0).opacity.mean() > 0.9
    thin = layer(1.0, thin=True)
    assert thin.depth.max() < 1.6
    assert 0.2 < thin.opacity.mean() < 0.7


def test_patches_show_clear_ground_cloud_and_edges() -> None:
    """A patch is a piece of a scene: half of it clear, half hidden, in few connected pieces."""
    opacity = layer(0.5, side=64, batch=64).opacity
    clear, hidden = (opacity < 0.05).float().mean(), (opacity > 0.8).float().mean()
    assert 0.4 < clear < 0.6
    assert hidden > 0.25
    # Neighbours alike: white noise of the same cover would differ across half of all borders.
    borders = ((opacity > 0.5).diff(dim=3) != 0).float().mean()
    assert borders < 0.1


def test_structures_are_counted_in_pixels() -> None:
    """A larger scene shows more clouds, not larger ones."""
    small, large = (layer(0.5, side=side, batch=24).opacity for side in (128, 512))
    across = [float(((one > 0.5).diff(dim=3) != 0).float().mean()) for one in (small, large)]
    assert across[1] == pytest.approx(across[0], rel=0.35)


@KINDS
def test_the_opacity_goes_with_the_image(thin: bool) -> None:
    image = torch.rand(3, 7, 40, 50, generator=seeded())
    severity = [0.0, 0.4, 0.8]
    degraded, opacity = cloudy(image, severity, seeded(), BANDS, thin=thin)
    name = "thin_cloud" if thin else "thick_cloud"
    assert torch.equal(degraded, degrade.get(name)(image, severity, seeded(), BANDS))
    assert opacity.shape == (3, 1, 40, 50)
    assert (opacity[0] == 0).all()
    assert opacity.min() >= 0 and opacity.max() <= 1
    single, alone = cloudy(image[1], 0.4, seeded(), BANDS, thin=thin)
    assert single.shape == image[1].shape and alone.shape == (1, 40, 50)
    assert (cloudy(image, 0.0, seeded(), BANDS)[1] == 0).all()


@KINDS
def test_the_shadow_goes_with_the_image_too(thin: bool) -> None:
    green = (Band("green", wavelength_nm=550.0),)
    image = torch.full((4, 1, 64, 64), 0.5)
    degraded, opacity, shadow = shaded(image, [0.0, 0.3, 0.5, 0.7], seeded(), green, thin=thin)
    known = cloudy(image, [0.0, 0.3, 0.5, 0.7], seeded(), green, thin=thin)
    for ours, theirs in zip((degraded, opacity), known, strict=True):
        assert torch.equal(ours, theirs)
    assert (shadow[0] == 0).all()
    assert shadow.min() >= 0 and shadow.max() <= 1
    alone = (opacity == 0) & (shadow > 0)
    assert alone.any()
    # At 550 nm 10 to 35 % of the light comes from the sky.
    lost = (1.0 - degraded / image)[alone] / shadow[alone]
    assert lost.min() > 0.649
    assert lost.max() < 0.901


def test_the_ground_shows_by_what_is_not_opaque() -> None:
    green = (Band("green", wavelength_nm=550.0),)
    (dark, opacity), (bright, _) = (
        cloudy(torch.full((8, 1, 64, 64), value), 0.5, seeded(), green, thin=True) for value in (0.0, 1.0)
    )
    contrast = bright - dark
    assert (contrast <= 1.0 - opacity + 1e-5).all()  # less where there is shadow, too
    lit = contrast > 0.999 * (1.0 - opacity)
    assert lit.float().mean() > 0.1


def test_thin_cloud_fades_with_wavelength() -> None:
    dark, bright = (degrade.get("thin_cloud")(ground(value), 0.6, seeded(), BANDS) for value in (0.0, 1.0))
    drawn = layer(0.6, thin=True, side=64, batch=16)
    lit = ((drawn.depth > 0.1) & (drawn.shadow == 0)).expand_as(dark)
    assert lit.float().mean() > 0.02
    through = torch.where(lit, bright - dark, 0.0)
    assert (through.diff(dim=1)[lit[:, 1:]] > 0).all()


def test_thick_cloud_is_white_in_the_visible_and_darker_in_the_infrared() -> None:
    degraded, opacity = cloudy(ground(0.1), 0.8, seeded(), BANDS)
    hidden = (opacity > 0.99)[:, 0]
    visible, window, far = (degraded[:, band][hidden] for band in (0, 5, 6))
    assert visible.min() > 0.55
    assert (window < visible).all()
    assert (far < window + 0.02).all()


def test_cirrus_is_bright_where_water_vapour_hides_the_ground() -> None:
    thin, opacity = cloudy(ground(0.0), 1.0, seeded(), BANDS, thin=True)
    ratio = thin[:, 4].mean(dim=(1, 2)) / opacity.mean(dim=(1, 2, 3))
    assert ratio.min() > 0.1
    thick, opacity = cloudy(ground(0.0), 1.0, seeded(), BANDS)
    assert ratio.mean() > (thick[:, 4].mean(dim=(1, 2)) / opacity.mean(dim=(1, 2, 3))).mean()


def test_shadows_lie_beside_the_clouds_and_are_darkest_in_the_infrared() -> None:
    image = ground(0.4)
    degraded, opacity = cloudy(image, 0.3, seeded(), BANDS)
    clear = (opacity == 0).expand_as(image)
    dark = torch.where(clear, image - degraded, 0.0)
    assert dark.min() >= 0
    shaded = (dark[:, :1] > 0.05).expand_as(image)
    assert 0.03 < shaded.float().mean() < 0.3
    by_band = (dark * shaded).sum(dim=(0, 2, 3)) / shaded.sum(dim=(0, 2, 3))
    assert by_band[0] < by_band[2] < by_band[3] < by_band[6]


def test_the_shadow_is_the_cloud_displaced() -> None:
    clouds = layer(0.3, side=256, batch=6)
    hiding, shadow = (one[:, 0] - one[:, 0].mean(dim=(1, 2), keepdim=True) for one in (clouds.opacity, clouds.shadow))
    spectrum = torch.fft.rfft2(shadow) * torch.fft.rfft2(hiding).conj()
    match = (
        torch.fft.irfft2(spectrum) / (shadow.square().sum((1, 2)) * hiding.square().sum((1, 2))).sqrt()[:, None, None]
    )
    best, place = match.flatten(1).max(dim=1)
    assert (best > 0.6).all()  # the rest went out of the window
    dy, dx = place // 256, place % 256
    distance = torch.hypot(torch.minimum(dy, 256 - dy).float(), torch.minimum(dx, 256 - dx).float())
    assert (distance > 2).all() and (distance < 42).all()


def test_radar_sees_through_clouds() -> None:
    bands = (Band("B02", wavelength_nm=490.0), Band("VV", modality=Modality.SAR))
    image = torch.rand(2, 2, 32, 32, generator=seeded())
    for name in ("thin_cloud", "thick_cloud"):
        assert torch.equal(degrade.get(name)(image, 1.0, seeded(), bands)[:, 1], image[:, 1])


def test_clouds_are_cold() -> None:
    bands = (Band("B10", wavelength_nm=10900.0, modality=Modality.THERMAL),)
    degraded, opacity = cloudy(torch.full((8, 1, 64, 64), 0.7), 0.5, seeded(), bands)
    assert (degraded <= 0.7).all()
    assert torch.equal(degraded[opacity == 0], torch.full_like(degraded[opacity == 0], 0.7))
    assert degraded[opacity > 0.99].max() < 0.45
