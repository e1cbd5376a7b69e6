"""Conditioning: what the instruction asks for and what the scene looks like, once per scene."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llars.model.align import Plan
from llars.model.blocks import BlockGates
from llars.model.direct import DirectPath
from llars.tasks import TASK_KEYS

__all__ = ["Conditions", "ContentEncoder", "InstructionEncoder", "SceneEncoder"]

CONTENT_FEATURES = 32


@dataclass(frozen=True)
class Conditions:
    """All that the network knows of a scene beyond its pixels; the same for every tile."""

    plan: Plan
    """Transport plan between slots and bands."""

    gates: list[BlockGates]
    """Expert weights of each block, in the order of the forward pass."""

    attention: list[Float[Tensor, "batch channel channel"]] | None
    """Attention matrix of each block; None in training, where each patch is its own scene."""

    direct: DirectPath
    """The part of the output that bypasses the backbone."""

    residual: bool
    """Whether the targets are an initial estimate and come with their residual."""

    task_from_text: Float[Tensor, "batch task"]
    """Logits of the task that the instruction asks for, in the order of ``TASK_KEYS``."""

    severity_from_text: Float[Tensor, "batch"]
    """Strength that the instruction asks for: 0 to 1, for brightness -1 to 1."""

    task_from_image: Float[Tensor, "batch task"]
    """Severity of each fault that the image shows, about 0 to 1."""

    balance: Float[Tensor, ""]
    """Load-balance loss of all gates."""


class ContentEncoder(nn.Module):
    """A summary of one band's texture at native resolution, where noise and blur can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, CONTENT_FEATURES, 3, stride=2, padding=1),
            nn.ReLU(),
        )

    def forward(self, windows: Float[Tensor, "batch window band y x"]) -> Float[Tensor, "batch band content"]:
        batch, count, bands, height, width = windows.shape
        features = self.layers(windows.reshape(-1, 1, height, width)).float().mean((-2, -1))
        summary: Tensor = features.view(batch, count, bands, -1).mean(1)
        return summary


class SceneEncoder(nn.Module):
    """One vector for the scene, from the descriptors of its bands in any order; and the faults it shows."""

    def __init__(self, descriptor_features: int, features: int) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(descriptor_features + CONTENT_FEATURES, features), nn.ReLU())
        self.all = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, features))
        self.faults = nn.Linear(features, len(TASK_KEYS))

    def forward(
        self, described: Float[Tensor, "batch band feature"], present: Bool[Tensor, "batch band"]
    ) -> tuple[Float[Tensor, "batch feature"], Float[Tensor, "batch task"]]:
        weight = present[..., None].to(described.dtype)
        pooled = (self.each(described) * weight).sum(1) / weight.sum(1)
        scene = self.all(pooled)
        return scene, self.faults(scene)


class InstructionEncoder(nn.Module):
    """Encodes the sentence vector, and predicts the task and the strength that it asks for."""

    def __init__(self, instruction_features: int, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(instruction_features, 2 * features), nn.ReLU(), nn.Linear(2 * features, features)
        )
        self.task = nn.Linear(features, len(TASK_KEYS))
        self.severity = nn.Linear(features, 1)

    def forward(
        self, instruction: Float[Tensor, "batch instruction"]
    ) -> tuple[Float[Tensor, "batch feature"], Float[Tensor, "batch task"], Float[Tensor, "batch"]]:
        # A unit vector of 384 numbers has entries of about 0.05; scaled to the unit variance that layers expect.
        meaning = self.layers(instruction * instruction.shape[-1] ** 0.5)
        return meaning, self.task(meaning), self.severity(meaning)[:, 0]
