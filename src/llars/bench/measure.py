"""The numbers that are taken of a restored image."""

from __future__ import annotations

import numpy as np

from llars import metrics
from llars.bench.cases import Array, Case
from llars.bench.series import to_power

__all__ = ["measured"]


def measured(case: Case, image: Array) -> dict[str, float]:
    """Every metric that applies to an image on the grid of the truth.

    Those of ``llars.metrics.compare`` where the truth is known, ERGAS with the ratio of the grids; ``mae_under`` the
    clouds; in flat windows of radar ``enl``, and ``mean_shift``: by what share of it the mean power moved, whichever
    way, mean over bands.
    """
    found: dict[str, float] = {}
    if np.isfinite(case.truth).any():
        found = metrics.compare(image, case.truth)
        if "ergas" in found:
            found["ergas"] /= case.trial.scale
        if case.under is not None and (case.under & np.isfinite(case.truth[0])).any():
            found["mae_under"] = metrics.mae(np.where(case.under, image, np.nan), case.truth)
    if case.flat:
        after, before = (to_power(one, case.scene.value_range) for one in (image, case.degraded))
        found["enl"] = float(np.mean([metrics.enl(after[:, *window]) for window in case.flat]))
        new, old = (np.mean([p[:, *w].mean(axis=(1, 2)) for w in case.flat], axis=0) for p in (after, before))
        found["mean_shift"] = float(np.abs(new / old - 1).mean())
    return found
