"""A pool of workers with one item each: if a worker dies, its item is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

__all__ = ["RETRIES", "LostItem", "WorkerDied", "WorkerPool", "dispatch"]

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 2
"""How often an item is retried after its worker died: a machine may have been taken away, but an item that kills three
workers would kill the fourth."""


@dataclass(frozen=True)
class LostItem:
    """Stands for the result of an item whose workers died."""

    attempts: int


class WorkerDied(Exception):
    """A worker ended before its item was done."""


class WorkerPool(Protocol):
    """Workers, numbered from 0. A ticket stands for an item that a worker is busy with."""

    size: int

    def start(self, worker: int, function: Callable[[Any], Any], item: Any) -> Any:
        """Give an item to a worker that has none; returns its ticket."""

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Wait until some tickets are finished, successfully or not, and return them."""

    def result(self, ticket: Any) -> Any:
        """The result of a finished ticket; raises ``WorkerDied`` if its worker died."""

    def restart(self, worker: int) -> None:
        """Replace a worker that died."""

    def close(self) -> None:
        """Stop all workers at once, busy or not."""


def dispatch(
    pool: WorkerPool, function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result | LostItem]]:
    """Every item once, given to the next free worker; see ``Engine``."""
    waiting = deque((item, 1) for item in items)
    free = list(range(pool.size))
    busy: dict[Any, tuple[int, Item, int]] = {}
    try:
        while waiting or busy:
            while waiting and free:
                worker, (item, attempt) = free.pop(), waiting.popleft()
                busy[pool.start(worker, function, item)] = (worker, item, attempt)
            for ticket in pool.finished([*busy]):
                worker, item, attempt = busy.pop(ticket)
                try:
                    result: Result | LostItem = pool.result(ticket)
                except WorkerDied:
                    pool.restart(worker)
                    if attempt <= RETRIES:
                        free.append(worker)
                        waiting.append((item, attempt + 1))
                        continue
                    result = LostItem(attempt)
                free.append(worker)
                yield item, result
    finally:
        pool.close()
