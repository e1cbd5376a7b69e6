"""Corpora in miniature: the shards of a few samples."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llars.data.manifest import save, summarise
from llars.data.records import alone
from llars.data.shards import ShardWriter
from llars.sample import Sample


def pack(samples: Iterable[Sample], path: str | Path) -> dict[str, Any]:
    """Write samples of one split to the folder ``path``, as a shard and its manifest, which is returned."""
    root = Path(path)
    root.mkdir(parents=True, exist_ok=True)
    writer = ShardWriter(root / "samples.tar")
    splits: set[str] = set()
    for number, sample in enumerate(samples):
        splits.add(sample.split)
        writer.add(alone(sample), number)
    (split,) = splits
    manifest = summarise([writer.close(file=writer.path.name, split=split, part="samples", task="clean")])
    save(manifest, root)
    return manifest
