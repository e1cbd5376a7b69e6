"""CSV files: what they say, and what is refused rather than guessed."""

from pathlib import Path

import pytest

from llars.data.tables import Row, read_table
from llars.errors import ConfigError, DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def test_quotes_commas_lines_and_a_byte_order_mark(path: Path) -> None:
    text = 'a, b\r\n1,"first, then second"\r\n\r\n"two\nlines", x \r\nshort\r\n'
    expected = [
        Row(2, {"a": "1", "b": "first, then second"}),
        Row(5, {"a": "two\nlines", "b": "x"}),
        Row(6, {"a": "short"}),
    ]
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        assert read_table(path, ConfigError) == (["a", "b"], expected)
    path.write_text("")
    assert read_table(path, ConfigError) == ([], [])


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"a,b\n1,first, then second\n", "line 2 has 3 cells for 2 columns; put quotes around text with commas"),
        (b"a,b,a\n1,2,3\n", "several columns called a"),
        ("a\nM\u00fcnchen\n".encode("latin-1"), "not in UTF-8"),
        (b'a\n"open\n', "is no CSV"),
        (None, "cannot read"),
    ],
)
@pytest.mark.parametrize("error", [ConfigError, DataError])
def test_what_is_ambiguous_is_refused_in_one_line(
    path: Path, raw: bytes | None, says: str, error: type[Exception]
) -> None:
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(error, match=says) as caught:
        read_table(path, error)
    assert "\n" not in str(caught.value)
