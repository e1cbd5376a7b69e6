"""The path of a motion is found exactly, and only where there was one."""

import math

import pytest
import torch
from tests.initial.test_stripes import error, ground

from llars.degrade import get
from llars.degrade.blur import convolve, motion_kernels
from llars.initial.deconvolution import SIDE, corner_windows
from llars.initial.motion import find_motion, motion_deblurred, motion_transfers

QUIET = 1e-5


def smeared(clean: torch.Tensor, length: float, degrees: float) -> torch.Tensor:
    return convolve(clean, motion_kernels(torch.tensor([length]), torch.tensor([math.radians(degrees)])))


def rough_ground(seed: int, side: int = 160) -> torch.Tensor:
    """Ground whose power falls with the square of the frequency, alike in all directions."""
    noise = torch.randn(1, 2, side, side, generator=torch.Generator().manual_seed(seed))
    y, x = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)
    shaped = torch.fft.rfft2(noise) / (torch.hypot(y.expand(side, len(x)), x.expand(side, len(x))) + 1 / side)
    image = torch.fft.irfft2(shaped, s=(side, side))
    return 0.5 + 0.1 * image / image.std()


@pytest.mark.parametrize(("length", "degrees"), [(3.0, 20.0), (8.0, 0.0), (8.0, 135.0), (14.0, 77.0)])
def test_length_and_direction_are_found(length: float, degrees: float) -> None:
    found = find_motion(corner_windows(smeared(rough_ground(0), length, degrees))[0], QUIET)
    assert found is not None
    assert found.length_px == pytest.approx(length, abs=0.3)
    assert abs((math.degrees(found.direction) - degrees + 90) % 180 - 90) < 1.5


@pytest.mark.parametrize("kind", ["gaussian_blur", "defocus_blur"])
@pytest.mark.parametrize("severity", [0.0, 0.3, 1.0])
def test_no_path_is_seen_where_none_was(kind: str, severity: float) -> None:
    blurred = get(kind)(rough_ground(1), severity)
    assert find_motion(corner_windows(blurred)[0], QUIET) is None


def test_noise_is_seen_beside_the_path() -> None:
    image = smeared(rough_ground(2), 8.0, 30.0)
    noisy = image + 0.004 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    quiet, loud = (find_motion(corner_windows(one)[0], 1e-3) for one in (image, noisy))
    assert quiet is not None and loud is not None
    assert loud.length_px == pytest.approx(8.0, abs=0.3)
    assert loud.roughness > 10 * quiet.roughness


@pytest.mark.parametrize(("length", "left"), [(4.0, 0.6), (9.0, 0.75)])
def test_a_path_is_undone(length: float, left: float) -> None:
    clean = rough_ground(3)
    blurred = smeared(clean, length, 60.0)
    found = find_motion(corner_windows(blurred)[0], QUIET)
    assert found is not None
    assert error(motion_deblurred(blurred, found), clean) < left * error(blurred, clean)


def test_what_has_no_contrast_tells_nothing() -> None:
    flat = torch.full((4, 2, SIDE, SIDE), 0.3)
    assert find_motion(flat, QUIET) is None
    flat[:, 0] = smeared(rough_ground(4), 8.0, 10.0)[0, 0, :SIDE, :SIDE]
    found = find_motion(flat, QUIET)
    assert found is not None and found.length_px == pytest.approx(8.0, abs=0.5)


def test_transfers_are_those_of_the_degradation() -> None:
    impulse = torch.zeros(1, 1, SIDE, SIDE)
    impulse[..., SIDE // 2, SIDE // 2] = 1.0
    spread = torch.fft.rfft2(torch.fft.ifftshift(smeared(impulse, 6.0, 40.0)[0, 0])).real
    assert torch.allclose(motion_transfers(torch.tensor([[6.0, math.radians(40.0)]]), SIDE)[0], spread, atol=1e-5)


def test_ground_of_lines_is_no_path() -> None:
    """Furrows have a direction, but their spectrum has no zeros at even distances."""
    assert find_motion(corner_windows(ground(5))[0], QUIET) is None
