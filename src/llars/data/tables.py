"""Tables in CSV files: what is ambiguous in them is refused, with the line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from llars.errors import LlarsError

__all__ = ["Row", "read_table"]


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    line: int
    """Line of the file in which the row ends; the first is 1."""

    cells: dict[str, str]
    """Text by column, without spaces around it; columns at the end that the row lacks are missing here."""


def read_table(path: Path, error: type[LlarsError]) -> tuple[list[str], list[Row]]:
    """The column names and rows of a CSV file in UTF-8, with or without a byte order mark; empty lines are left out.

    Raises:
        LlarsError: as ``error``: the file cannot be read, is in another encoding or is no CSV, two columns have one
            name, or a row has more cells than there are columns.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise error(f"cannot read {path} ({fault.strerror}); give a CSV file") from None
    except UnicodeDecodeError:
        raise error(f"{path} is not in UTF-8; save it as CSV in UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    rows: list[Row] = []
    try:
        names = [name.strip() for name in next(filter(None, reader), [])]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise error(f"{path} has several columns called {', '.join(doubled)}; give each a name of its own")
        for cells in filter(None, reader):
            if len(cells) > len(names):
                raise error(
                    f"{path}, line {reader.line_num} has {len(cells)} cells for {len(names)} columns; "
                    "put quotes around text with commas"
                )
            named = zip(names, cells, strict=False)
            rows.append(Row(reader.line_num, {name: cell.strip() for name, cell in named}))
    except csv.Error as fault:
        raise error(f"{path}, line {reader.line_num} is no CSV ({fault}); put quotes around text only") from None
    return names, rows
