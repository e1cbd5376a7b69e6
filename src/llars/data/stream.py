"""An endless stream of samples from shards: shuffled, mixed by weights, and exactly resumable."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llars.data.manifest import load
from llars.data.records import Record
from llars.data.shards import Shard
from llars.errors import ConfigError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stream"]

BLOCK = 1024
"""Draws whose random numbers are generated at a time."""

KIND, ORDER, INSIDE = 0, 1, 2
"""Purposes of random numbers, as parts of the seed: kind of a draw, order of shards, order within a shard."""


class Stream:
    """An endless sequence of samples of one split, determined by seed and weights alone.

    Each draw first takes a task, then one of its sensors, then the next sample of these. Their shards are shuffled
    anew in every epoch, and so are the samples in each shard; every sample comes once in an epoch. One shard of each
    task and sensor is open at a time.

    The sequence can be divided: ``part=(i, n)`` gives its draws ``i``, ``i + n``, ``i + 2n``, ..., so that ``n``
    worker processes (``rank * workers + worker`` of ``world * workers``) together yield each draw once, whatever
    ``n`` is.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        tasks: Mapping[str, float] | None = None,
        sensors: Mapping[str, float] | None = None,
        seed: int = 0,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        """Reads the manifest.

        Args:
            root: folder or fsspec URL that holds ``manifest.json``.
            split: split to draw from.
            tasks: weight of each task; other tasks are left out. None: weights by number of samples.
            sensors: weight of each sensor within its task, likewise.
            seed: determines the order.
            part: which draws to give, see above.

        Raises:
            DataError: there is no corpus at ``root``, or it has no such split.
            ConfigError: a weight names something that the split does not have, or nothing is left to draw.
        """
        known = load(root)["splits"]
        if split not in known:
            raise DataError(f"{root} has no split {split!r}; it has {', '.join(known)}")
        kinds: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for shard in known[split]["shards"]:
            url = f"{str(root).rstrip('/')}/{shard['file']}"
            kinds.setdefault((shard["task"], shard["sensor"]), []).append((url, shard["samples"]))
        self._ends = np.cumsum(_odds(kinds, tasks, sensors))
        self._sources = [_Source(shards, (seed, i)) for i, shards in enumerate(kinds.values())]
        self._drawn = [0] * len(kinds)
        self._position = 0
        self._seed, self._part = seed, part

    def __iter__(self) -> Iterator[Record]:
        index, count = self._part
        while True:
            kind = self._kind(self._position)
            drawn = self._drawn[kind]
            self._drawn[kind] += 1
            self._position += 1
            if (self._position - 1) % count == index:
                yield self._sources[kind].sample(drawn)

    def state(self) -> dict[str, Any]:
        """The position of the stream, as a small JSON document. Each part of a divided stream has its own state."""
        return {"position": self._position, "drawn": list(self._drawn)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue after the last sample before ``state`` was taken from a stream with the same settings.

        Raises:
            ConfigError: the state is from a corpus with other tasks or sensors.
        """
        if len(state["drawn"]) != len(self._drawn) or sum(state["drawn"]) != state["position"]:
            raise ConfigError(
                "the state is of another stream: settings and corpus must be those that it was saved with"
            )
        self._position, self._drawn = int(state["position"]), list(state["drawn"])

    def _kind(self, position: int) -> int:
        return int(np.searchsorted(self._ends, _uniform(self._seed, position // BLOCK)[position % BLOCK], side="right"))


class _Source:
    """The samples of one task and sensor; the number of a draw determines its sample."""

    def __init__(self, shards: list[tuple[str, int]], seed: tuple[int, int]) -> None:
        self.shards, self.seed = shards, seed
        self.total = sum(count for _, count in shards)
        self._order: tuple[int, NDArray[np.int64], NDArray[np.int64]] | None = None
        self._open: tuple[tuple[int, int], Shard, NDArray[np.int64]] | None = None

    def sample(self, draw: int) -> Record:
        """The sample of draw number ``draw`` of this source."""
        epoch, rest = divmod(draw, self.total)
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng((*self.seed, ORDER, epoch)).permutation(len(self.shards))
            self._order = epoch, order, np.cumsum([self.shards[i][1] for i in order])
        _, order, ends = self._order
        place = int(np.searchsorted(ends, rest, side="right"))
        chosen = int(order[place])
        if self._open is None or self._open[0] != (epoch, chosen):
            url, count = self.shards[chosen]
            shard = Shard(url)
            if len(shard) != count:
                raise DataError(f"{url} holds {len(shard)} samples, the manifest says {count}; build the corpus again")
            inside = np.random.default_rng((*self.seed, INSIDE, epoch, chosen)).permutation(count)
            self._open = (epoch, chosen), shard, inside
        _, shard, inside = self._open
        return shard[int(inside[rest - (int(ends[place]) - len(inside))])]


@functools.lru_cache(maxsize=4)
def _uniform(seed: int, block: int) -> NDArray[np.float64]:
    return np.random.default_rng((seed, KIND, block)).random(BLOCK)


def _odds(
    kinds: Mapping[tuple[str, str], list[tuple[str, int]]],
    tasks: Mapping[str, float] | None,
    sensors: Mapping[str, float] | None,
) -> NDArray[np.float64]:
    """Probability of each task and sensor."""
    samples = {kind: sum(count for _, count in shards) for kind, shards in kinds.items()}
    for asked, axis in ((tasks, 0), (sensors, 1)):
        if unknown := sorted(set(asked or {}) - {kind[axis] for kind in kinds}):
            available = sorted({kind[axis] for kind in kinds})
            raise ConfigError(
                f"weights for {', '.join(unknown)}, which the corpus does not have; it has {', '.join(available)}"
            )
    within = {kind: float(samples[kind] if sensors is None else sensors.get(kind[1], 0.0)) for kind in kinds}
    totals = {task: sum(within[kind] for kind in kinds if kind[0] == task) for task, _ in kinds}
    sizes = {task: float(sum(samples[kind] for kind in kinds if kind[0] == task)) for task in totals}
    weights = sizes if tasks is None else {task: tasks.get(task, 0.0) for task in totals}
    odds = np.array([weights[task] * within[task, one] / (totals[task] or 1.0) for task, one in kinds])
    if not odds.sum() > 0:
        raise ConfigError("the weights leave nothing to draw; give some task and sensor of the corpus more than zero")
    odds /= odds.sum()
    # The cumulative sum must reach one: a sum of rounded shares may stay below the largest random number.
    odds[np.flatnonzero(odds)[-1]] += 1.0 - odds.sum() + np.finfo(np.float64).eps
    return odds
