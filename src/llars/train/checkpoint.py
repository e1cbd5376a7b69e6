"""Checkpoints as safetensors files, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from llars.errors import DataError
from llars.files import replacing

__all__ = ["Average", "load_checkpoint", "read_settings", "save_checkpoint"]


class Average:
    """Exponential moving average of a network's parameters."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Updates the average with the parameters after ``step`` steps; the decay is smaller in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        names, news = zip(*network.named_parameters(), strict=True)
        torch._foreach_lerp_([self.values[name] for name in names], list(news), 1 - decay)


def save_checkpoint(
    path: Path,
    modules: dict[str, dict[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    step: int,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Writes one file with the tensors of every part, the optimizer's moments, the step and the run's settings.

    Raises:
        OutputError: it cannot be written.
    """
    tensors = {f"{part}/{name}": value for part, state in modules.items() for name, value in state.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    about = {} if settings is None else {"settings": json.dumps(settings)}
    with replacing(path) as part:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file(tensors, part, metadata={"step": str(step), **about})
        except SafetensorError as fault:
            # Its own name for errors of the file system, as there are no others in writing.
            raise OSError(str(fault)) from None


def read_settings(path: Path) -> dict[str, Any] | None:
    """The settings that a checkpoint was saved with; None if it was saved without.

    Raises:
        DataError: the file is damaged.
    """
    try:
        with safe_open(path, "pt") as stored:
            text = (stored.metadata() or {}).get("settings")
        settings: dict[str, Any] | None = None if text is None else json.loads(text)
    except (SafetensorError, OSError, ValueError) as fault:
        raise DataError(f"checkpoint {path} is damaged ({fault}); delete it to start anew") from None
    return settings


def load_checkpoint(path: Path, optimizer: torch.optim.Optimizer) -> tuple[dict[str, dict[str, Tensor]], int]:
    """The parts and the step of a checkpoint; the optimizer's moments are loaded into ``optimizer``.

    Raises:
        DataError: the file is damaged.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, "pt") as stored:
            step = int(stored.metadata()["step"])
            for key in stored.keys():  # noqa: SIM118 - safe_open is no mapping
                part, name = key.split("/", 1)
                parts.setdefault(part, {})[name] = stored.get_tensor(key)
    except (SafetensorError, OSError, TypeError, KeyError) as fault:
        raise DataError(f"checkpoint {path} is damaged ({fault}); delete it to start anew") from None
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, Any]] = {}
    for key, value in parts.pop("optimizer", {}).items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # The fused optimizer works on raw memory, so a moment must have its parameter's layout (channels last).
            value = torch.empty_like(parameter).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return parts, step
