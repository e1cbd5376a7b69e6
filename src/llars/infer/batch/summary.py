"""The report of a batch: a page with a row and a picture for every scene."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from llars.infer.batch.journal import Record
from llars.infer.batch.manifest import stem_of

__all__ = ["write_summary"]

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>llars batch</title>
<style>
body {{ font: 14px sans-serif; margin: 2em; }}
table {{ border-collapse: collapse; }}
td, th {{ border-bottom: 1px solid #ccc; padding: 4px 10px; text-align: left; vertical-align: top; }}
img {{ max-height: 120px; }}
.failed {{ color: #a00; }}
</style>
<h1>{done} scenes restored, {failed} failed</h1>
<p>Input on the left of each picture, result on the right. {seconds:.0f} seconds of work in all.</p>
<table>
<tr><th>input</th><th>result</th><th>seconds</th><th></th></tr>
{rows}
</table>
</html>
"""


def write_summary(path: Path, records: Sequence[Record]) -> None:
    """Write the page; failures come first."""
    ordered = sorted(records, key=lambda record: record.status == "done")
    done = sum(record.status == "done" for record in records)
    page = PAGE.format(
        done=done,
        failed=len(records) - done,
        seconds=sum(record.seconds for record in records),
        rows="\n".join(map(_row, ordered)),
    )
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)


def _row(record: Record) -> str:
    if record.status == "failed":
        what, picture = f'<span class="failed">{escape(record.error or "")}</span>', ""
    else:
        output = PurePosixPath(record.output)
        shown = quote(str(output.with_name(f"{stem_of(output)}.png")))
        what = f'<a href="{quote(record.output)}">{escape(record.output)}</a>'
        picture = f'<img loading="lazy" src="{shown}" alt="before and after">'
    return f"<tr><td>{escape(record.source)}</td><td>{what}</td><td>{record.seconds:.1f}</td><td>{picture}</td></tr>"
