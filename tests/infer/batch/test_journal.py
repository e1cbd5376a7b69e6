"""The journal of a batch."""

import json

import pytest

from llars.errors import OutputError
from llars.infer.batch.journal import Journal, Record


def record(key, **facts):
    return Record(key=key, source="a", output="a.tif", status="done", when="2024-01-01T00:00:00+00:00", **facts)


def test_a_journal_survives_being_cut_short_anywhere(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for key in "abc":
            journal.add(record(key, size=7))
    whole = path.read_bytes()
    line = len(whole) // 3
    for cut in (line, line + 1, 2 * line - 1, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            assert [journal.get(key) is not None for key in "abc"] == [cut >= (n + 1) * line for n in range(3)]
            journal.add(record("d"))
        lines = path.read_bytes().splitlines()
        assert all(json.loads(one) for one in lines) and len(lines) == cut // line + 1


def test_a_journal_is_kept_by_one_batch_at_a_time_and_says_when_it_is_damaged(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path), pytest.raises(OutputError, match="another batch"), Journal(path):
        pass
    path.write_text("no json\n")
    with pytest.raises(OutputError, match="damaged"), Journal(path):
        pass
