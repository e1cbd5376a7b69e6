"""Processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from llars.infer.batch.engines.pool import LostItem, WorkerDied, dispatch

__all__ = ["LocalEngine"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class LocalEngine:
    """Processes started afresh (spawn): the state of torch and GDAL does not survive a fork."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result | LostItem]]:
        """See ``Engine``."""
        return dispatch(_Processes(min(self._workers, len(items))), function, items)


class _Processes:
    """One pool for each process: if one process dies, its whole pool is broken."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pools = [_pool() for _ in range(size)]

    def start(self, worker: int, function: Callable[[Any], Any], item: Any) -> Future[Any]:
        try:
            return self._pools[worker].submit(function, item)
        except BrokenProcessPool:
            # Its process died while idle.
            self.restart(worker)
            return self._pools[worker].submit(function, item)

    def finished(self, tickets: Sequence[Future[Any]]) -> Sequence[Future[Any]]:
        return [*wait(tickets, return_when=FIRST_COMPLETED).done]

    def result(self, ticket: Future[Any]) -> Any:
        try:
            return ticket.result()
        except BrokenProcessPool:
            raise WorkerDied from None

    def restart(self, worker: int) -> None:
        self._pools[worker].shutdown(wait=False)
        self._pools[worker] = _pool()

    def close(self) -> None:
        for pool in self._pools:
            # A process is busy here only if the batch was interrupted: nobody wants its result.
            for process in [*(pool._processes or {}).values()]:
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_follow_parent)


def _follow_parent() -> None:
    """Exit with the parent process, so that a killed batch leaves no processes behind."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
