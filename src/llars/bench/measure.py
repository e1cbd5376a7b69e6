"""The numbers that are taken of a restored image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch

from llars import metrics
from llars.bands import true_colour
from llars.bench.cases import Array, Case, with_gaps
from llars.bench.series import to_power
from llars.bench.spectra import detail
from llars.degrade.resolution import reduce
from llars.degrade.wald import MS_NYQUIST
from llars.errors import LlarsError

__all__ = ["ASKED", "measured"]

ASKED: Mapping[str, Callable[[Any, Any], float]] = {
    "ms_ssim": metrics.ms_ssim,
    "edge_preservation": metrics.edge_preservation,
    "colour_error": metrics.colour_error,
}
"""Metrics with a reference that are taken only where a protocol shows them; the last of the visible bands."""


QNR_WINDOW = 32
"""Side of the windows of QNR in pixels, as in the toolboxes; less where the image is smaller."""


def measured(case: Case, image: Array, columns: Collection[str] = ()) -> dict[str, float]:
    """Every metric that applies to an image on the grid of the truth.

    Those of ``llars.metrics.compare`` where the truth is known, ERGAS with the ratio of the grids; those of ``ASKED``
    among ``columns``; ``mae_under`` the clouds; in flat windows of radar ``enl``, and ``mean_shift``: by what share of
    it the mean power moved, whichever way, mean over bands. On finer grids what ``_consistency`` gives, and with a PAN
    but without a truth what ``_blind`` gives.
    """
    found: dict[str, float] = {}
    known = bool(np.isfinite(case.truth).any())
    if known:
        found = metrics.compare(image, case.truth) | _asked(case, image, columns)
        if "ergas" in found:
            found["ergas"] /= case.trial.scale
        if case.under is not None and (case.under & np.isfinite(case.truth[0])).any():
            found["mae_under"] = metrics.mae(np.where(case.under, image, np.nan), case.truth)
    if case.flat:
        after, before = (to_power(one, case.scene.value_range) for one in (image, case.degraded))
        found["enl"] = float(np.mean([metrics.enl(after[:, *window]) for window in case.flat]))
        new, old = (np.mean([p[:, *w].mean(axis=(1, 2)) for w in case.flat], axis=0) for p in (after, before))
        found["mean_shift"] = float(np.abs(new / old - 1).mean())
    if case.trial.scale > 1:
        found |= _consistency(case, image, known)
        if "pan" in case.guides and not known:
            found |= _blind(case, image)
    return found


def _asked(case: Case, image: Array, columns: Collection[str]) -> dict[str, float]:
    """Metrics that not every protocol shows, where they apply."""
    chosen = list(true_colour(case.scene.bands))
    found = {}
    for name in ASKED.keys() & columns:
        pair = (image[chosen], case.truth[chosen]) if name == "colour_error" else (image, case.truth)
        try:
            found[name] = ASKED[name](*pair)
        except LlarsError:
            continue  # too small an image, or a flat one
    return found


def _consistency(case: Case, image: Array, known: bool) -> dict[str, float]:
    """``drift``: root mean square of what the image's means over the input's pixels are away from the input, in parts
    of its unit range; ``below`` and ``beyond`` the limit of the input's grid, see ``spectra.detail``: over the truth
    where it is known, over the bicubic enlargement where it is not.
    """
    scale = case.trial.scale
    means = reduce(torch.from_numpy(np.ascontiguousarray(image)).double(), scale).numpy()
    drift = float(np.sqrt(np.mean((means - case.degraded)[:, case.coarse_valid] ** 2)))
    below, beyond = detail(image, case.truth if known else with_gaps(case.baseline, case.scene.valid), scale)
    spectral = {"below": below, "beyond": beyond}
    return {"drift": drift, **{name: value for name, value in spectral.items() if np.isfinite(value)}}


def _blind(case: Case, image: Array) -> dict[str, float]:
    """QNR and HQNR with their factors; the mean gain of the sensor's bands where they are known."""
    pan, ms = case.guides["pan"].values, case.degraded
    gain = float(np.mean(case.told.gains or MS_NYQUIST))
    window = min(QNR_WINDOW, *ms.shape[1:])
    spectral, spatial = metrics.d_lambda(image, ms, window), metrics.d_s(image, ms, pan, window)
    consistency = metrics.d_lambda_k(image, ms, gain, window)
    return {
        "d_lambda": spectral,
        "d_s": spatial,
        "qnr": (1 - spectral) * (1 - spatial),
        "d_lambda_k": consistency,
        "hqnr": (1 - consistency) * (1 - spatial),
    }
