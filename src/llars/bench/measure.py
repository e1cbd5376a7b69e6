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

__all__ = ["OPTIONAL_METRICS", "measured"]

OPTIONAL_METRICS: Mapping[str, Callable[[Any, Any], float]] = {
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
    of ``OPTIONAL_METRICS`` among ``columns``; and ``mae_under``, the mean absolute error under the clouds. In flat
    windows of radar: ``enl``, and ``mean_shift``, the absolute relative change of the mean power, averaged over bands.
    On finer grids: those of ``_consistency``, and with a PAN but without a truth those of ``_blind``.
    """
    values: dict[str, float] = {}
    has_truth = bool(np.isfinite(case.truth).any())
    if has_truth:
        values = metrics.compare(image, case.truth) | _optional_metrics(case, image, columns)
        if "ergas" in values:
            values["ergas"] /= case.trial.scale
        if case.under is not None and (case.under & np.isfinite(case.truth[0])).any():
            values["mae_under"] = metrics.mae(np.where(case.under, image, np.nan), case.truth)
    if case.flat:
        after, before = (to_power(one, case.scene.value_range) for one in (image, case.degraded))
        values["enl"] = float(np.mean([metrics.enl(after[:, *window]) for window in case.flat]))
        mean_after, mean_before = (
            np.mean([p[:, *w].mean(axis=(1, 2)) for w in case.flat], axis=0) for p in (after, before)
        )
        values["mean_shift"] = float(np.abs(mean_after / mean_before - 1).mean())
    if case.trial.scale > 1:
        values |= _consistency(case, image, has_truth)
        if "pan" in case.guides and not has_truth:
            values |= _blind(case, image)
    return values


def _optional_metrics(case: Case, image: Array, columns: Collection[str]) -> dict[str, float]:
    """The metrics of ``OPTIONAL_METRICS`` among ``columns``, if they apply."""
    chosen = list(true_colour(case.scene.bands))
    values = {}
    for name in OPTIONAL_METRICS.keys() & columns:
        pair = (image[chosen], case.truth[chosen]) if name == "colour_error" else (image, case.truth)
        try:
            values[name] = OPTIONAL_METRICS[name](*pair)
        except LlarsError:
            continue  # the image is too small, or flat
    return values


def _consistency(case: Case, image: Array, has_truth: bool) -> dict[str, float]:
    """Metrics of consistency with the input and of detail, on a finer grid.

    ``drift`` is the root mean square difference, in unit values, between the image averaged to the input's pixels and
    the input. ``below`` and ``beyond`` are those of ``spectra.detail``, relative to the truth if it is known, or else
    to the bicubic enlargement.
    """
    scale = case.trial.scale
    means = reduce(torch.from_numpy(np.ascontiguousarray(image)).double(), scale).numpy()
    drift = float(np.sqrt(np.mean((means - case.degraded)[:, case.coarse_valid] ** 2)))
    below, beyond = detail(image, case.truth if has_truth else with_gaps(case.baseline, case.scene.valid), scale)
    spectral = {"below": below, "beyond": beyond}
    return {"drift": drift, **{name: value for name, value in spectral.items() if np.isfinite(value)}}


def _blind(case: Case, image: Array) -> dict[str, float]:
    """QNR and HQNR with their factors, for the mean MTF gain of the sensor's bands if it is known."""
    pan, ms = case.guides["pan"].values, case.degraded
    gain = float(np.mean(case.side_info.gains or MS_NYQUIST))
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
