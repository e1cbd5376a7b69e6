"""Deconvolution by the linear filter of least mean square error, with only probabilities of the blur kernel known.

With probabilities ``p`` of kernels with transfer functions ``H``, and a noise-to-ground power ratio ``R``, the best
linear estimate of the ground is ``sum(p H) / (sum(p H^2) + R)``: the Wiener filter where one kernel is certain, and
more cautious the less certain it is (the expectations in the normal equations are taken over kernels too). Motion blur
is estimated more exactly by ``motion``, which takes precedence.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from llars.degrade.blur import disc_kernels
from llars.initial.filters import deconvolve, inverse
from llars.initial.motion import REACH_PX, ROUNDS, Motion, find_motion, motion_deblurred, motion_transfers
from llars.initial.widths import Curves, width_likelihood
from llars.model.optics import SIDE, OpticsEstimator

__all__ = ["SIDE", "Kernel", "Optics", "corner_windows", "deblurred", "kernels", "transfers", "wiener"]

SIGMAS_PX = tuple(0.3 + 0.1 * step for step in range(19))
RADII_PX = tuple(0.8 + 0.2 * step for step in range(17))
PATHS_PX = tuple(1.5 + 0.75 * step for step in range(20))
DIRECTIONS = 32
"""Directions of motion: from one to the next, the ends of a path of 16 pixels move by 0.8 pixels."""

WIDTH_WEIGHT = 0.07
"""Weight of the log-likelihood of widths beside the estimator's logits: its model of the ground is rough."""

MIN_MOTION_PROBABILITY = 0.05
"""Total probability of motion kernels above which a motion path is searched for."""


@dataclass(frozen=True)
class Kernel:
    """One candidate point spread function."""

    kind: str
    """``none``, ``gaussian``, ``defocus`` or ``motion``."""

    size_px: float = 0.0
    """Standard deviation, radius of the disc, or length of the path, in pixels."""

    direction: float = 0.0
    """Direction of the motion, radians from the x axis towards y, in [0, pi)."""


@functools.cache
def kernels() -> tuple[Kernel, ...]:
    """The candidate kernels."""
    turns = [math.pi * step / DIRECTIONS for step in range(DIRECTIONS)]
    return (
        Kernel("none"),
        *(Kernel("gaussian", sigma) for sigma in SIGMAS_PX),
        *(Kernel("defocus", radius) for radius in RADII_PX),
        *(Kernel("motion", path, turn) for path in PATHS_PX for turn in turns),
    )


@functools.cache
def transfers() -> Tensor:
    """``(kernel, SIDE, SIDE // 2 + 1)``: the transfer function of each kernel; real, as all are symmetric."""
    # The cached tensors serve training too, even if they are first made in inference mode.
    with torch.inference_mode(False):
        return _transfers()


@functools.cache
def _isotropic() -> tuple[Tensor, Curves]:
    """``(kernel,)`` booleans, which kernels are isotropic, and the power curves of those."""
    with torch.inference_mode(False):
        isotropic = torch.tensor([kernel.kind != "motion" for kernel in kernels()])
        return isotropic, Curves.of(transfers()[isotropic].square())


def _transfers() -> Tensor:
    y, x = torch.fft.fftfreq(SIDE)[:, None], torch.fft.rfftfreq(SIDE)
    transfer_functions = []
    for kernel in kernels():
        size = torch.tensor([kernel.size_px])
        if kernel.kind == "motion":
            transfer_functions.append(motion_transfers(torch.tensor([[kernel.size_px, kernel.direction]]), SIDE)[0])
        elif kernel.kind == "defocus":
            transfer_functions.append(_transfer(disc_kernels(size)[0]))
        else:
            transfer_functions.append(torch.exp(-2.0 * (math.pi * kernel.size_px) ** 2 * (y.square() + x.square())))
    return torch.stack(transfer_functions)


def _transfer(kernel: Tensor) -> Tensor:
    margin = (SIDE - len(kernel)) // 2
    padded = torch.nn.functional.pad(kernel / kernel.sum(), [margin + 1, margin] * 2)
    transfer: Tensor = torch.fft.rfft2(torch.fft.ifftshift(padded)).real
    return transfer


def wiener(probability: Tensor, roughness: Tensor) -> Tensor:
    """The filters of ``inverse`` for probabilities ``(batch, kernel)`` of the ``kernels``."""
    transfer = transfers().to(probability.device)
    mean = torch.einsum("bk,kyx->byx", probability, transfer)
    power = torch.einsum("bk,kyx->byx", probability, transfer.square())
    return inverse(mean, power, roughness)


def corner_windows(image: Tensor) -> Tensor:
    """``(batch, 4, band, SIDE, SIDE)`` from the corners of ``(batch, band, y, x)``, which may overlap."""
    down, across = (side - SIDE for side in image.shape[-2:])
    corners = [(0, 0), (down, across), (0, across), (down, 0)]
    return torch.stack([image[..., y : y + SIDE, x : x + SIDE] for y, x in corners], 1)


@dataclass(frozen=True)
class Optics:
    """How an image was blurred."""

    probability: Tensor
    """``(1, kernel)`` of the ``kernels``."""

    roughness: Tensor
    """``(1,)``, see ``inverse``."""

    motion: Motion | None
    """The motion path, if one was found; the kernels are then ignored."""

    @classmethod
    @torch.no_grad()
    def estimate(cls, windows: Tensor, estimator: OpticsEstimator) -> Optics:
        """As estimated from windows ``(window, band, SIDE, SIDE)`` of an image."""
        logits, roughness = estimator(windows[None])
        isotropic, curves = _isotropic()
        probability = logits.softmax(-1)
        motion_probability = probability[0, ~isotropic].sum()
        # Widths tell nothing about motion: they only redistribute the probability left to the isotropic kernels.
        shares = (logits[0, isotropic] + WIDTH_WEIGHT * width_likelihood(windows, curves)).softmax(-1)
        probability[0, isotropic] = (1.0 - motion_probability) * shares
        return cls(
            probability,
            roughness,
            find_motion(windows, float(roughness)) if motion_probability > MIN_MOTION_PROBABILITY else None,
        )

    @functools.cached_property
    def filters(self) -> Tensor:
        """The Wiener filter where no motion was found: ``(1, size, size)``."""
        return wiener(self.probability, self.roughness)

    @property
    def reach_px(self) -> int:
        """Halo in pixels of ``deblur`` away from the image's edges."""
        return SIDE // 2 - 1 if self.motion is None else REACH_PX

    @property
    def reach_at_edges_px(self) -> int:
        """Halo in pixels of ``deblur`` where the image ends within ``reach_px``."""
        return self.reach_px if self.motion is None else (ROUNDS + 1) * REACH_PX

    def deblur(self, image: Tensor, at_edges: bool = True) -> Tensor:
        """``(1, band, y, x)`` without the blur; ``at_edges``: the image ends at the scene's edges."""
        if self.motion is None:
            return deconvolve(image, self.filters)
        return motion_deblurred(image, self.motion, ROUNDS if at_edges else 0)


def deblurred(image: Tensor, estimator: OpticsEstimator) -> Tensor:
    """``(batch, band, y, x)`` without the blur that is estimated from each image itself."""
    results = [
        Optics.estimate(windows, estimator).deblur(one[None])
        for one, windows in zip(image, corner_windows(image), strict=True)
    ]
    return torch.cat(results)
