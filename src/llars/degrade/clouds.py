"""Clouds, from wisps to overcast, and their shadows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llars.curves import ascending
from llars.degrade.atmosphere import REFERENCE_NM, wavelengths
from llars.degrade.base import Bands, Case, Degradation
from llars.degrade.fractal import Fractal

__all__ = ["THICK_CLOUD", "THIN_CLOUD", "CloudLayer", "cloud_layer", "cloudy", "shaded"]

SAMPLES = 65_536
"""Pixels from which the threshold for the cloud cover is computed: its error is below half a percent of the image."""

SHADOW_PX = (3.0, 40.0)
"""Range of the distance from a cloud to its shadow."""

SKYLIGHT = (0.1, 0.35)
"""Range of the share of skylight, which also reaches shadows, in the illumination at 550 nm."""

SKYLIGHT_EXPONENT = 2.0
"""Skylight falls with this power of the wavelength: between molecules (4) and haze (1.3)."""

SWIR_NM = (1100.0, 1610.0, 2200.0)
"""Wavelength where cloud droplets begin to absorb, and the two atmospheric windows in which they do."""

SWIR_WINDOWS = ((0.45, 0.85), (0.25, 0.65))
"""Ranges of the brightness at 1610 and 2200 nm relative to the visible: ice (low) to water (high)."""

VAPOUR_NM = (1350.0, 1410.0)
"""Water vapour absorption band, in which only high clouds are seen (Gao et al. 1993, cirrus at 1375 nm)."""

THERMAL_NM = 3500.0
"""Wavelength from which on a cloud's own, cold, thermal emission is seen."""


@dataclass(frozen=True)
class _Kind:
    """Parameters of one kind of cloud; values are drawn from the ranges for every image."""

    depth: tuple[float, float]
    """Optical depth at 550 nm and severity 1 where the field lies one standard deviation above the threshold."""

    depth_grows: float
    """Exponent of the severity with which the depth grows."""

    least_cover: float
    """Share of the image under cloud as severity approaches 0; at severity 1 all of it is."""

    deepest: float
    """Upper bound of the optical depth at 550 nm and severity 1."""

    exponent: tuple[float, float]
    """Optical depth falls with this power of the wavelength."""

    whiteness: tuple[float, float]
    """Brightness of opaque cloud in the visible, in unit values."""

    height: tuple[float, float]
    """Brightness in the water vapour band, relative to the visible: low clouds are invisible there."""

    widest_px: tuple[float, float]
    """See ``Fractal.draw``: from single small clouds to the edge of a bank."""

    roughness: tuple[float, float]
    """See ``Fractal.draw``."""


_THICK = _Kind((2.0, 12.0), 0.5, 0.0, 60.0, (0.0, 0.1), (0.7, 1.0), (0.0, 0.5), (12.0, 128.0), (0.55, 0.75))
_THIN = _Kind((0.5, 1.0), 1.0, 0.35, 1.6, (0.1, 0.6), (0.6, 0.95), (0.3, 0.9), (16.0, 128.0), (0.5, 0.7))


@dataclass(frozen=True)
class CloudLayer:
    """A layer of cloud over each image of a batch."""

    depth: Tensor
    """``(batch, 1, y, x)`` optical depth at 550 nm."""

    shadow: Tensor
    """``(batch, 1, y, x)`` share of the direct sunlight that the cloud keeps from the ground, in [0, 1]."""

    @property
    def opacity(self) -> Tensor:
        """``(batch, 1, y, x)`` share of the ground's light at 550 nm that the cloud blocks, in [0, 1]."""
        return -torch.expm1(-self.depth)


def cloud_layer(case: Case, thin: bool = False) -> CloudLayer:
    """Draw clouds over the images of a case, and the shadows that they cast along a random sun vector.

    Clouds are where a fractal field exceeds a threshold, which falls with severity: cover and depth grow together, and
    gaps close last.
    """
    kind = _THIN if thin else _THICK
    batch, _, height, width = case.image.shape
    widest = _log_uniform(case, *kind.widest_px)
    roughness = case.uniform(batch, low=kind.roughness[0], high=kind.roughness[1])
    azimuth = case.uniform(batch, high=2.0 * math.pi)
    distance = _log_uniform(case, *SHADOW_PX)
    steepness = _log_uniform(case, *kind.depth).view(-1, 1, 1, 1)
    field = Fractal.draw(case, widest, roughness, math.ceil(SHADOW_PX[1]))
    above = field.view(height, width)
    stride = math.ceil(math.sqrt(height * width / SAMPLES))
    ranked = ascending(above[:, 0, ::stride, ::stride].flatten(1))
    severity = case.severity.flatten()
    cover = kind.least_cover + (1.0 - kind.least_cover) * severity
    rank = ((1.0 - cover) * (ranked.shape[1] - 1)).long()
    threshold = ranked.gather(1, rank[:, None]).view(-1, 1, 1, 1)
    spread = ranked.std(dim=1, correction=0).clamp(min=1e-3).view(-1, 1, 1, 1)
    scale = case.severity**kind.depth_grows

    def depth(values: Tensor) -> Tensor:
        excess = ((values - threshold) / spread).clamp(min=0.0)
        return scale * kind.deepest * torch.tanh(steepness / kind.deepest * excess)

    shadow = field.view(height, width, distance * torch.stack([azimuth.sin(), azimuth.cos()]))
    return CloudLayer(depth(above), -torch.expm1(-depth(shadow)))


