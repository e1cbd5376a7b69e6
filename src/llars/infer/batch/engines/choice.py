"""Choice of the engine of a batch: processes on this machine, or the workers of a Dask or Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from llars.errors import ConfigError
from llars.infer.batch.engines.pool import LostItem

__all__ = ["ENGINES", "Engine", "LostItem", "get_engine"]

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("local", "dask", "ray")


class Engine(Protocol):
    """Applies a function to items in other processes."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Result | LostItem]]:
        """Pairs of an item and its result, as they are finished, each item once.

        If a worker dies with its item, the item is retried twice; after that, its result is ``LostItem``. Exceptions of
        the function are raised to the caller.
        """


def get_engine(name: str, workers: int, address: str | None = None, gpu: bool = True) -> Engine:
    """The engine of that name.

    Args:
        name: ``local``, ``dask`` or ``ray``.
        workers: processes to start on this machine; a cluster brings its own.
        address: address of a cluster's scheduler; None starts one on this machine.
        gpu: use the GPUs of a Ray cluster, one for each worker.

    Raises:
        ConfigError: the engine is unknown or its package is missing, or ``local`` is given an address.
    """
    try:
        if name == "dask":
            from llars.infer.batch.engines.dask import DaskEngine

            return DaskEngine(workers, address)
        if name == "ray":
            from llars.infer.batch.engines.ray import RayEngine

            return RayEngine(workers, address, gpu)
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("llars"):
            raise
        raise ConfigError(f"the engine {name} needs {missing.name}: pip install 'llars[{name}]'") from None
    if name != "local":
        raise ConfigError(f"there is no engine {name!r}; choose {', '.join(ENGINES)}")
    if address is not None:
        raise ConfigError(f"the engine local has no scheduler at {address}; say --engine dask or --engine ray")
    from llars.infer.batch.engines.local import LocalEngine

    return LocalEngine(workers)
