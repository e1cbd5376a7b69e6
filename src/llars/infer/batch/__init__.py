"""Many scenes: manifests, the journal, workers on one machine or many, and the summary of a run."""

from llars.infer.batch.run import Settings, Summary, key_of, restore_batch

__all__ = ["Settings", "Summary", "key_of", "restore_batch"]
