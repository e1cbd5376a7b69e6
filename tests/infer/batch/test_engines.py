"""Engines: every item once, whoever dies meanwhile."""

import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from llars.errors import ConfigError
from llars.infer.batch.engines.choice import get_engine
from llars.infer.batch.engines.pool import LostItem, WorkerDied, dispatch


@pytest.fixture
def own_signals():
    """Signal handlers as they were: dask and ray leave theirs behind."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=["local", "dask", "ray"])
def engine(request, own_signals):
    package = {"dask": "distributed", "ray": "ray"}.get(request.param)
    if package is not None and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return get_engine(request.param, 2)


def live_dangerously(item):
    """Leaves a mark, then squares a number, or dies: as often as it is told to."""
    number, deaths, folder = item
    marks = Path(folder)
    (marks / f"{number}-{os.getpid()}-{time.monotonic_ns()}").touch()
    if len(list(marks.glob(f"{number}-*"))) <= deaths:
        os._exit(9)
    return number**2


def test_items_whose_workers_die_are_tried_again_twice_and_no_other_suffers(engine, tmp_path):
    items = [(number, {3: 2, 5: 9}.get(number, 0), str(tmp_path)) for number in range(8)]
    results = list(engine.map(live_dangerously, items))
    assert sorted(number for (number, _, _), _ in results) == list(range(8))
    found = {number: result for (number, _, _), result in results}
    assert found == {number: number**2 for number in range(8)} | {5: LostItem(3)}
    attempts = [len(list(tmp_path.glob(f"{number}-*"))) for number in range(8)]
    assert attempts == [1, 1, 1, 3, 1, 3, 1, 1]


class WorkerPool:
    """Workers that only keep books; ``deaths`` says how often each item kills."""

    size = 2

    def __init__(self, deaths):
        self.deaths, self.renewed, self.closed, self.busy = deaths, 0, False, {}

    def start(self, worker, function, item):
        assert worker not in self.busy.values(), "has an item already"
        ticket = (item, self.deaths.get(item, 0))
        self.deaths[item] = ticket[1] - 1
        self.busy[ticket] = worker
        return ticket

    def finished(self, tickets):
        return tickets[:1]

    def result(self, ticket):
        del self.busy[ticket]
        if ticket[1] > 0:
            raise WorkerDied
        return ticket[0] * 10

    def restart(self, worker):
        self.renewed += 1

    def close(self):
        self.closed = True


def test_a_crew_does_each_item_once_and_is_sent_home():
    pool = WorkerPool({1: 2, 2: 3})
    assert sorted(dispatch(pool, abs, [0, 1, 2, 3]), key=lambda pair: pair[0]) == [
        (0, 0),
        (1, 10),
        (2, LostItem(3)),
        (3, 30),
    ]
    assert pool.renewed == 5
    assert pool.closed


def test_a_crew_is_sent_home_when_nobody_wants_the_rest():
    pool = WorkerPool({})
    results = dispatch(pool, abs, [1, 2, 3])
    next(results)
    results.close()
    assert pool.closed


def test_engines_that_cannot_be_had_are_refused_in_one_line():
    with pytest.raises(ConfigError, match="choose local, dask, ray"):
        get_engine("slurm", 1)
    with pytest.raises(ConfigError, match="--engine dask"):
        get_engine("local", 1, "tcp://there:8786")


@pytest.mark.parametrize(("name", "package"), [("dask", "dask"), ("ray", "ray")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name, package):
    monkeypatch.delitem(sys.modules, f"llars.infer.batch.engines.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"needs {package}: pip install 'llars\[{name}\]'"):
        get_engine(name, 1)
