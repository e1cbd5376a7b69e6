"""Physical values encoded as the numbers that a file stores: the inverse of ``llars.scene.decode``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llars.scene.decode import Decoding

__all__ = ["encode", "storable", "stored_like"]

PIECE = 2**16
"""Values that are converted at once: in float64, they fit into the processor's cache."""


def encode(values: NDArray[np.float32], decoding: Decoding, dtype: str) -> NDArray[np.generic]:
    """Stored numbers of physical values ``(band, y, x)``: rounded, clipped to the type, never the nodata number.

    NaN is encoded as 0; what becomes of it is left to the caller.
    """
    numbers = np.empty(values.shape, dtype=dtype)
    step = max(PIECE // values.shape[2], 1)
    for band, how in enumerate(zip(decoding.scales, decoding.offsets, decoding.nodata, strict=True)):
        for top in range(0, values.shape[1], step):
            rows = slice(top, top + step)
            _encode(numbers[band, rows], values[band, rows], *how)
    return numbers


def _encode(
    numbers: NDArray[np.generic], values: NDArray[np.float32], scale: float, offset: float, nodata: float | None
) -> None:
    exact = values.astype(np.float64)
    exact -= offset
    exact /= scale
    finite = np.isfinite(exact)
    if not finite.all():
        exact[~finite] = 0.0
    low, high = _limits(numbers.dtype)
    rounded = exact if np.issubdtype(numbers.dtype, np.floating) else np.rint(exact)
    numbers[...] = np.minimum(np.maximum(rounded, low), high)
    if nodata is not None and np.isfinite(nodata):
        _avoid(numbers, exact, np.asarray(nodata).astype(numbers.dtype))


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if np.issubdtype(dtype, np.floating):
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    # Beyond 2**53, float64 does not represent every integer.
    return float(max(np.iinfo(dtype).min, -(2**53))), float(min(np.iinfo(dtype).max, 2**53))


def storable(decoding: Decoding, dtype: str) -> tuple[tuple[float, float], ...] | None:
    """Lowest and highest physical value of each band that an integer type can store; None for other types."""
    if not np.issubdtype(dtype, np.integer):
        return None
    ends = []
    for scale, offset, nodata in zip(decoding.scales, decoding.offsets, decoding.nodata, strict=True):
        low, high = _limits(np.dtype(dtype))
        one, other = (number * scale + offset for number in (low + (nodata == low), high - (nodata == high)))
        ends.append((min(one, other), max(one, other)))
    return tuple(ends)


def _avoid(numbers: NDArray[np.generic], exact: NDArray[np.float64], nodata: NDArray[np.generic]) -> None:
    """Move valid numbers that equal the nodata number by one step, towards the unrounded value."""
    hit = numbers == nodata
    if not hit.any():
        return
    if np.issubdtype(numbers.dtype, np.floating):
        # Towards zero, or away from it where nodata is zero: the neighbour is always finite.
        numbers[hit] = np.nextafter(nodata, np.asarray(0 if nodata != 0 else 1, dtype=numbers.dtype))
        return
    info = np.iinfo(str(numbers.dtype))
    step = np.where(exact[hit] > float(nodata), 1, -1)
    if int(nodata) == info.min:
        step = np.ones_like(step)
    if int(nodata) == info.max:
        step = -np.ones_like(step)
    numbers[hit] = (int(nodata) + step).astype(numbers.dtype)


def stored_like(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    decoding: Decoding,
    stored: NDArray[np.generic],
    visible: NDArray[np.bool_] | None,
    same_grid: bool,
    written: Decoding | None = None,
) -> NDArray[np.generic]:
    """Numbers to store for ``values`` in place of the source's ``stored`` numbers.

    Gaps of the source keep their numbers. So do, on the ``same_grid``, pixels that have exactly the source's value:
    float32 cannot always tell neighbouring int32 or scaled float32 numbers apart, while the source can. If the output
    is ``written`` with other nodata numbers, gaps get those, and pixels with a value keep clear of them.
    """
    written = written or decoding
    numbers = encode(values, written, str(stored.dtype))
    gaps = decoding.missing(stored, visible)
    kept = gaps | (values == decoding.physical(stored, visible)) if same_grid else gaps
    if written.nodata != decoding.nodata:
        kept &= ~gaps & ~written.missing(stored)
        gaps = np.zeros_like(gaps)
    np.copyto(numbers, stored, where=kept)
    if (valid | gaps).all():
        return numbers
    for i, nodata in enumerate(written.nodata):
        lost = ~valid[i] & ~gaps[i]
        floating = np.issubdtype(numbers.dtype, np.floating)
        # A new gap in an integer file without a nodata number can only keep the source's pixel.
        filler = np.nan if nodata is None and floating else stored[i][lost] if nodata is None else nodata
        numbers[i][lost] = filler
    return numbers
