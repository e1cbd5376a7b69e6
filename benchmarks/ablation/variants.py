"""The model with one part left out or replaced; each variant differs from ``full`` in that alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from benchmarks.ours import Ours
from llars.model.align import Alignment, Plan
from llars.model.blocks import Block, BlockGates
from llars.model.condition import SceneEncoder
from llars.model.config import ModelConfig
from llars.model.network import Network
from llars.model.normalise import Statistics
from llars.model.output import PLANES
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.objective import ForwardResult, forward

__all__ = ["VARIANTS", "Variant"]


@dataclass(frozen=True)
class OrderedPlan(Plan):
    """A plan in which a slot may be empty."""

    @property
    def to_slots(self) -> Float[Tensor, "batch slot band"]:
        """Every slot is the mean of the bands in it; empty slots are 0."""
        return self.mass / self.mass.sum(-1, keepdim=True).clamp_min(torch.finfo(self.mass.dtype).tiny)


class InOrder(nn.Module):
    """Assigns bands to slots in order; empty slots are 0, and bands beyond the last slot share the first ones."""

    def __init__(self, slots: int) -> None:
        super().__init__()
        self.slots = slots

    def forward(self, descriptors: Float[Tensor, "batch band feature"], present: Bool[Tensor, "batch band"]) -> Plan:
        """The plan, which depends only on the order of the bands."""
        bands = torch.arange(descriptors.shape[1], device=descriptors.device)
        slots = torch.arange(self.slots, device=descriptors.device)
        mass = (slots[:, None] == bands % self.slots) * present[:, None].float()
        return OrderedPlan(mass / mass.sum((1, 2), keepdim=True))


class NoConvolution(nn.Module):
    """Replaces the convolution experts by nothing."""

    def forward(self, image: Tensor, gate: Tensor) -> Tensor:
        """Zero, so that only the shared 3x3 convolution is left."""
        return image.new_zeros(())


class SharedChannels(nn.Module):
    """Replaces the channel experts by the shared matrix alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(width, width, 1)
        nn.init.normal_(self.layer.weight, std=0.2 * width**-0.5)
        nn.init.zeros_(cast("Tensor", self.layer.bias))

    def forward(self, image: Tensor, gate: Tensor) -> Tensor:
        """The same mixing of channels for all scenes and tasks."""
        mixed: Tensor = self.layer(image)
        return mixed


