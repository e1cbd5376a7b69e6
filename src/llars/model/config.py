"""Sizes of the network, checked when they are made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from llars.errors import ConfigError

__all__ = ["PRESETS", "ModelConfig", "preset"]


@dataclass(frozen=True)
class ModelConfig:
    """Everything that determines the shapes of the network's tensors.

    Raises:
        ConfigError: two numbers contradict each other; the message names both.
    """

    name: str
    """Preset or your own name; travels with the weights."""

    widths: tuple[int, ...]
    """Channels of each level, finest (half resolution) first."""

    encoder_blocks: tuple[int, ...]
    """Blocks of each level on the way down; the last entry is the bottom."""

    decoder_blocks: tuple[int, ...]
    """Blocks of each level but the bottom on the way up, finest first."""

    refinement_blocks: int
    """Blocks at the finest level after the decoder."""

    slots: int = 16
    """Learned slots that bands are matched to (K)."""

    descriptor_features: int = 48
    """Length of a band's descriptor."""

    condition_features: int = 64
    """Length of the condition vector, the input of every gate."""

    experts: int = 4
    """Experts of each kind in a block."""

    top_k: int = 2
    """Experts of each kind that are used at a time."""

    attention_rank: int = 4
    """Rank of the experts' adapters on queries and keys."""

    head_features: int = 16
    """Channels of one head of channel attention."""

    strip: int = 31
    """Taps of the column and row filters at the stem, in pixels of half resolution: about one window."""

    kernel_size: int = 7
    """Side of the per-band linear filter of the output head, in pixels."""

    kernel_basis: int = 16
    """Learned filters that a band's own filter is composed of."""

    sinkhorn_iterations: int = 50
    """Row and column updates of the transport plan."""

    window: int = 64
    """Side in pixels of the windows over which global features are pooled: the patch size of training."""

    instruction_features: int = 384
    """Length of the sentence encoder's vector."""

    def __post_init__(self) -> None:
        levels = len(self.widths)
        if len(self.encoder_blocks) != levels or len(self.decoder_blocks) != levels - 1:
            raise ConfigError(
                f"{levels} widths need {levels} encoder_blocks and {levels - 1} decoder_blocks, "
                f"found {len(self.encoder_blocks)} and {len(self.decoder_blocks)}"
            )
        if not 1 <= self.top_k <= self.experts:
            raise ConfigError(f"top_k must lie in 1..experts={self.experts}, found {self.top_k}")
        if self.window % self.multiple:
            raise ConfigError(f"window={self.window} must be a multiple of {self.multiple}, given {levels} levels")
        for width in self.widths:
            if width % self.head_features:
                raise ConfigError(f"width {width} must be a multiple of head_features={self.head_features}")
        for name in ("strip", "kernel_size"):
            if getattr(self, name) % 2 == 0:
                raise ConfigError(f"{name} must be odd to be centred, found {getattr(self, name)}")

    @property
    def multiple(self) -> int:
        """Height and width must be a multiple of this many pixels."""
        return int(2 ** len(self.widths))

    @property
    def halo(self) -> int:
        """Pixels beyond which nothing can influence an output pixel, rounded up to ``multiple``.

        A 3x3 convolution at level i reaches ``2 ** (i + 1)`` pixels; downsampling and upsampling can shift by one cell
        of the coarsest level; the strips reach half their length at half resolution.
        """
        reach = 2 * 2 + 2 * (self.strip // 2) + self.kernel_size // 2 + self.multiple
        for level, blocks in enumerate(self.encoder_blocks):
            decoder = self.decoder_blocks[level] if level < len(self.decoder_blocks) else 0
            reach += (blocks + decoder) * 2 ** (level + 1)
        reach += self.refinement_blocks * 2
        return -(-reach // self.multiple) * self.multiple

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the metadata of a weights file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """The inverse of ``to_dict``.

        Raises:
            ConfigError: a field is unknown or missing.
        """
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise ConfigError(f"unknown model settings {sorted(unknown)}; known are {sorted(known)}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        try:
            return cls(**plain)
        except TypeError as fault:
            raise ConfigError(f"incomplete model settings: {fault}") from None


PRESETS: dict[str, ModelConfig] = {
    config.name: config
    for config in (
        ModelConfig("llars-tiny", (16, 32), (1, 1), (1,), 1, slots=6, condition_features=32, experts=3),
        ModelConfig("llars-small", (48, 64, 96, 128), (1, 2, 2, 3), (1, 2, 2), 2),
        ModelConfig("llars-base", (96, 192, 256, 384), (2, 4, 6, 6), (2, 4, 6), 4, experts=6, attention_rank=8),
    )
}
"""tiny is for tests, small for laptops (under 100 GFLOP per megapixel), base for GPUs."""


def preset(name: str) -> ModelConfig:
    """The preset called ``name``.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown model preset {name!r}; the presets are {', '.join(PRESETS)}")
    return PRESETS[name]
