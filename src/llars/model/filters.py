"""The linear part of the output: for each band one small filter, a gain and a shift, fixed for the scene.

Sharpening, exposure and the mean effect of haze are linear in the band. A filter per band models them directly, which
leaves the rest to the backbone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.config import ModelConfig
from llars.model.normalise import Statistics

__all__ = ["BandFilter", "FilterHead", "GuideHead"]


@dataclass(frozen=True)
class BandFilter:
    """``kernel * image + shift`` on normalised values."""

    kernel: Float[Tensor, "batch band size size"]
    """Sums to the band's gain."""

    shift: Float[Tensor, "batch band"]
    """Added after the kernel."""

    def __call__(self, image: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y x"]:
        """Filters each band of each sample with its own kernel; edges are replicated."""
        batch, bands, height, width = image.shape
        size = self.kernel.shape[-1]
        padded = nn.functional.pad(image, [size // 2] * 4, mode="replicate")
        # For one scene this is a view, which keeps channels last: the depthwise convolution is twice as fast then.
        stacked = padded.reshape(1, batch * bands, *padded.shape[-2:])
        kernel = self.kernel.reshape(batch * bands, 1, size, size).to(image.dtype)
        filtered = nn.functional.conv2d(stacked, kernel, self.shift.reshape(-1).to(image.dtype), groups=batch * bands)
        return filtered.view(batch, bands, height, width)


def chooser(inputs: int, outputs: int) -> nn.Sequential:
    """Two layers whose output starts at zero."""
    last = nn.Linear(64, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), last)


class FilterHead(nn.Module):
    """Chooses each band's filter from the band's descriptor, the scene and the instruction."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.choose = chooser(config.descriptor_features + config.condition_features, config.kernel_basis + 2)
        self.basis = nn.Parameter(torch.randn(config.kernel_basis, config.kernel_size, config.kernel_size) * 0.05)

    def forward(
        self,
        described: Float[Tensor, "batch band feature"],
        condition: Float[Tensor, "batch feature"],
        statistics: Statistics,
    ) -> BandFilter:
        """The filters of all bands; the identity for an untrained network.

        A gain acts on unit values, not on normalised ones, so that "twice as bright" means the same for a dark sea and
        a bright desert: in normalised values it also shifts by ``(gain - 1) * mean / std``.
        """
        everywhere = condition[:, None].expand(-1, described.shape[1], -1)
        chosen = self.choose(torch.cat((described, everywhere), -1)).float()
        basis = self.basis - self.basis.mean((-2, -1), keepdim=True)
        kernel = torch.einsum("bcm,myx->bcyx", chosen[..., 2:], basis)
        centre = kernel.shape[-1] // 2
        kernel = kernel + nn.functional.pad(kernel.new_ones(1, 1), [centre] * 4)
        gain = chosen[..., 0].exp()
        shift = (gain - 1) * statistics.mean / statistics.std + chosen[..., 1]
        return BandFilter(kernel * gain[..., None, None], shift)


class GuideHead(nn.Module):
    """Chooses the kernel through which each guide band is added to each target band.

    Fusion is mostly linear: it adds the panchromatic detail that a band lacks, or the change between two dates of a
    coarse image. The correlation of the two bands in the scene tells how much of it to use.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inputs = 2 * config.descriptor_features + config.condition_features + 2
        self.choose = chooser(inputs, config.kernel_basis + 1)
        self.basis = nn.Parameter(torch.randn(config.kernel_basis, config.kernel_size, config.kernel_size) * 0.05)

    def forward(
        self,
        described: Float[Tensor, "batch band feature"],
        condition: Float[Tensor, "batch feature"],
        windows: Float[Tensor, "batch window band y x"],
        targets: int,
    ) -> Float[Tensor, "batch target guide size size"]:
        """The kernels, zero for an untrained network; the first ``targets`` bands are the targets."""
        guides = described.shape[1] - targets
        pairs = (-1, targets, guides, -1)
        features = (
            described[:, :targets, None].expand(pairs),
            described[:, None, targets:].expand(pairs),
            condition[:, None, None].expand(pairs),
            likeness(windows, targets),
        )
        chosen = self.choose(torch.cat(features, -1)).float()
        basis = self.basis - self.basis.mean((-2, -1), keepdim=True)
        centre = self.basis.shape[-1] // 2
        point = nn.functional.pad(chosen[..., :1, None], [centre] * 4)
        return torch.einsum("btgm,myx->btgyx", chosen[..., 1:], basis) + point


def likeness(windows: Float[Tensor, "batch window band y x"], targets: int) -> Float[Tensor, "batch target guide 2"]:
    """Correlation of each target band with each guide band over a scene's windows, at full and quarter resolution."""
    found = []
    coarse = nn.functional.avg_pool2d(windows.flatten(0, 1), 4)
    for image in (windows, coarse.view(*windows.shape[:3], *coarse.shape[-2:])):
        pixels = image.float().transpose(1, 2).flatten(2)
        pixels = nn.functional.normalize(pixels - pixels.mean(-1, keepdim=True), dim=-1)
        found.append(pixels[:, :targets] @ pixels[:, targets:].transpose(-1, -2))
    return torch.stack(found, -1)
