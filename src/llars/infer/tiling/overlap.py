"""Reading, computing and writing at the same time: one thread reads ahead, another writes behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["ahead", "behind"]

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The items, each made by another thread while the one before is worked on; what that raises is raised here.

    One is held and one is made: memory for two.
    """
    end = object()
    with ThreadPoolExecutor(1, "llars-read") as reader:
        coming = reader.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, items, end)
            yield item  # type: ignore[misc]


@contextmanager
def behind(write: Callable[[Item], object]) -> Iterator[Callable[[Item], None]]:
    """Something to hand items to, which another thread writes, in order; what that raises is raised at the next.

    One is written and none waits. When the block ends well, all are written; when it fails, what is at work is
    finished and no more.
    """
    pending: deque[Future[object]] = deque()

    def hand_over(item: Item) -> None:
        if pending:
            pending.popleft().result()
        pending.append(writer.submit(write, item))

    with ThreadPoolExecutor(1, "llars-write") as writer:
        yield hand_over
        while pending:
            pending.popleft().result()
