"""Laws of the start under clouds: what is clear stays, what shines through is taken, what is hidden is filled."""

import numpy as np
import pytest
import torch

from llars.bands import Band, plain_bands
from llars.initial.clearing import clear
from llars.initial.clouds import HIDDEN_OPACITY, direct_light
from llars.model.opacity import Cover

GREEN = (Band("green", wavelength_nm=550.0), Band("red", wavelength_nm=665.0))
SKYLIGHT = (0.22, 0.15)
"""What the sky gives of the light at these wavelengths."""


class Told:
    """Says what is true."""

    multiple = 1

    def __init__(self, *maps):
        self.maps = maps

    def cover(self, image, bands, statistics):
        return Cover(*self.maps)


def sight(deep=4.0, shade=0.0):
    """Ground with texture, what a round cloud with a wide rim over it shows, and what is true of it."""
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    texture = 0.02 * torch.randn(1, 2, 128, 128, generator=torch.Generator().manual_seed(2))
    ground = 0.2 + 0.05 * torch.sin(x / 15) * torch.cos(y / 19) + texture
    depth = deep * (1.0 - ((y - 60) ** 2 + (x - 66) ** 2) / 40**2).clamp(min=0.0)[None, None]
    opacity, shadow = -torch.expm1(-depth), shade * (depth > 0).roll(16, -1).float()
    white = 0.8 * (0.85 + 0.15 * (0.075 * depth / (1.0 + 0.075 * depth)))
    lit = 1.0 - (1.0 - torch.tensor(SKYLIGHT)).view(1, 2, 1, 1) * shadow
    touched = ((depth > 0) | (shadow > 0)).float()
    return ground, ground * lit * (1.0 - opacity) + white * opacity, (opacity, touched, shadow)


def cleared(image, maps):
    return clear(Told(*maps), image, [GREEN] * len(image), None)


def test_what_is_clear_stays_to_the_bit():
    _, image, maps = sight()
    start, hidden = cleared(image, maps)
    opacity, touched, _ = maps
    still = (touched == 0).expand_as(image)
    assert torch.equal(start[still], image[still])
    assert torch.equal(hidden, opacity > HIDDEN_OPACITY)


def test_without_clouds_nothing_changes():
    ground, _, _ = sight()
    none = torch.zeros(1, 1, 128, 128)
    start, hidden = cleared(ground, (none + 0.9, none + 0.05, none + 0.9))
    assert torch.equal(start, ground)
    assert not hidden.any()


def test_what_shines_through_is_taken_with_its_texture():
    ground, image, maps = sight()
    start, _ = cleared(image, maps)
    half = ((maps[0] > 0.2) & (maps[0] < 0.5)).expand_as(image)
    assert (start - ground)[half].abs().mean() < 0.1 * (image - ground)[half].abs().mean()
    # Fine texture is there, of which a fill has none.
    fine, true = (one[half.roll(1, -1) & half] for one in (start - start.roll(1, -1), ground - ground.roll(1, -1)))
    assert torch.corrcoef(torch.stack((fine, true)))[0, 1] > 0.4


def test_what_is_hidden_is_near_the_ground():
    ground, image, maps = sight()
    start, hidden = cleared(image, maps)
    inside = hidden.expand_as(image)
    # The ground varies by 0.04, so much a smooth fill may miss.
    assert (start - ground)[inside].abs().mean() < 0.05


def test_shadows_are_lit():
    ground, image, maps = sight(shade=0.6)
    start, _ = cleared(image, maps)
    shaded = ((maps[0] == 0) & (maps[2] > 0)).expand_as(image)
    assert (image - ground)[shaded].abs().mean() > 0.08
    assert (start - ground)[shaded].abs().mean() < 0.02


def test_a_batch_is_its_images():
    parts = [sight(), sight(deep=0.8, shade=0.5)]
    image = torch.cat([part[1] for part in parts])
    maps = [torch.cat(both) for both in zip(*(part[2] for part in parts), strict=True)]
    together, _ = cleared(image, maps)
    for row, (_, alone, its) in enumerate(parts):
        assert torch.equal(together[row], cleared(alone, its)[0][0])


def test_where_all_is_hidden_all_stays():
    image, full = torch.full((1, 2, 64, 64), 0.9), torch.ones(1, 1, 64, 64)
    start, hidden = cleared(image, (full, full, 0 * full))
    assert torch.equal(start, image)
    assert not hidden.any()


def test_the_sky_lights_the_blue_most_and_heat_needs_no_sun():
    bands = (Band("b", wavelength_nm=450.0), *GREEN, Band("t", wavelength_nm=10_900.0), *plain_bands(1))
    direct = direct_light([bands])[0, :, 0, 0].tolist()
    assert direct[0] < direct[1] < direct[2]
    assert direct[3] == 0.0
    assert direct[4] == pytest.approx(direct[1])
    np.testing.assert_allclose(direct[1:3], 1.0 - np.array(SKYLIGHT), atol=0.001)
