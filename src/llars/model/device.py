"""Where the network runs."""

from __future__ import annotations

import torch

from llars.errors import ConfigError

__all__ = ["pick_device"]


def pick_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is the first of cuda, mps and cpu that is there.

    Raises:
        ConfigError: torch has no such device here.
    """
    devices = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, available in devices.items() if available))
    kind, _, index = name.partition(":")
    if not devices.get(kind) or (index and not (index.isdigit() and int(index) < torch.cuda.device_count())):
        available = ", ".join(kind for kind, here in devices.items() if here)
        raise ConfigError(f"device {name!r} is not available; this machine has {available} (or say auto)")
    return torch.device(name)
