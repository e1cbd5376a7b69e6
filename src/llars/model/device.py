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
    available = [kind for kind in ("cuda", "mps", "cpu") if _count(kind)]
    if name == "auto":
        return torch.device(available[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or (device.index or 0) >= _count(device.type):
        raise ConfigError(
            f"device {name!r} is not available; this machine has {', '.join(available)} (or say auto), which take a "
            "number, as in cuda:0, where there are several"
        )
    return device


def _count(kind: str) -> int:
    """How many devices of a kind torch can use here; 0 for kinds that hold no numbers, as meta."""
    backend = getattr(torch, kind, None)
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    if backend is None or not hasattr(backend, "device_count") or not backend.is_available():
        return 0
    return int(backend.device_count())
