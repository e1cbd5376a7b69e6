"""Actors of a Ray cluster: one for each GPU if there are any, else as many as there are workers wanted."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray
from ray.exceptions import RayActorError

from llars.errors import ConfigError
from llars.infer.batch.engines.pool import LostItem, WorkerDied, dispatch

__all__ = ["RayEngine"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class RayEngine:
    """Each actor loads the model once and does one scene at a time."""

    def __init__(self, workers: int, address: str | None = None, gpu: bool = True) -> None:
        self._workers, self._address, self._gpu = workers, address, gpu

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result | LostItem]]:
        """See ``Engine``."""
        # Ray would send usage statistics over the network.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        local_options = {"num_cpus": self._workers, "include_dashboard": False} if self._address is None else {}
        try:
            ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR, **local_options)
        except (ConnectionError, ValueError) as fault:
            reason = str(fault).splitlines()[0]
            raise ConfigError(f"no Ray cluster answers at {self._address} ({reason}); is it running?") from None
        try:
            resources = ray.cluster_resources()
            devices = int(resources.get("GPU", 0)) if self._gpu else 0
            count = devices or min(self._workers, int(resources.get("CPU", 1)))
            yield from dispatch(_Actors(min(count, len(items)), bool(devices)), function, items)
        finally:
            ray.shutdown()


class _Actor:
    """An actor that applies any function to an item."""

    def apply(self, function: Callable[[Any], Any], item: Any) -> Any:
        return function(item)


class _Actors:
    def __init__(self, size: int, gpu: bool) -> None:
        self.size = size
        self._make = ray.remote(num_cpus=1, num_gpus=int(gpu))(_Actor)
        self._actors = [self._make.remote() for _ in range(size)]

    def start(self, worker: int, function: Callable[[Any], Any], item: Any) -> Any:
        return self._actors[worker].apply.remote(function, item)

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        done, _ = ray.wait([*tickets])
        return list(done)

    def result(self, ticket: Any) -> Any:
        try:
            return ray.get(ticket)
        except RayActorError:
            raise WorkerDied from None

    def restart(self, worker: int) -> None:
        self._actors[worker] = self._make.remote()

    def close(self) -> None:
        for actor in self._actors:
            ray.kill(actor)
