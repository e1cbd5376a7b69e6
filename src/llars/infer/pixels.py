"""What happens to a scene's pixels around the network: gaps filled, windows sampled, radiometry held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from llars.degrade.resolution import enlarge_exactly, project
from llars.infer.tiles import Window, mirror

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["enlarge_scene", "fill_gaps", "project_means", "read", "repeat", "sample_windows"]

Scalar = TypeVar("Scalar", bound=np.generic)

REGIONS = 4
"""Sample windows per side of the scene: 16 in all."""


def fill_gaps(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
    """Fill the invalid pixels of one band ``(y, x)`` in place, from the valid ones around them.

    Push-pull (Gortler et al., The Lumigraph, 1996): every gap gets the mean of the smallest aligned block around it
    that holds valid pixels. Linear in the number of pixels, and blind to what lies under the gaps. A band without any
    valid pixel becomes zeros.
    """
    if valid.all():
        return
    values[~valid] = 0.0
    if not valid.any():
        return
    rows, columns = valid.shape
    padding = ((0, rows % 2), (0, columns % 2))
    blocks = ((rows + 1) // 2, 2, (columns + 1) // 2, 2)
    weight = np.pad(valid, padding).reshape(blocks).sum((1, 3), dtype=np.float32)
    coarse = np.pad(values, padding).reshape(blocks).sum((1, 3)) / np.maximum(weight, 1.0)
    fill_gaps(coarse, weight > 0)
    values[~valid] = repeat(coarse, 2)[:rows, :columns][~valid]


def repeat(image: NDArray[Scalar], factor: int) -> NDArray[Scalar]:
    """Every pixel of ``(..., y, x)`` as a block of ``factor`` x ``factor``."""
    return image.repeat(factor, axis=-2).repeat(factor, axis=-1)


def sample_windows(values: NDArray[np.float32], valid: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """Up to 16 windows ``(window, band, side, side)`` of the scene ``(band, y, x)``, at its own resolution.

    The scene is cut into 4 x 4 regions; of each comes the window with the most valid pixels, or none if it has none.
    Sides shorter than a window are mirrored.
    """
    row_groups, column_groups = (_groups(size, side) for size in valid.shape[1:])
    windows = []
    for rows in row_groups:
        for columns in column_groups:
            places = [(row, column) for row in rows for column in columns]
            counts = [int(valid[:, row : row + side, column : column + side].sum()) for row, column in places]
            if best := max(counts):
                row, column = places[counts.index(best)]
                windows.append(read(values, Window(row, column, row + side, column + side)))
    return np.stack(windows)


def _groups(size: int, side: int) -> list[list[int]]:
    """Where windows may start along one axis, in as many groups as there are regions; the middle of a group first."""
    starts = list(range(0, max(size - side, 0) + 1, side))
    if size > side and size % side:
        starts.append(size - side)
    groups = np.array_split(np.asarray(starts), min(REGIONS, len(starts)))
    return [group[np.argsort(np.abs(group - group.mean()), kind="stable")].tolist() for group in groups]


def read(values: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """The pixels of a window of a scene ``(band, y, x)``, mirrored where it reaches beyond the scene."""
    rows = mirror(window.top, window.bottom, values.shape[1])
    columns = mirror(window.left, window.right, values.shape[2])
    return values.take(rows, axis=1).take(columns, axis=2)


def enlarge_scene(values: NDArray[np.float32], valid: NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    """A scene ``(band, y, x)`` without gaps on a finer grid, its area means kept; band by band to keep memory low."""
    bands, rows, columns = values.shape
    fine = np.empty((bands, rows * factor, columns * factor), dtype=np.float32)
    for band in range(bands):
        fine[band] = enlarge_exactly(_tensor(values[band]), factor, _tensor(valid[band]))[0].numpy()
    return fine


def project_means(
    fine: NDArray[np.float32], coarse: NDArray[np.float32], valid: NDArray[np.bool_], factor: int
) -> None:
    """Move ``fine`` in place so that its mean over every valid pixel of ``coarse`` is that pixel's value.

    ``coarse`` and ``valid`` are ``(band, y, x)``; holds to float32 rounding. Band by band to keep memory low.
    """
    for band in range(len(fine)):
        fine[band] = project(_tensor(fine[band]), _tensor(coarse[band]), factor, _tensor(valid[band]))[0].numpy()


def _tensor(band: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(band)[None]
