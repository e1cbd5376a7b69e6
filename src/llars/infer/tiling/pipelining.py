"""Reading, computing and writing at the same time: one thread reads ahead, another writes behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["read_ahead", "write_behind"]

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The items, each produced by another thread while the one before is processed; its errors are raised here.

    One item is held while the next is produced: memory for two.
    """
    end = object()
    with ThreadPoolExecutor(1, "llars-read") as reader:
        upcoming = reader.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = reader.submit(next, items, end)
            yield item  # type: ignore[misc]


@contextmanager
def write_behind(write: Callable[[Item], object]) -> Iterator[Callable[[Item], None]]:
    """A function to hand items to, which another thread writes in order; its errors are raised at the next item.

    One item is written and none waits. When the block succeeds, all are written; when it fails, only the one being
    written is finished.
    """
    pending: deque[Future[object]] = deque()

    def enqueue(item: Item) -> None:
        if pending:
            pending.popleft().result()
        pending.append(writer.submit(write, item))

    with ThreadPoolExecutor(1, "llars-write") as writer:
        yield enqueue
        while pending:
            pending.popleft().result()
