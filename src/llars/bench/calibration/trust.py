"""How far the network is to be trusted: which share of its change of an initial estimate brings the result nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from llars.bench.calibration.uncertainty import SEED, TRIALS, suits
from llars.bench.cases import Case, Scene, degrade_scene
from llars.bench.ours import restore_with

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llars.infer.restorer import Restorer

__all__ = ["SHARES", "TRUSTED", "fitted_trust"]

TRUSTED = ("denoise", "destripe", "sr", "pansharpen")
"""Tasks whose initial estimate can be better than what the network makes of it."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the network's change that are tried."""

SMALLEST = 1e-10
"""Smallest mean square error, in unit values, whose logarithm is taken."""


def fitted_trust(
    restorer: Restorer, scenes: Iterable[Scene], progress: Callable[[str], object] = str
) -> dict[str, float]:
    """The share with the highest mean PSNR for each of ``TRUSTED``; each data set has the same weight.

    Args:
        restorer: restorer with the weights; its own shares do not matter, and are kept.
        scenes: faultless scenes that the weights were not trained on.
        progress: called with the name of each scene that is done.
    """
    errors: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for scene in scenes:
        for trial in TRIALS:
            if trial.task in TRUSTED and suits(trial, scene):
                case = degrade_scene(scene, trial, SEED)
                errors.setdefault(trial.task, {}).setdefault(scene.data_set, []).append(_log_errors(restorer, case))
        progress(scene.name)
    means = {task: np.mean([np.mean(one, 0) for one in sets.values()], 0) for task, sets in errors.items()}
    return {task: SHARES[int(np.argmin(mean))] for task, mean in means.items()}


def _log_errors(restorer: Restorer, case: Case) -> NDArray[np.float64]:
    """Logarithm of the mean square error for each of ``SHARES``."""
    restore, kept, images = restore_with(restorer), restorer.engine.trust, []
    for share in (0.0, 1.0):
        restorer.engine.trust = {case.trial.task: share}
        images.append(restore(case, case.trial.instruction).astype(np.float64))
    restorer.engine.trust = kept
    plain, full = images
    mixed = (plain + share * (full - plain) for share in SHARES)
    return np.log([max(float(np.nanmean(np.square(image - case.truth))), SMALLEST) for image in mixed])
