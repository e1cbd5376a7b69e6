"""The dense network over rows streamed from top to bottom: every layer keeps the few rows that its kernel needs again.

Nothing is computed twice. The memory used does not grow with the height of the scene, and stays in the processor's
caches; tiles would spend a third of their pixels on halos, and most of the time on memory access. The result is that
of the whole image at once. After line-based inference (Alwani et al., Fused-Layer CNN Accelerators, 2016).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_unshuffle

from llars.model.backbone import UShape
from llars.model.blocks import DenseBlock
from llars.model.direct import DirectPath
from llars.model.fold import DenseNetwork
from llars.model.output import Output, assemble
from llars.model.strips import Strips

__all__ = ["Rolling"]


Part: TypeAlias = tuple[Tensor, bool]
"""Rows ``(1, channel, y, x)``, and whether they are the last."""


class Layer(Protocol):
    """Takes the next rows ``(1, channel, y, x)``, ``last`` if none follow, and yields those that are finished."""

    def __call__(self, rows: Tensor, last: bool) -> Iterator[Part]:
        """Yields nothing where none are finished yet."""


class Rolling:
    """A dense network that is fed an image from top to bottom."""

    def __init__(self, dense: DenseNetwork) -> None:
        self._direct = DirectPath.of(dict(dense.direct.named_buffers()))
        reach = self._direct.filters.kernel.shape[-1] // 2
        self._filter = _Kernel(reach, lambda rows: self._direct(rows)[..., reach:-reach, :], "replicate")
        self._network = _Chain(
            [
                _convolution(dense.stem),
                _Kernel(dense.strips.column.shape[-2] // 2, partial(_strips, dense.strips)),
                _u_shape(dense.shape),
            ]
        )
        self._head = dense.head
        self._whole, self._image, self._ahead = _RowQueue(), _RowQueue(), reach

    def __call__(self, rows: Tensor, last: bool = False) -> Iterator[Output]:
        """The next finished rows of the restored image, if any; to be consumed before the next call.

        Args:
            rows: the next rows ``(1, channel, y, x)`` of what ``Network.forward`` takes; their number and their width
                are multiples of the network's ``multiple``.
            last: whether the image ends with them; then all remaining rows come out.
        """
        rows = rows.contiguous(memory_format=torch.channels_last)
        self._whole.put(rows)
        self._image.put(rows[:, : self._direct.bands])
        for features, end in self._network(pixel_unshuffle(rows, 2), last):
            outputs, count = self._head(features), 2 * features.shape[-2]
            ((filtered, _),) = self._filter(self._image.take(None if end else count + self._ahead), end)
            self._ahead = 0
            yield assemble(self._whole.take(count), outputs, _Filtered(**vars(self._direct), values=filtered))


@dataclass(frozen=True)
class _Filtered(DirectPath):
    """A direct path that was computed before, when the rows around were available."""

    values: Tensor

    def __call__(self, image: Tensor) -> Tensor:  # noqa: ARG002 - filtered when it came
        return self.values


class _RowQueue:
    """Queue of rows that wait for the rows they are combined with."""

    def __init__(self) -> None:
        self._parts: deque[Tensor] = deque()

    def put(self, rows: Tensor) -> None:
        self._parts.append(rows)

    def take(self, count: int | None) -> Tensor:
        """The first ``count`` rows, or all."""
        taken = [*self._first(count)]
        return taken[0] if len(taken) == 1 else torch.cat(taken, 2)

    def add_to(self, rows: Tensor) -> Tensor:
        """``rows``, with as many of the first waiting rows added in place."""
        at = 0
        for part in self._first(rows.shape[-2]):
            rows[..., at : at + part.shape[-2], :] += part
            at += part.shape[-2]
        return rows

    def _first(self, count: int | None) -> Iterator[Tensor]:
        while self._parts and (count is None or count > 0):
            part = self._parts.popleft()
            if count is not None:
                if part.shape[-2] > count:
                    self._parts.appendleft(part[..., count:, :])
                part = part[..., :count, :]
                count -= part.shape[-2]
            yield part


class _Kernel:
    """A filter that needs ``reach`` rows above and below; ``apply`` takes rows with that margin, and removes it."""

    def __init__(self, reach: int, apply: Callable[[Tensor], Tensor], edge: str = "constant") -> None:
        self._reach, self._apply, self._edge = reach, apply, edge
        self._kept: Tensor | None = None

    def __call__(self, rows: Tensor, last: bool) -> Iterator[Part]:
        reach = self._reach
        above = [0, 0, 0 if self._kept is not None else reach, reach if last else 0]
        rows = rows if self._kept is None else torch.cat((self._kept, rows), 2)
        if any(above):
            rows = pad(rows, above, self._edge)
        # A copy: a view would keep the whole tensor alive.
        self._kept = rows[..., max(rows.shape[-2] - 2 * reach, 0) :, :].clone(memory_format=torch.channels_last)
        if rows.shape[-2] > 2 * reach:
            yield self._apply(rows), last


class _Chain:
    """Layers in sequence.

    At the end, all rows that wait in a layer come out at once, several strips of them. They go on in pieces of no more
    rows than came before, each through all layers that follow, so that the memory of one strip suffices.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers, self._largest = layers, [0] * len(layers)

    def __call__(self, rows: Tensor, last: bool) -> Iterator[Part]:
        return self._through(0, rows, last)

    def _through(self, at: int, rows: Tensor, last: bool) -> Iterator[Part]:
        if at == len(self._layers):
            yield rows, last
            return
        for piece, end in self._pieces(at, rows, last):
            for part, finished in self._layers[at](piece, end):
                yield from self._through(at + 1, part, finished)

    def _pieces(self, at: int, rows: Tensor, last: bool) -> Iterator[Part]:
        count, largest = rows.shape[-2], self._largest[at]
        if last and largest:
            # Of about equal size: a last one of a row or two would lack rows for the kernels that follow.
            *pieces, rows = rows.tensor_split(-(-count // largest), 2)
            yield from ((piece, False) for piece in pieces)
        self._largest[at] = max(largest, rows.shape[-2])
        yield rows, last


class _Downsampling:
    """A convolution of 2 x 2 pixels with stride 2; an odd row waits for its partner."""

    def __init__(self, down: nn.Module) -> None:
        self._down, self._rows, self._count = down, _RowQueue(), 0

    def __call__(self, rows: Tensor, last: bool) -> Iterator[Part]:
        self._rows.put(rows)
        pairs, self._count = divmod(self._count + rows.shape[-2], 2)
        if pairs:
            yield self._down(self._rows.take(2 * pairs)), last


class _Level:
    """One level of the U: its blocks on the way down, all levels below, its blocks on the way up."""

    def __init__(self, before: Layer, down: Layer, below: Layer, up: nn.Module, after: Layer) -> None:
        self._before, self._below, self._up, self._after = before, _Chain([down, below]), up, after
        self._skipped = _RowQueue()

    def __call__(self, rows: Tensor, last: bool) -> Iterator[Part]:
        for skipped, end in self._before(rows, last):
            self._skipped.put(skipped)
            for below, finished in self._below(skipped, end):
                yield from self._after(self._skipped.add_to(self._up(below)), finished)


def _u_shape(shape: UShape) -> Layer:
    """The whole U, built from the bottom up, and the refinement after it."""
    whole: Layer = _blocks(shape.encoder[-1])
    levels = zip(reversed(shape.encoder[:-1]), reversed(shape.down), shape.up, shape.decoder, strict=True)
    for encoder, down, up, decoder in levels:
        whole = _Level(_blocks(encoder), _Downsampling(down), whole, up, _blocks(decoder))
    return _Chain([whole, _blocks(shape.refinement)])


def _blocks(blocks: Any) -> _Chain:
    return _Chain([_Kernel(block.spatial.kernel_size[0] // 2, partial(_block, block)) for block in blocks])


def _block(block: DenseBlock, rows: Tensor) -> Tensor:
    """A dense block for rows that have its reach above and below; works in place, to save a third of the caches."""
    reach = block.spatial.kernel_size[0] // 2
    change: Tensor = block.channel(_convolved(block.spatial, rows).relu_())
    return change.add_(rows[..., reach:-reach, :])


def _convolution(layer: nn.Conv2d) -> _Kernel:
    return _Kernel(layer.kernel_size[0] // 2, partial(_convolved, layer))


def _convolved(layer: nn.Conv2d, rows: Tensor) -> Tensor:
    """A convolution with zero padding left and right; the margins above and below are part of ``rows``."""
    return conv2d(rows, layer.weight, layer.bias, padding=(0, layer.kernel_size[1] // 2))


def _strips(strips: Strips, rows: Tensor) -> Tensor:
    """``Strips`` for rows that have their reach above and below."""
    reach, groups = strips.row.shape[-1] // 2, strips.channels
    with torch.autocast(rows.device.type, enabled=False):
        exact = rows[:, :groups].float()
        columns = conv2d(exact, strips.column, groups=groups)
        exact = exact[..., reach:-reach, :]
        across = conv2d(exact, strips.row, padding=(0, reach), groups=groups)
        added = (exact + columns + across).to(rows.dtype)
    return torch.cat((added, rows[:, groups:, reach:-reach]), 1)
