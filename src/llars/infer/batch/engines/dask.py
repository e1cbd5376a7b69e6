"""Workers of a Dask cluster: one that runs already, or one begun on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, wait

from llars.errors import ConfigError
from llars.infer.batch.engines.crew import Died, Lost, in_turn

__all__ = ["DaskEngine"]

Item = TypeVar("Item")
Result = TypeVar("Result")

OWN = {
    # Who dies is told at once, and the crew tries again; a cluster that runs already has a patience of its own.
    "distributed.scheduler.allowed-failures": 0,
    # No item waits at a worker: it would be held to have died with it.
    "distributed.scheduler.worker-saturation": 1.0,
}

PATIENCE = 20.0
"""Seconds to wait for a worker in the place of one that died; then the work goes on with fewer."""


class DaskEngine:
    """As many items at a time as there are workers: what a worker keeps for later dies with it."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers, self._address = workers, address

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result | Lost]]:
        """See ``Engine``."""
        with ExitStack() as stack:
            client = self._client(stack)
            yield from in_turn(_Workers(client, self._address is not None), function, items)

    def _client(self, stack: ExitStack) -> Client:
        if self._address is None:
            stack.enter_context(dask.config.set(OWN))
            return stack.enter_context(Client(stack.enter_context(_begun(self._workers))))
        try:
            return stack.enter_context(Client(self._address))
        except (OSError, ValueError) as fault:
            raise ConfigError(f"no Dask scheduler answers at {self._address} ({fault}); is it running?") from None


@contextmanager
def _begun(workers: int) -> Iterator[LocalCluster]:
    """A cluster on this machine, which goes with the block."""
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    try:
        yield cluster
    finally:
        # Closing fails after all is closed where two workers died at once: the cluster had lost sight of one of them.
        with suppress(KeyError):
            cluster.close()


class _Workers:
    """One item at a time for each worker that lives: a worker that dies takes along what it has not handed over."""

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
        # Not pure: equal items are two items, and no result of another day is taken.
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
            raise Died from None
        finally:
            # A result that is still held would be made again, should the worker that keeps it die.
            future.release()
            del self._places[ticket]

    def renew(self, worker: int) -> None:  # noqa: ARG002 - addresses change
        """The cluster's own nannies do; until then another item would go to a worker that is busy."""
        with suppress(TimeoutError):
            self._client.wait_for_workers(self.size, timeout=PATIENCE)

    def close(self) -> None:
        self._client.cancel([*self._busy.values()])
