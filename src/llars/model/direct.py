"""What reaches the output without the backbone: a tone curve, a filter per band, and the guides filtered per band."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.filters import BandFilter
from llars.model.tone import ToneCurve

__all__ = ["DirectPath"]


@dataclass(frozen=True)
class DirectPath:
    """``filter(tone(target)) + sum over guides of kernel * guide``, on normalised values, fixed for the scene."""

    filters: BandFilter
    """One filter for each target band."""

    guides: Float[Tensor, "batch target guide size size"] | None
    """One kernel for each pair of target band and guide band; None where there are no guides."""

    tone: ToneCurve | None
    """The tone curve; None where the task needs none."""

    @property
    def targets(self) -> int:
        """Number of output bands, the first of the input."""
        return self.filters.kernel.shape[1]

    @property
    def bands(self) -> int:
        """Number of input bands, targets and guides."""
        return self.targets + (0 if self.guides is None else self.guides.shape[2])

    def __call__(self, image: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch target y x"]:
        # In float32: this path gives most of the output, which must not be rounded to three digits.
        with torch.autocast(image.device.type, enabled=False):
            target = image[:, : self.targets].float()
            direct = self.filters(target if self.tone is None else self.tone(target))
            return direct if self.guides is None else direct + self._guided(image[:, self.targets : self.bands].float())

    def _guided(self, guides: Float[Tensor, "batch guide y x"]) -> Float[Tensor, "batch target y x"]:
        kernels = self.guides
        assert kernels is not None
        batch, targets, count, size, _ = kernels.shape
        padded = nn.functional.pad(guides, [size // 2] * 4, mode="replicate")
        stacked = padded.reshape(1, batch * count, *padded.shape[-2:])
        kernel = kernels.reshape(batch * targets, count, size, size).to(guides.dtype)
        filtered: Tensor = nn.functional.conv2d(stacked, kernel, groups=batch)
        return filtered.view(batch, targets, *guides.shape[-2:])

    def towards_target(self, share: float) -> DirectPath:
        """The path that changes the target by only a ``share`` of what this one does; without a tone curve."""
        identity = torch.zeros_like(self.filters.kernel)
        middle = identity.shape[-1] // 2
        identity[..., middle, middle] = 1.0
        filters = BandFilter(torch.lerp(identity, self.filters.kernel, share), share * self.filters.shift)
        return DirectPath(filters, None if self.guides is None else share * self.guides, None)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of one scene's path by name, so that a module can move them between devices."""
        held = {"kernel": self.filters.kernel, "shift": self.filters.shift}
        if self.guides is not None:
            # Without the batch dimension: a module cannot convert a tensor of rank 5 to channels last.
            (held["guides"],) = self.guides
        if self.tone is not None:
            held |= {f"tone_{name}": value for name, value in vars(self.tone).items()}
        return held

    @classmethod
    def of(cls, held: dict[str, Tensor]) -> DirectPath:
        """The inverse of ``tensors``."""
        tone = {name.removeprefix("tone_"): value for name, value in held.items() if name.startswith("tone_")}
        filters = BandFilter(held["kernel"], held["shift"])
        guides = held["guides"][None] if "guides" in held else None
        return cls(filters, guides, ToneCurve(**tone) if tone else None)