def _log_uniform(case: Case, low: float, high: float) -> Tensor:
    """``(batch,)`` log-uniform random numbers from low to high."""
    return torch.exp(case.uniform(len(case.image), low=math.log(low), high=math.log(high)))


def thick_cloud(case: Case) -> Tensor:
    """Clouds that hide the ground."""
    return _seen_through(case, cloud_layer(case), _THICK)


def thin_cloud(case: Case) -> Tensor:
    """Clouds through which the ground is visible, thinner towards the infrared."""
    return _seen_through(case, cloud_layer(case, thin=True), _THIN)


def cloudy(
    image: Tensor,
    severity: float | Sequence[float] | Tensor | np.ndarray[Any, Any],
    generator: torch.Generator | None = None,
    bands: Bands | None = None,
    *,
    thin: bool = False,
) -> tuple[Tensor, Tensor]:
    """An image under clouds, and the opacity of the clouds.

    Args:
        image: as for a ``Degradation``.
        severity: as for a ``Degradation``.
        generator: as for a ``Degradation``.
        bands: as for a ``Degradation``.
        thin: thin clouds instead of thick ones.

    Returns:
        The image as ``thick_cloud`` or ``thin_cloud`` returns it, bit for bit, and the clouds' opacity at 550 nm in
        [0, 1], ``(1, y, x)`` or ``(batch, 1, y, x)``, in the image's dtype.

    Raises:
        LlarsError: as a ``Degradation`` does.
    """
    degraded, opacity, _ = shaded(image, severity, generator, bands, thin=thin)
    return degraded, opacity


def shaded(
    image: Tensor,
    severity: float | Sequence[float] | Tensor | np.ndarray[Any, Any],
    generator: torch.Generator | None = None,
    bands: Bands | None = None,
    *,
    thin: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The results of ``cloudy``, and the share of direct sunlight that the clouds block, in the form of the opacity.

    Raises:
        LlarsError: as a ``Degradation`` does.
    """
    kind, operator = (_THIN, THIN_CLOUD) if thin else (_THICK, THICK_CLOUD)
    opacity, shadow = (torch.zeros_like(image[..., :1, :, :]) for _ in range(2))

    def watched(case: Case) -> Tensor:
        layer = cloud_layer(case, thin)
        for kept, drawn in ((opacity, layer.opacity), (shadow, layer.shadow)):
            kept.copy_(torch.where(case.severity > 0, drawn, 0.0).view_as(kept))
        return _seen_through(case, layer, kind)

    degraded = replace(operator, operate=watched)(image, severity, generator, bands)
    return degraded, opacity, shadow


def _seen_through(case: Case, layer: CloudLayer, kind: _Kind) -> Tensor:
    """I = J (1 - k S) t + A (1 - t): ground in the shadow S behind a cloud of transmission t and colour A.

    t = exp(-tau), tau ~ wavelength^-exponent; k is the share of direct sunlight in the illumination.
    """
    batch = len(case.image)
    exponent = case.uniform(batch, 1, 1, 1, low=kind.exponent[0], high=kind.exponent[1])
    skylight = case.uniform(batch, 1, 1, 1, low=SKYLIGHT[0], high=SKYLIGHT[1])
    nm = wavelengths(case)[:, :, None, None]
    spectrum = (nm / REFERENCE_NM).pow(-exponent)
    transmission = torch.exp(-layer.depth * spectrum.where(nm.isfinite(), 0.0))
    direct = 1.0 - skylight * (nm / REFERENCE_NM).pow(-SKYLIGHT_EXPONENT).clamp(max=2.0)
    lit = 1.0 - direct.where(nm < THERMAL_NM, 0.0) * layer.shadow
    return torch.lerp(_colour(case, nm, layer.depth, kind), case.image * lit, transmission)


def _colour(case: Case, nm: Tensor, depth: Tensor, kind: _Kind) -> Tensor:
    """Brightness of the cloud itself in every band, ``(batch, band, y, x)`` unit values."""
    batch = len(case.image)
    white, first, second, vapour, cold = (
        case.uniform(batch, 1, 1, 1, low=low, high=high)
        for low, high in (kind.whiteness, *SWIR_WINDOWS, kind.height, (0.05, 0.4))
    )
    begins, near, far = SWIR_NM
    to_near = ((nm - begins) / (near - begins)).clamp(0.0, 1.0)
    to_far = ((nm - near) / (far - near)).clamp(0.0, 1.0)
    # Ice is darker than water in both windows.
    relative = (1.0 - to_near * (1.0 - first)) * (1.0 - to_far * (1.0 - (second / first).clamp(max=1.0)))
    relative = torch.where((nm > VAPOUR_NM[0]) & (nm < VAPOUR_NM[1]), vapour, relative)
    # The brightness of thick clouds still varies: deeper ones return more light (two-stream albedo, g = 0.85).
    shading = 0.85 + 0.15 * (0.075 * depth / (1.0 + 0.075 * depth))
    return torch.where(nm < THERMAL_NM, white * relative * shading, torch.minimum(cold, case.image))


THICK_CLOUD = Degradation(
    "thick_cloud", "cloud", "clouds that hide the ground, with shadows", "over a share s of the image", thick_cloud
)
THIN_CLOUD = Degradation(
    "thin_cloud",
    "cloud",
    "clouds that the ground shines through, with shadows",
    "over a share 0.35 + 0.65 s of the image, optical depth below 1.6 s at 550 nm",
    thin_cloud,
)
