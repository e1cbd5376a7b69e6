"""Many scenes: manifests, the journal, workers on one machine or many, and what a run came to."""

from llars.infer.batch.run import Settings, Summary, key_of, restore_batch

__all__ = ["Settings", "Summary", "key_of", "restore_batch"]
