"""Initial estimates of the network in training: degraded patches, first restored by the same algorithms as scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from llars.bands import Band
from llars.data.synthetic import Pair
from llars.degrade.resolution import reduce
from llars.initial.clearing import clear
from llars.initial.deconvolution import SIDE, deblurred
from llars.initial.denoising import UNCORRECTED, Correctors, without_noise
from llars.initial.fusion import averaging_radius, mean_change, predicted, slope
from llars.initial.pansharpening import find_injection
from llars.initial.stripes import without_stripes
from llars.initial.superresolution import superresolved
from llars.model.normalise import Statistics
from llars.tasks import REMOVING_TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from llars.model.correction import CorrectionNetwork
    from llars.model.opacity import OpacityNetwork
    from llars.model.optics import OpticsEstimator
    from llars.model.upsampling import UpsamplingNetwork

__all__ = ["WIDE", "Estimators", "initial_pair"]

WIDE = {"denoise": 96, "deblur": 120, "destripe": 120, "cloud": 128, "cloud_sar": 128, "pansharpen": 128}
"""Sides of the crops on which initial estimates are computed: a patch shows too little of a scene."""


@dataclass(frozen=True)
class Estimators:
    """The trained estimators behind initial estimates.

    If one is None, its tasks start from the degraded image; noise is removed by shrinkage alone without ``correctors``,
    and lines by themselves without ``stripes``.
    """

    optics: OpticsEstimator | None = None
    opacity: OpacityNetwork | None = None
    upsampling: UpsamplingNetwork | None = None
    correctors: Correctors = UNCORRECTED
    stripes: CorrectionNetwork | None = None


def initial_pair(task: str, pair: Pair, bands: Sequence[tuple[Band, ...]], estimators: Estimators | None) -> Pair:
    """``pair`` with the initial estimate in place of the degraded one, which becomes ``observed``.

    ``bands`` are those of each image. If ``estimators`` is None, or the task has no initial estimate, the pair is
    returned unchanged. Tasks that need a residual are ``REMOVING_TASKS``; others have no ``observed``.
    """
    if estimators is None:
        return pair
    with torch.no_grad():
        estimate = _estimated(task, pair, bands, estimators)
    if estimate.degraded is pair.degraded or task not in REMOVING_TASKS:
        return estimate
    return replace(estimate, observed=pair.degraded)


def _estimated(task: str, pair: Pair, bands: Sequence[tuple[Band, ...]], estimators: Estimators) -> Pair:
    """``pair`` with the initial estimate in place of the degraded one."""
    if task == "pansharpen" and pair.guides is not None:
        return _pansharpened(pair, pair.guides)
    if task == "sr" and estimators.upsampling is not None:
        return replace(pair, degraded=_detailed(pair.degraded, pair.factor, estimators.upsampling))
    if task in ("cloud", "cloud_sar") and estimators.opacity is not None:
        return replace(pair, degraded=_cleared(pair.degraded, bands, estimators.opacity, pair.guides))
    return replace(pair, degraded=_initial_estimate(task, pair.degraded, bands, estimators, pair.guides))


def _coarse(enlarged: Tensor, factor: int) -> Tensor:
    """The image before it was enlarged, recovered by averaging: enlargement keeps the area means."""
    height, width = enlarged.shape[-2:]
    return reduce(functional.pad(enlarged, (0, -width % factor, 0, -height % factor), mode="replicate"), factor)


def _detailed(enlarged: Tensor, factor: int, network: UpsamplingNetwork) -> Tensor:
    """Enlarged images ``(batch, band, y, x)`` with the detail predicted by the network of super-resolution."""
    height, width = enlarged.shape[-2:]
    fine = superresolved(_coarse(enlarged, factor).flatten(0, 1)[:, None], factor, network)
    return fine.view(*enlarged.shape[:2], *fine.shape[-2:])[..., :height, :width]


def _pansharpened(pair: Pair, pan: Tensor) -> Pair:
    """The bands with the detail of the PAN; ``factor`` becomes 1 unless coarse pixels are found to be area means."""
    height, width = pan.shape[-2:]
    guide = functional.pad(pan, (0, -width % pair.factor, 0, -height % pair.factor), mode="replicate")
    coarse = _coarse(pair.degraded, pair.factor)
    images = list(zip(coarse[:, None], guide[:, None], strict=True))
    found = [find_injection(*image) for image in images]
    initial_pair = torch.cat([injection(*image) for injection, image in zip(found, images, strict=True)])
    held = all(injection.transfer.nyquist is None for injection in found)
    return replace(pair, degraded=initial_pair[..., :height, :width], factor=pair.factor if held else 1)


def _cleared(image: Tensor, bands: Sequence[tuple[Band, ...]], network: OpacityNetwork, radar: Tensor | None) -> Tensor:
    """The images without clouds, filled in with the help of ``radar`` if there is any."""
    height, width = image.shape[-2:]
    beyond = (0, -width % network.multiple, 0, -height % network.multiple)
    whole = functional.pad(image, beyond, mode="replicate")
    guide = None if radar is None else functional.pad(radar, beyond, mode="replicate")
    return clear(network, whole, bands, Statistics.of(image), guide)[0][..., :height, :width]


def _predicted(now: Tensor, before: Tensor, bands: tuple[Band, ...]) -> Tensor:
    """The fine image of the later date, predicted from one coarse image and its guides."""
    fine, coarse = before.chunk(2, dim=1)
    around = averaging_radius(fine, coarse)
    return predicted(now, fine, coarse, slope(fine, coarse), mean_change(now - coarse, [bands]), around)


def _initial_estimate(
    task: str,
    image: Tensor,
    bands: Sequence[tuple[Band, ...]],
    estimators: Estimators,
    guides: Tensor | None = None,
) -> Tensor:
    """The initial estimate for ``task`` from a degraded ``image``, ``(batch, band, y, x)`` unit values."""
    if task == "stf" and guides is not None and guides.shape[1] == 2 * image.shape[1]:
        return torch.cat([_predicted(*one) for one in zip(image[:, None], guides[:, None], bands, strict=True)])
    if task == "denoise":
        return without_noise(image, bands, estimators.correctors)
    if task == "destripe":
        return without_stripes(image, estimators.stripes)
    if task == "deblur" and estimators.optics is not None and min(image.shape[-2:]) >= SIDE:
        return deblurred(image, estimators.optics)
    return image
