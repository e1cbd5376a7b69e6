"""Reading ahead and writing behind: in order, at the same time, and every fault comes through."""

import threading

import pytest

from llars.infer.tiling.pipelining import read_ahead, write_behind


def test_the_next_item_is_made_while_the_last_is_worked_on():
    begun = [threading.Event() for _ in range(4)]

    def items():
        for number, event in enumerate(begun):
            event.set()
            yield number

    for number in read_ahead(items()):
        assert number == 3 or begun[number + 1].wait(5)
    assert list(read_ahead(iter(()))) == []


def test_what_the_reader_raises_comes_in_its_turn():
    def items():
        yield 1
        raise OSError("torn")

    seen = []
    with pytest.raises(OSError, match="torn"):
        seen.extend(read_ahead(items()))
    assert seen == [1]


def test_whoever_stops_waits_for_the_reader():
    running = threading.active_count()
    items = read_ahead(iter(range(9)))
    next(items)
    items.close()
    assert threading.active_count() == running


def test_writing_is_behind_in_order_and_done_at_the_end():
    written, gate = [], threading.Event()

    def write(item):
        assert gate.wait(5)
        written.append(item)

    with write_behind(write) as hand_over:
        hand_over(1)
        assert written == []
        gate.set()
        hand_over(2)
    assert written == [1, 2]


def test_what_the_writer_raises_comes_at_the_next_item_or_the_end():
    def write(item):
        raise OSError("full")

    with write_behind(write) as hand_over, pytest.raises(OSError, match="full"):
        # The first has nobody before it.
        [*map(hand_over, (1, 2))]
    with pytest.raises(OSError, match="full"), write_behind(write) as hand_over:
        hand_over(1)


def test_a_fault_at_work_stops_the_writer():
    written = []

    def interrupted():
        with write_behind(written.append) as hand_over:
            hand_over(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert written == [1]
