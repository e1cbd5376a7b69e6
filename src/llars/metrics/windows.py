"""Functions that the metrics share: input of images, sums over windows and blocks, hypercomplex units."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from llars.errors import DataError, ValueRangeError

__all__ = [
    "SSIM_WINDOW",
    "Array",
    "array",
    "blocks",
    "check_positive",
    "check_window",
    "hypercomplex_quality",
    "mean_over_windows",
    "number",
    "pair",
    "quotient",
    "similarity_terms",
    "windowed",
]

Array = npt.NDArray[np.float64]

SSIM_WINDOW = 11
"""Side of the Gaussian window of structural similarity, in pixels."""


AXES = ("band", "y", "x")


def array(image: Any) -> Array:
    """The image as ``(band, y, x)`` float64 with NaN where it is masked or not finite; xarray's axes go by name."""
    if hasattr(image, "detach"):
        image = image.detach().cpu().double().numpy()
    if _is_data_array(image) and {*image.dims} in ({*AXES}, {*AXES[1:]}):
        image = image.transpose(*AXES[-image.ndim :])
    try:
        values = np.ma.filled(np.ma.asarray(getattr(image, "values", image)).astype(np.float64), np.nan)
    except (TypeError, ValueError):
        raise DataError(f"an image of type {type(image).__name__}; expected numbers, (band, y, x) or (y, x)") from None
    if values.ndim not in (2, 3) or values.size == 0:
        raise DataError(f"an image of shape {values.shape}; expected (band, y, x) or (y, x)")
    return np.where(np.isfinite(values), values, np.nan).reshape(-1, *values.shape[-2:])


def pair(a: Any, b: Any) -> tuple[Array, Array]:
    """Both images, NaN wherever either of them is NaN."""
    x, y = array(a), array(b)
    if x.shape != y.shape:
        raise DataError(f"shapes {x.shape} and {y.shape}; expected the same (band, y, x), crop or resample one of them")
    if _is_data_array(a) and _is_data_array(b):
        _check_coordinates(a, b)
    valid = np.isfinite(x) & np.isfinite(y)
    if not valid.any():
        raise DataError("no sample is valid in both images; check nodata and masks")
    return np.where(valid, x, np.nan), np.where(valid, y, np.nan)


def _is_data_array(image: Any) -> bool:
    """Whether the image is a DataArray; xarray need not be loaded to tell."""
    return all(hasattr(image, name) for name in ("dims", "coords", "values"))


def _check_coordinates(a: Any, b: Any) -> None:
    """Raise DataError where both have coordinates that disagree: labels of bands, or places by over half a pixel."""
    for axis in AXES:
        if not all(axis in image.dims and axis in image.coords for image in (a, b)):
            continue
        one, other = (np.asarray(image.coords[axis].values) for image in (a, b))
        numbers = [labels.dtype.kind in "fiu" for labels in (one, other)]
        if any(numbers) and not all(numbers):
            # Numbers on the one side and names on the other cannot be compared.
            continue
        if all(numbers):
            steps = np.abs(np.diff(one.astype(np.float64)))
            tolerance = 0.0 if axis == "band" else 0.5 * float(steps.min()) if steps.size else np.inf
            equal = bool((np.abs(one.astype(np.float64) - other) <= tolerance).all())
        else:
            equal = bool((one == other).all())
        if not equal:
            found = " and ".join(f"{labels[0]} to {labels[-1]}" for labels in (one, other))
            raise DataError(
                f"the images have different coordinates {axis}: {found}; bring them to one order "
                "(b.sel, b.reindex_like), or give their .values"
            )


def check_positive(name: str, value: object, example: str) -> None:
    """Raise ``ValueRangeError`` unless ``value`` is a positive number; ``name`` and ``example`` are for the message."""
    if not number(value) > 0:
        raise ValueRangeError(f"{name} is {value!r:.60}, expected a positive number such as {example}")


def number(value: Any) -> float:
    """The value of a number, also of one that an array or a tensor holds; NaN where it is none."""
    try:
        return float("nan") if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def check_window(window: object) -> None:
    """Raise ``ValueRangeError`` unless the side of a window is a whole number of at least 1."""
    if not (isinstance(window, Integral) and int(window) >= 1):
        raise ValueRangeError(f"window is {window!r}, expected a whole number of pixels such as 8")


