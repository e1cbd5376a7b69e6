"""What a reader of a public set yields: images of one scene that belong together, each in its role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llars.sample import Sample

__all__ = ["SPLITS", "OnFault", "Paired"]

SPLITS = ("train", "val", "test")
"""Parts of a set, in the order in which names are divided among them."""

OnFault = Callable[[str], None]
"""Takes one line that names what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Paired:
    """Images of one scene that belong together."""

    set: str
    """Name of the set."""

    scene: str
    """Identifier, unique in its set, the same on every machine: the varying parts of the file name, and the number of
    the image in a file of many."""

    place: str
    """Ground that the scene shows, as far as the set tells. Sets divided by place never share one between splits; where
    authors published a split, it is theirs."""

    split: str
    """``train``, ``val`` or ``test``."""

    task: str
    """Key of the task that leads from ``input`` to ``target``."""

    images: Mapping[str, Sample]
    """By role: ``input``, ``target``, and guides under their ``llars.bands.Role`` (``sar``, ``pan``, ``fine_before``,
    ``coarse_before``). Pansharpening pairs at full resolution have no ``target``: nobody has seen the truth."""

    factors: Mapping[str, int]
    """By role, how many times finer the grid is than that of ``input``: 1 on the same grid."""

    level: str = ""
    """Strength of the fault in the words of the set (``thin``, ``moderate``, ``thick``); empty where it has none."""
