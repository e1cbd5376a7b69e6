"""Band alignment by optimal transport: from any set of bands to learned slots, and back.

A band's descriptor meets the slots' embeddings; log-domain Sinkhorn-Knopp turns the similarities into a transport
plan with uniform marginals (Cuturi, 2013). Row-normalised it carries bands to slots, column-normalised and
transposed it carries slots back to every band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from llars.bands import Band, Modality, Polarisation, Role
from llars.errors import BandError

__all__ = ["Alignment", "BandTensors", "Descriptor", "Plan", "describe", "sinkhorn"]

FOURIER_FREQUENCIES = 8
REFERENCE_BANDS = (
    *(Band(str(nm), nm, 40.0, 10.0) for nm in (443, 490, 560, 610, 665, 705, 740, 842, 945, 1375, 1610, 2190)),
    Band("pan", 650.0, 400.0, 10.0, role=Role.PAN),
    Band("thermal", 10_900.0, 600.0, 100.0, Modality.THERMAL),
    Band("vv", gsd_m=10.0, modality=Modality.SAR, polarisation=Polarisation.VV),
    Band("vh", gsd_m=10.0, modality=Modality.SAR, polarisation=Polarisation.VH),
)
"""Bands from whose descriptors the slots are initialised; training moves the slots."""


@dataclass(frozen=True)
class BandTensors:
    """The physics of a batch of band sets, padded to the largest."""

    numbers: Float[Tensor, "batch band 3"]
    """log10 of wavelength and width in nanometres and of GSD in metres; 0 where unknown."""

    known: Float[Tensor, "batch band 3"]
    """1 where the number is known."""

    kinds: Int[Tensor, "batch band 3"]
    """Indices of modality, polarisation and role."""

    present: Bool[Tensor, "batch band"]
    """False for padding."""

    def to(self, device: torch.device | str) -> BandTensors:
        """The same on another device."""
        return BandTensors(*(getattr(self, name).to(device) for name in ("numbers", "known", "kinds", "present")))


def describe(band_sets: Sequence[Sequence[Band]]) -> BandTensors:
    """Tensors of one band set per image.

    Raises:
        BandError: a set is empty.
    """
    if not band_sets or not all(band_sets):
        raise BandError("an image without bands cannot be described; give at least one band")
    shape = (len(band_sets), max(len(bands) for bands in band_sets), 3)
    numbers, known, kinds = torch.zeros(shape), torch.zeros(shape), torch.zeros(shape, dtype=torch.long)
    present = torch.zeros(shape[:2], dtype=torch.bool)
    for row, bands in enumerate(band_sets):
        present[row, : len(bands)] = True
        for column, band in enumerate(bands):
            for position, value in enumerate((band.wavelength_nm, band.width_nm, band.gsd_m)):
                if value is not None and value > 0:
                    numbers[row, column, position] = math.log10(value)
                    known[row, column, position] = 1.0
            kinds[row, column] = torch.tensor(
                (
                    list(Modality).index(band.modality),
                    list(Polarisation).index(band.polarisation),
                    list(Role).index(band.role),
                )
            )
    return BandTensors(numbers, known, kinds, present)


@dataclass(frozen=True)
class Plan:
    """A transport plan between slots and bands."""

    mass: Float[Tensor, "batch slot band"]
    """Sums to 1; rows to 1 / slots, columns to 1 / bands, padding columns to 0."""

    @property
    def to_slots(self) -> Float[Tensor, "batch slot band"]:
        """Row-normalised: every slot is a weighted mean of bands."""
        return self.mass / self.mass.sum(-1, keepdim=True)

    @property
    def to_bands(self) -> Float[Tensor, "batch band slot"]:
        """Column-normalised and transposed: every band is a weighted mean of slots; padding gets zeros."""
        columns = self.mass.transpose(-1, -2)
        return columns / columns.sum(-1, keepdim=True).clamp_min(torch.finfo(columns.dtype).tiny)


def sinkhorn(
    logits: Float[Tensor, "batch slot band"], present: Bool[Tensor, "batch band"], iterations: int
) -> Float[Tensor, "batch slot band"]:
    """Entropic transport plan with uniform marginals over slots and over the bands that are present.

    Log-domain Sinkhorn-Knopp in float32; the rows are scaled last, so their sums are exact.
    """
    slots = logits.shape[1]
    log_plan = logits.float().masked_fill(~present[:, None], -torch.inf)
    column = -present.sum(-1).float().log()[:, None, None]
    for _ in range(iterations):
        excess = torch.logsumexp(log_plan, dim=1, keepdim=True) - column
        log_plan = log_plan - excess.masked_fill(~present[:, None], 0.0)
        log_plan = log_plan - torch.logsumexp(log_plan, dim=2, keepdim=True) - math.log(slots)
    return log_plan.exp()


class Descriptor(nn.Module):
    """A band as a vector: its physics, its mean and standard deviation in the scene, and a summary of its content."""

    def __init__(self, content_features: int, features: int) -> None:
        super().__init__()
        frequencies = 2.0 ** torch.arange(FOURIER_FREQUENCIES) * math.pi / 4
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.kinds = nn.ModuleList(nn.Embedding(len(kind), 8) for kind in (Modality, Polarisation, Role))
        physics = 3 * (2 * FOURIER_FREQUENCIES + 1) + 3 * 8
        self.physics = nn.Linear(physics, features)
        self.content = nn.Sequential(
            nn.Linear(features + content_features + 2, 2 * features), nn.ReLU(), nn.Linear(2 * features, features)
        )

    def of_physics(self, bands: BandTensors) -> Float[Tensor, "batch band feature"]:
        """The part that does not depend on the image."""
        angles = bands.numbers[..., None] * self.frequencies
        waves = torch.cat((angles.sin(), angles.cos()), -1) * bands.known[..., None]
        kinds = [embed(bands.kinds[..., i]) for i, embed in enumerate(self.kinds)]
        physics: Tensor = self.physics(torch.cat((waves.flatten(-2), bands.known, *kinds), -1))
        return physics

    def forward(
        self,
        bands: BandTensors,
        content: Float[Tensor, "batch band content"],
        mean: Float[Tensor, "batch band"],
        std: Float[Tensor, "batch band"],
    ) -> Float[Tensor, "batch band feature"]:
        physics = self.of_physics(bands)
        radiometry = torch.stack((mean, std.log10()), -1)
        described: Tensor = physics + self.content(torch.cat((physics, content, radiometry), -1))
        return described


class Alignment(nn.Module):
    """Matches bands to slots by the products of descriptors and slot embeddings."""

    REACH = 10.0
    """Bound of the logits: sharper plans converge too slowly for a fixed number of iterations."""

    def __init__(self, descriptor: Descriptor, slots: int, iterations: int) -> None:
        super().__init__()
        self.iterations = iterations
        with torch.no_grad():
            reference = descriptor.of_physics(describe([REFERENCE_BANDS]))[0]
            picked = torch.linspace(0, len(reference) - 1, slots).round().long()
            start = reference[picked] - reference.mean(0)
            start = start + 0.1 * start.std() * torch.randn_like(start)
        self.slots = nn.Parameter(start * 12.0 / start.square().sum(-1).mean())

    def forward(self, descriptors: Float[Tensor, "batch band feature"], present: Bool[Tensor, "batch band"]) -> Plan:
        """The plan of each image.

        The mean over the bands of an image is subtracted first: it cannot change a plan with given marginals, but it
        would use up the bounded range of the logits and leave the plan flat.
        """
        weight = present[..., None].float()
        common = (descriptors.float() * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        logits = self.slots.float() @ (descriptors.float() - common).transpose(-1, -2)
        logits = logits - logits.mean(1, keepdim=True)
        return Plan(sinkhorn(self.REACH * torch.tanh(logits / self.REACH), present, self.iterations))
