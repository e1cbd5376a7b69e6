"""Computes the metrics of a restored image."""

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
"""Metrics with a reference that are computed only if a protocol shows them; ``colour_error`` uses the visible bands."""


QNR_WINDOW = 32
"""Side of the windows of QNR in pixels, as in the toolboxes; smaller if the image is."""


def measured(case: Case, image: Array, columns: Collection[str] = ()) -> dict[str, float]:
    """Every metric that applies to an image on the grid of the truth.

    If the truth is known: the metrics of ``llars.metrics.compare``, with ERGAS divided by the ratio of the grids; those
    of ``ASKED`` among ``columns``; and ``mae_under``, the mean absolute error under the clouds. In flat windows of
    radar: ``enl``, and ``mean_shift``, the absolute relative change of the mean power, averaged over bands. On finer
    grids: those of ``_consistency``, and with a PAN but without a truth those of ``_blind``.
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
    """The metrics of ``ASKED`` among ``columns``, if they apply."""
    chosen = list(true_colour(case.scene.bands))
    found = {}
    for name in ASKED.keys() & columns:
        pair = (image[chosen], case.truth[chosen]) if name == "colour_error" else (image, case.truth)
        try:
            found[name] = ASKED[name](*pair)
        except LlarsError:
            continue  # the image is too small, or flat
    return found


def _consistency(case: Case, image: Array, known: bool) -> dict[str, float]:
    """Metrics of consistency with the input and of detail, on a finer grid.

    ``drift`` is the root mean square difference, in unit values, between the image averaged to the input's pixels and
    the input. ``below`` and ``beyond`` are those of ``spectra.detail``, relative to the truth if it is known, or else
    to the bicubic enlargement.
    """
    scale = case.trial.scale
    means = reduce(torch.from_numpy(np.ascontiguousarray(image)).double(), scale).numpy()
    drift = float(np.sqrt(np.mean((means - case.degraded)[:, case.coarse_valid] ** 2)))
    below, beyond = detail(image, case.truth if known else with_gaps(case.baseline, case.scene.valid), scale)
    spectral = {"below": below, "beyond": beyond}
    return {"drift": drift, **{name: value for name, value in spectral.items() if np.isfinite(value)}}


def _blind(case: Case, image: Array) -> dict[str, float]:
    """QNR and HQNR with their factors, for the mean MTF gain of the sensor's bands if it is known."""
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
