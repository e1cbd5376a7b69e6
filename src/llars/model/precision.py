"""Use of bfloat16, which pays only on devices that compute in it natively."""

from __future__ import annotations

from functools import lru_cache

import torch

__all__ = ["autocast", "half_is_native"]


@lru_cache
def half_is_native(device: torch.device) -> bool:
    """Whether the device has arithmetic units for bfloat16; where it is emulated, it is up to ten times slower."""
    if device.type == "cuda":
        # Ampere, the first generation with bfloat16 in its arithmetic units.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # Versions of torch that cannot report this get float32.
        able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(bool(able.get(feature)) for feature in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision in bfloat16 where that is native, else, and while exporting, a context that changes nothing."""
    return torch.autocast(
        device.type, torch.bfloat16, enabled=half_is_native(device) and not torch.compiler.is_compiling()
    )