def windowed(image: Array, taps: Array) -> Array:
    """Separable correlation where the window fits: ``(y, x)`` to ``(y - n + 1, x - n + 1)``."""
    size = len(taps)
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    across = sum((tap * image[:, k : k + columns] for k, tap in enumerate(taps)), np.zeros((image.shape[0], columns)))
    return sum((tap * across[k : k + rows] for k, tap in enumerate(taps)), np.zeros((rows, columns)))


def similarity_terms(x: Array, y: Array, data_range: float) -> tuple[Array, Array]:
    """Maps of luminance and of contrast times structure, whose product is SSIM (Wang et al. 2004, IEEE TIP 13(4)).

    Gaussian window of 11 pixels with sigma 1.5, population moments, K1 = 0.01, K2 = 0.03.
    """
    reach = SSIM_WINDOW // 2
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
    taps /= taps.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mx, my = windowed(x, taps), windowed(y, taps)
    vx, vy = windowed(x * x, taps) - mx**2, windowed(y * y, taps) - my**2
    vxy = windowed(x * y, taps) - mx * my
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1), (2 * vxy + c2) / (vx + vy + c2)


def mean_over_windows(x: Array, y: Array, size: int, measure: Callable[[Array, Array], Array]) -> float:
    """Mean of a map of local values over its valid windows, then over the bands that have any.

    A window with an invalid sample is invalid as a whole: the NaN spreads through the sums.
    """
    scores = []
    if min(x.shape[1:]) >= size:
        for p, q in zip(x, y, strict=True):
            values = measure(p, q)
            if np.isfinite(values).any():
                scores.append(float(np.nanmean(values)))
    if not scores:
        raise DataError(f"no valid window of {size} x {size} pixels in an image of {x.shape[1]} x {x.shape[2]}")
    return float(np.mean(scores))


def quotient(top: Array, bottom: Array, x: Array, y: Array) -> Array:
    """``top / bottom``, and 1 where the divisor vanishes (both images flat, or both zero)."""
    floor = 1e-12 * max(float(np.nanmax(x * x)), float(np.nanmax(y * y)), 1e-300)
    flat = bottom <= floor
    return np.where(flat, np.where(np.isfinite(bottom), 1.0, np.nan), top / np.where(flat, 1.0, bottom))


def blocks(length: int, size: int) -> list[slice]:
    """Blocks that cover ``length``; the last one is moved back to end at the edge."""
    size = min(size, length)
    starts = [*range(0, length - size, size), length - size]
    return [slice(start, start + size) for start in starts]


def hypercomplex_quality(p: Array, q: Array) -> float:
    """Q2n of one block: correlation, contrast and brightness of ``(band, pixel)`` as hypercomplex numbers.

    Bands are padded with zeros to a power of two.
    """
    count = 1 << (len(p) - 1).bit_length()
    index, sign = _conjugate_products(count)
    mp, mq = p.mean(axis=1), q.mean(axis=1)
    # Every product z1 conj(z2) is a signed sum of products of components, and so is its mean.
    cross = np.zeros((count, count))
    cross[: len(p), : len(p)] = (p - mp[:, None]) @ (q - mq[:, None]).T / p.shape[1]
    common = float(np.linalg.norm(np.bincount(index.ravel(), (sign * cross).ravel(), count)))
    spread = float(p.var(axis=1).sum() + q.var(axis=1).sum())
    energy = float(mp @ mp + mq @ mq)
    contrast = 2 * common / spread if spread > 1e-12 * energy else 1.0
    brightness = 2 * float(np.linalg.norm(mp) * np.linalg.norm(mq)) / energy if energy > 0 else 1.0
    return contrast * brightness


def _conjugate_products(count: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Index and sign of the unit ``e_i * conj(e_j)``, for ``count`` (a power of two) Cayley-Dickson units."""
    sign = np.ones((1, 1))
    while len(sign) < count:
        # (a, b)(c, d) = (ac - conj(d) b, da + b conj(c))
        conj = np.where(np.arange(len(sign)) == 0, 1.0, -1.0)
        sign = np.block([[sign, sign.T], [sign * conj, -sign.T * conj]])
    units = np.arange(count)
    return units[:, None] ^ units[None, :], sign * np.where(units == 0, 1.0, -1.0)
