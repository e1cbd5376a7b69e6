"""The network: align bands to slots, run the experts, carry slots back to bands.

`Network.condition` looks at the scene and the instruction once; `Network.forward` restores tiles; `Network.fold`
returns the same mapping for one scene as a plain dense network.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.align import Alignment, BandTensors, Descriptor, Plan
from llars.model.backbone import Backbone
from llars.model.blocks import BlockGates
from llars.model.condition import CONTENT_FEATURES, Conditions, ContentEncoder, InstructionEncoder, SceneEncoder
from llars.model.config import ModelConfig
from llars.model.direct import DirectPath
from llars.model.filters import FilterHead, GuideHead
from llars.model.fold import DenseNetwork, fold
from llars.model.gating import balance_loss
from llars.model.normalise import Statistics
from llars.model.output import OUTPUTS_PER_BAND, PLANES, RESIDUAL_GATE, Output, assemble, planes_used
from llars.model.strips import Strips
from llars.model.tone import tone_curve

__all__ = ["Network"]


class Network(nn.Module):
    """Restores images of any bands according to an instruction. All images are in normalised values."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.window, self.multiple, self.halo = config.window, config.multiple, config.halo
        features = config.condition_features
        self.content = ContentEncoder()
        self.descriptor = Descriptor(CONTENT_FEATURES, config.descriptor_features)
        self.alignment = Alignment(self.descriptor, config.slots, config.sinkhorn_iterations)
        self.scene = SceneEncoder(config.descriptor_features, features)
        self.instruction = InstructionEncoder(config.instruction_features, features)
        self.merge = nn.Sequential(nn.Linear(2 * features, features), nn.ReLU(), nn.Linear(features, features))
        self.filters = FilterHead(config)
        self.guides = GuideHead(config)
        self.stem = nn.Conv2d(4 * config.slots, config.widths[0], 3, padding=1)
        self.residual_stem = nn.Conv2d(4 * config.slots, config.widths[0], 3, padding=1, bias=False)
        nn.init.zeros_(self.residual_stem.weight)
        self.strips = Strips(config.widths[0], config.strip)
        self.backbone = Backbone(config)
        self.head = nn.Conv2d(config.widths[0], OUTPUTS_PER_BAND * config.slots, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    @property
    def uses_residual(self) -> bool:
        """Whether the residual of an initial estimate can change the output; it cannot before it was trained on."""
        gate = self.head.weight.view(self.config.slots, PLANES, -1)[:, RESIDUAL_GATE]
        return bool(self.residual_stem.weight.any() or gate.any())

    def condition(
        self,
        windows: Float[Tensor, "batch window channel side side"],
        bands: BandTensors,
        statistics: Statistics,
        instruction: Float[Tensor, "batch instruction"],
        targets: int | None = None,
    ) -> Conditions:
        """Everything that is decided once per scene.

        Args:
            windows: windows of ``config.window`` pixels at native resolution, from all over the scene, with the
                channels that ``forward`` takes.
            bands: physics of the bands.
            statistics: those that the scene was normalised with.
            instruction: sentence vector, unit length.
            targets: number of bands that are restored, the first ones; the rest are guides. None: all.
        """
        count = statistics.mean.shape[1]
        images = windows[:, :, :count]
        content = self.content(images)
        described = self.descriptor(bands, content, statistics.mean, statistics.std)
        plan = self.alignment(described, bands.present)
        scene_vector, faults = self.scene(torch.cat((described, content), -1), bands.present)
        instruction_vector, task, severity = self.instruction(instruction)
        condition = self.merge(torch.cat((instruction_vector, scene_vector), -1))
        direct = self.direct(described, condition, images, statistics, task, targets or count)
        gates = self.backbone.route(condition)
        attention = None if self.training else self.calibrate(windows, plan, gates)
        balance = balance_loss([gate for block in gates for gate in vars(block).values()])
        residual = windows.shape[2] > count
        return Conditions(plan, gates, attention, direct, residual, task, severity, faults, balance)

    def direct(
        self,
        described: Float[Tensor, "batch band feature"],
        condition: Float[Tensor, "batch feature"],
        windows: Float[Tensor, "batch window band side side"],
        statistics: Statistics,
        task: Float[Tensor, "batch task"],
        targets: int,
    ) -> DirectPath:
        """The part of the output in the first ``targets`` bands that bypasses the backbone."""
        own = statistics.first(targets)
        filters = self.filters(described[:, :targets], condition, own)
        guided = self.guides(described, condition, windows, targets) if described.shape[1] > targets else None
        return DirectPath(filters, guided, tone_curve(own, task))

    def calibrate(
        self, windows: Float[Tensor, "batch window channel side side"], plan: Plan, gates: list[BlockGates]
    ) -> list[Tensor]:
        """Attention of every block from a pass over the scene's windows."""
        count = windows.shape[1]
        each_plan = replace(plan, mass=plan.mass.repeat_interleave(count, 0))
        each_gates = [
            BlockGates(**{kind: gate.repeat_interleave(count, 0) for kind, gate in vars(block).items()})
            for block in gates
        ]
        attention: list[Tensor]
        _, attention = self.backbone(self.lift(windows.flatten(0, 1), each_plan), each_gates, windows=count)
        return attention

    def lift(self, image: Float[Tensor, "batch channel y x"], plan: Plan) -> Float[Tensor, "batch feature y/2 x/2"]:
        """Bands and residuals to features at half resolution: carried to slots, then through stems and strips.

        All steps before the strips are linear, so ``fold`` can merge them into one convolution.
        """
        bands = plan.to_slots.shape[2]
        features: Tensor = self.stem(self.carry(image[:, :bands], plan.to_slots))
        if targets := image.shape[1] - bands:
            features = features + self.residual_stem(self.carry(image[:, bands:], plan.to_slots[..., :targets]))
        lifted: Tensor = self.strips(features)
        return lifted

    def carry(
        self, image: Float[Tensor, "batch band y x"], to_slots: Float[Tensor, "batch slot band"]
    ) -> Float[Tensor, "batch slot*4 y/2 x/2"]:
        """Bands to slots, in cells of 2 x 2 pixels."""
        batch, bands, height, width = image.shape
        halves = nn.functional.pixel_unshuffle(image, 2).view(batch, bands, -1)
        carried = (to_slots.to(halves.dtype) @ halves).view(batch, -1, height // 2, width // 2)
        return carried.contiguous(memory_format=torch.channels_last)

    def forward(self, image: Float[Tensor, "batch channel y x"], conditions: Conditions) -> Output:
        """Restores tiles; sides are multiples of ``config.multiple``.

        Args:
            image: targets, guides, and the residual of the targets if they are an initial estimate: the result of
                ``Statistics.network_input``.
            conditions: those of the scene.
        """
        slots = self.lift(image, conditions.plan)
        features, _ = self.backbone(slots, conditions.gates, conditions.attention)
        return assemble(image, self.carry_back(self.head(features), conditions), conditions.direct)

    def carry_back(
        self, slots: Float[Tensor, "batch slot*output y x"], conditions: Conditions
    ) -> Float[Tensor, "batch plane*target*4 y x"]:
        """Slot outputs to every target band, plane by plane."""
        batch, _, height, width = slots.shape
        plan, planes = conditions.plan, planes_used(conditions.residual)
        flat = slots.reshape(batch, plan.mass.shape[1], -1)
        carried = plan.to_bands[:, : conditions.direct.targets].to(flat.dtype) @ flat
        by_band = carried.view(batch, -1, PLANES, 4, height, width)[:, :, planes]
        return by_band.transpose(1, 2).reshape(batch, -1, height, width)

    def fold(self, conditions: Conditions, uncertainty: bool = True, trust: float = 1.0) -> DenseNetwork:
        """A plain dense network that gives the same output for the one scene that ``conditions`` describe.

        Without ``uncertainty`` it does not compute the scale of the error. With ``trust`` below 1, it changes the
        target by only that share; not for tasks with a tone curve.
        """
        return fold(self, conditions, uncertainty, trust)
