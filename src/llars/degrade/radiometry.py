"""Radiometry: an image that is too dark, or too bright."""

from __future__ import annotations

import torch
from torch import Tensor

from llars.degrade.base import Case, Degradation

__all__ = ["BRIGHTNESS"]


def brightness(case: Case) -> Tensor:
    """Darken by s stops: u becomes u / 2^s. A negative severity brightens.

    Nothing is clipped, so the inverse gain restores the image.
    """
    return case.image * torch.exp2(-case.severity)


BRIGHTNESS = Degradation(
    "brightness", "brightness", "darker as a whole", "divided by 2^s; negative brightens", brightness, signed=True
)
