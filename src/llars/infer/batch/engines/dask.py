"""Workers of a Dask cluster: one that runs already, or one started on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, wait

from llars.errors import ConfigError
from llars.infer.batch.engines.pool import LostItem, WorkerDied, dispatch

__all__ = ["DaskEngine"]

Item = TypeVar("Item")
Result = TypeVar("Result")

CLUSTER_SETTINGS = {
    # Death of a worker is reported at once, and the pool retries; a running cluster has its own setting.
    "distributed.scheduler.allowed-failures": 0,
    # No item is queued at a worker: it would be held responsible for the death of the worker.
    "distributed.scheduler.worker-saturation": 1.0,
}

RESTART_TIMEOUT = 20.0
"""Seconds to wait for a replacement of a worker that died; after that, work goes on with fewer."""


class DaskEngine:
    """Submits as many items at a time as there are workers: items queued at a worker would die with it."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers, self._address = workers, address

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result | LostItem]]:
        """See ``Engine``."""
        with ExitStack() as stack:
            client = self._client(stack)
            yield from dispatch(_Workers(client, self._address is not None), function, items)

    def _client(self, stack: ExitStack) -> Client:
        if self._address is None:
            stack.enter_context(dask.config.set(CLUSTER_SETTINGS))
            return stack.enter_context(Client(stack.enter_context(_local_cluster(self._workers))))
        try:
            return stack.enter_context(Client(self._address))
        except (OSError, ValueError) as fault:
            raise ConfigError(f"no Dask scheduler answers at {self._address} ({fault}); is it running?") from None


@contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """A cluster on this machine, closed at the end of the block."""
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    try:
        yield cluster
    finally:
        # If two workers died at once, the cluster has lost track of one, and raises once everything is closed.
        with suppress(KeyError):
            cluster.close()


class _Workers:
    """One item at a time for each live worker: a worker that dies takes along results that it has not delivered."""

    def __init__(self, client: Client, running: bool) -> None:
        self._client = client
        if running:
            client.wait_for_workers(1)
        self.size = max(len(self._alive()), 1)
        self._busy: dict[str, Any] = {}
        self._places: dict[str, str | None] = {}

    def _alive(self) -> list[str]:
        return list(self._client.scheduler_info(n_workers=-1)["workers"])

    def start(self, worker: int, function: Callable[[Any], Any], item: Any) -> Any:  # noqa: ARG002 - addresses change
        taken = self._places.values()
        place = next((address for address in self._alive() if address not in taken), None)
        # Not pure: equal items are separate items, and no earlier result is reused.
        future = self._client.submit(function, item, pure=False, workers=place, allow_other_workers=place is not None)
        self._busy[future.key], self._places[future.key] = future, place
        return future.key

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        done = wait([self._busy[key] for key in tickets], return_when="FIRST_COMPLETED").done
        return [future.key for future in done]

    def result(self, ticket: Any) -> Any:
        future = self._busy.pop(ticket)
        try:
            return future.result()
        except KilledWorker:
            raise WorkerDied from None
        finally:
            # A result that is still held would be computed again, should the worker that stores it die.
            future.release()
            del self._places[ticket]

    def restart(self, worker: int) -> None:  # noqa: ARG002 - addresses change
        """Wait until the cluster has replaced it; another item would go to a busy worker until then."""
        with suppress(TimeoutError):
            self._client.wait_for_workers(self.size, timeout=RESTART_TIMEOUT)

    def close(self) -> None:
        self._client.cancel([*self._busy.values()])