class Unattended(Block):
    """A block without attention over channels: only its spatial and its channel part."""

    def __init__(self, width: int, config: ModelConfig) -> None:
        super().__init__(width, config)
        del self.attention

    def attend(self, image: Tensor, gates: BlockGates, windows: int) -> Tensor:
        """An empty attention matrix: nothing is pooled."""
        return image.new_zeros(len(image) // windows, 0, 0)

    def forward(self, image: Tensor, gates: BlockGates, attention: Tensor) -> Tensor:
        """The rest of a block."""
        patterns = nn.functional.relu(self.spatial(image) + self.convolution(image, gates.convolution))
        change: Tensor = self.channel(patterns, gates.channel)
        return image + change


class Unseeing(nn.Module):
    """A scene encoder that predicts the faults, but passes nothing on to the network."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, described: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """A scene vector of zeros, and the severities of the faults."""
        scene, faults = self.encoder(described, present)
        return torch.zeros_like(scene), faults


class EqualWeights(nn.Module):
    """Equal weight for every sample."""

    def forward(self, losses: Tensor, tasks: Tensor) -> Tensor:
        """Ones."""
        return torch.ones_like(losses)


class FullResolution(Network):
    """The network at full resolution throughout, with half the widths for about the same cost, and strips as long."""

    def __init__(self, config: ModelConfig) -> None:
        halved = replace(
            config,
            widths=tuple(width // 2 for width in config.widths),
            head_features=config.head_features // 2,
            strip=2 * config.strip - 1,
        )
        super().__init__(halved)
        self.stem = nn.Conv2d(config.slots, halved.widths[0], 3, padding=1)
        self.residual_stem = nn.Conv2d(config.slots, halved.widths[0], 3, padding=1, bias=False)
        nn.init.zeros_(self.residual_stem.weight)
        # Carrying back to the bands expects the head's planes in cells of 2 x 2 pixels.
        head = nn.Conv2d(halved.widths[0], PLANES * config.slots, 1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(cast("Tensor", head.bias))
        self.head = cast("nn.Conv2d", nn.Sequential(head, nn.PixelUnshuffle(2)))

    def carry(self, image: Tensor, to_slots: Tensor) -> Tensor:
        """Bands to slots, pixel by pixel."""
        carried = (to_slots.to(image.dtype) @ image.flatten(2)).view(len(image), -1, *image.shape[2:])
        return carried.contiguous(memory_format=torch.channels_last)


class WithoutText(Ours):
    """A learned vector for each task instead of the sentence vector."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.labels = nn.Embedding(len(TASK_KEYS), config.instruction_features)
        nn.init.normal_(self.labels.weight, std=config.instruction_features**-0.5)

    def forward_batch(self, batch: Batch) -> ForwardResult:
        """Runs the network with the task given, but not its strength."""
        return super().forward_batch(replace(batch, instruction=self.labels(batch.task)))


class WithoutNormalisation(Ours):
    """The network works on unit values; the loss is in the same units as for all other variants."""

    def forward_batch(self, batch: Batch) -> ForwardResult:
        """Runs the network with the identity as normalisation, whose statistics are also what it is conditioned on."""
        true = Statistics.of(batch.image, histogram=batch.about_histogram)
        none = Statistics(torch.zeros_like(true.mean), torch.ones_like(true.std), true.knots)
        result = forward(self.network, batch, none)
        own = true.first(batch.clean.shape[1])
        output = replace(result.output, image=own.apply(result.output.image))
        return replace(result, output=output, truth=own.apply(batch.clean), statistics=own)


def with_network(change: Callable[[Network], None]) -> Callable[[ModelConfig], Ours]:
    """A constructor of contestants whose network is modified by ``change`` before training."""

    def make(config: ModelConfig) -> Ours:
        ours = Ours(config)
        change(ours.network)
        return ours

    return make


def in_order(network: Network) -> None:
    """Assigns bands to slots by position instead of by optimal transport."""
    network.alignment = cast("Alignment", InOrder(network.config.slots))


def without_convolution(network: Network) -> None:
    """Removes the convolution experts; the shared 3x3 convolution of each block stays."""
    for block in network.backbone.shape.blocks():
        block.convolution = NoConvolution()


def without_channels(network: Network) -> None:
    """Removes the channel experts; the shared 1x1 convolution of each block stays."""
    for block in network.backbone.shape.blocks():
        block.channel = SharedChannels(block.spatial.out_channels)


def without_attention(network: Network) -> None:
    """Removes the attention over channels from each block."""
    shape = network.backbone.shape
    for level in (*shape.encoder, *shape.decoder, shape.refinement):
        blocks = cast("nn.ModuleList", level)
        for at, block in enumerate(blocks):
            blocks[at] = Unattended(cast("Block", block).spatial.out_channels, network.config)


def without_scene(network: Network) -> None:
    """Sets the scene vector to zero."""
    network.scene = cast("SceneEncoder", Unseeing(network.scene))


def one_expert(config: ModelConfig) -> Ours:
    """A model with one expert of each kind, always used."""
    return Ours(replace(config, experts=1, top_k=1))


def equal_weights(config: ModelConfig) -> Ours:
    """Training with all task weights equal to 1."""
    ours = Ours(config)
    ours.weighting = EqualWeights()
    return ours


class AtFullResolution(Ours):
    """llars without the step to half resolution."""

    def build(self, config: ModelConfig) -> Network:
        """The network at full resolution."""
        return FullResolution(config)


@dataclass(frozen=True)
class Variant:
    """One training run of the ablation."""

    title: str
    """What is missing, for the table."""

    meaning: str
    """What that means exactly."""

    make: Callable[[ModelConfig], Ours]
    """Makes the contestant for a model configuration."""

    seed: int = 0
    """Added to the seed of the ablation; a second seed measures the effect of chance."""

    followed: str = ""
    """What was changed after an earlier ablation."""


VARIANTS = {
    "full": Variant("full", "the complete model", Ours),
    "full_again": Variant("full, second seed", "other initial weights and batches: the effect of chance", Ours, 1),
    "no_sinkhorn": Variant(
        "without Sinkhorn",
        "bands are assigned to the slots in order instead of by optimal transport; empty slots are 0, and bands beyond "
        "the last slot share the first slots",
        with_network(in_order),
    ),
    "no_convolution": Variant(
        "without convolution experts",
        "the convolution experts are removed; only the shared 3x3 convolution of each block remains",
        with_network(without_convolution),
    ),
    "no_channel": Variant(
        "without channel experts",
        "the channel experts are removed; only the shared 1x1 convolution of each block remains",
        with_network(without_channels),
    ),
    "no_attention": Variant(
        "without attention experts",
        "the attention experts are removed, and with them all attention over channels",
        with_network(without_attention),
    ),
    "one_expert": Variant(
        "one expert of each kind",
        "the mixture is replaced by one expert of each kind, used for all scenes and instructions",
        one_expert,
    ),
    "no_weighting": Variant("without dynamic weights", "all samples have weight 1", equal_weights),
    "no_text": Variant(
        "without text",
        "a learned vector for each task replaces the sentence vector; it encodes the task but not the strength",
        WithoutText,
        followed="In an earlier ablation with sentences from the whole grammar, the learned vectors were 4.2 dB "
        "better, most of it perhaps by chance. The network need not learn to read, because the instruction reader does "
        "so. Since then, it is trained only on the standard sentences to which the reader reduces all others",
    ),
    "no_scene": Variant("without scene conditioning", "the scene vector is set to zero", with_network(without_scene)),
    "full_resolution": Variant(
        "full-resolution stem",
        "no downsampling to half resolution; half the widths, for a similar cost",
        AtFullResolution,
    ),
    "no_normalisation": Variant(
        "without reversible normalisation",
        "the network reads and writes unit values; the loss is computed on normalised values, as for all variants",
        WithoutNormalisation,
    ),
}
"""All variants, by the name of their folder."""
