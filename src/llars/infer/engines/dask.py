"""Workers of a Dask cluster: one that runs already, or one begun on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, as_completed

from llars.errors import ConfigError
from llars.infer.engines.crew import RETRIES, Lost

__all__ = ["DaskEngine"]

Item = TypeVar("Item")
Result = TypeVar("Result")

OWN = {
    "distributed.scheduler.allowed-failures": RETRIES,
    # No item waits at a worker: those would be held to have died with it.
    "distributed.scheduler.worker-saturation": 1.0,
}


class DaskEngine:
    """Leaves the work to a scheduler. How often it tries again is its own setting, where it runs already."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers, self._address = workers, address

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result | Lost]]:
        """See ``Engine``."""
        with ExitStack() as stack:
            client = self._client(stack)
            # Not pure: equal items are two items, and no result of another day is taken.
            futures = {client.submit(function, item, pure=False): item for item in items}
            for future in as_completed([*futures]):
                item = futures.pop(future)
                try:
                    result: Result | Lost = future.result()
                except KilledWorker:
                    result = Lost(RETRIES + 1)
                # A result that is still held would be made again, should the worker that keeps it die.
                future.release()
                yield item, result

    def _client(self, stack: ExitStack) -> Client:
        if self._address is None:
            stack.enter_context(dask.config.set(OWN))
            cluster = stack.enter_context(
                LocalCluster(n_workers=self._workers, threads_per_worker=1, dashboard_address=None)
            )
            return stack.enter_context(Client(cluster))
        try:
            return stack.enter_context(Client(self._address))
        except (OSError, ValueError) as fault:
            raise ConfigError(f"no Dask scheduler answers at {self._address} ({fault}); is it running?") from None
