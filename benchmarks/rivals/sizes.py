"""The contestants at a size near the cost of llars-small, which is 100 GFLOP/Mpx."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.ours import Ours
from benchmarks.rivals.adair import AdaIR
from benchmarks.rivals.contestant import BANDS, Blind, Instructable, Mixed
from benchmarks.rivals.instructir import InstructIR
from benchmarks.rivals.moceir import MoCEIR
from benchmarks.rivals.nafnet import NAFNet
from benchmarks.rivals.promptir import PromptIR
from benchmarks.rivals.restormer import Restormer
from benchmarks.rivals.swinir import SwinIR
from benchmarks.training import Contestant
from llars.model.config import preset
from llars.tasks import TASK_KEYS

__all__ = ["CONTESTANTS", "LLARS"]

LLARS = "llars-small"
"""Name of the llars contestant, with which the rivals are compared."""

CONTESTANTS: dict[str, Callable[[], Contestant]] = {
    LLARS: lambda: Ours(preset(LLARS)),
    "NAFNet": lambda: Blind(NAFNet(BANDS, 16, (2, 2, 4, 6), 2, (2, 2, 2, 2))),
    "Restormer": lambda: Blind(Restormer(BANDS, 12, (1, 1, 1, 2), 1)),
    "SwinIR": lambda: Blind(SwinIR(BANDS, 24, (2, 2), heads=4)),
    "PromptIR": lambda: Blind(PromptIR(BANDS, 8, (2, 2, 3, 4), 2, (56, 24, 8), side=4)),
    "InstructIR": lambda: Instructable(InstructIR(BANDS, 16, (2, 2, 3, 4), 2, (1, 1, 1, 1), tasks=len(TASK_KEYS))),
    "AdaIR": lambda: Blind(AdaIR(BANDS, 8, (2, 3, 4, 6), 2)),
    "MoCE-IR": lambda: Mixed(MoCEIR(BANDS, 12, (1, 2, 2, 3), (1, 1, 2), 1)),
}
"""Constructors of the untrained contestants. SwinIR stays at full resolution throughout, so that its cost leaves it few
parameters; those that begin at full resolution with transformer blocks have fewer than llars for the same reason."""
