"""What a reader of a public data set yields: the images of one scene that belong together, each with its role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llars.sample import Sample

__all__ = ["SPLITS", "OnFault", "Paired"]

SPLITS = ("train", "val", "test")
"""Splits of a set; ``train`` gets the places that are not drawn for the others."""

OnFault = Callable[[str], None]
"""Called with one line that states what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Paired:
    """Images of one scene that belong together."""

    set: str
    """Name of the set."""

    scene: str
    """Identifier, unique in its set and the same on every machine: the varying parts of the file path and, in a file of
    many images, the number of the image."""

    place: str
    """Ground that the scene shows, as far as the set states it. Places are never shared between splits, except where
    the authors published a split of their own."""

    split: str
    """``train``, ``val`` or ``test``."""

    task: str
    """Key of the task that leads from ``input`` to ``target``."""

    images: Mapping[str, Sample]
    """Images by role: ``input``, ``target``, and guides under their ``llars.bands.Role`` (``sar``, ``pan``,
    ``fine_before``, ``coarse_before``). Pansharpening pairs at full resolution have no ``target``: no truth exists."""

    factors: Mapping[str, int]
    """By role, how many times finer the grid is than that of ``input``: 1 on the same grid."""

    level: str = ""
    """Strength of the fault in the words of the set (``thin``, ``moderate``, ``thick``); empty if it states none."""
