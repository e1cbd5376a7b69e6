"""Corpora for training and scoring: their identity, and subsets by sensor."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from llars.data.corpus import Corpus
from llars.errors import DataError

__all__ = ["fingerprint", "select"]


def fingerprint(corpus: Path) -> str:
    """SHA-256 of the manifest of the corpus in that folder.

    Raises:
        DataError: there is none.
    """
    manifest = corpus / "manifest.json"
    if not manifest.is_file():
        raise DataError(f"{manifest} is not there; build the corpus with llars data build")
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


class Selection(Corpus):
    """Some scenes of a corpus. Pickles as its selection criteria."""

    def __init__(self, source: Corpus, sensor: str, split: str, *, only: bool) -> None:
        """Selects scenes of sensors whose names begin with ``sensor`` if ``only``, otherwise all the others."""
        scenes = tuple(scene for scene in source.scenes if scene.sensor.startswith(sensor) == only)
        super().__init__(source.path, split, scenes)
        self.chosen = (sensor, split, only)

    def __reduce__(self) -> tuple[Any, ...]:
        return _select_again, (self.path, *self.chosen)


def select(path: Path, sensor: str | None, split: str, *, only: bool = False) -> Corpus:
    """The corpus at ``path`` without the scenes of ``sensor``, or with them only; its split is called ``split``.

    Raises:
        DataError: no scene is left, or with ``only`` all scenes are of that sensor.
    """
    source = Corpus.open(path)
    if sensor is None:
        return source
    found = Selection(source, sensor, split, only=only)
    if not found.scenes or (only and len(found.scenes) == len(source.scenes)):
        raise DataError(
            f"{path}: {len(found.scenes)} of {len(source.scenes)} scenes are {'of' if only else 'not of'} a sensor "
            f"{sensor!r}; name one that it has beside others"
        )
    return found


def _select_again(path: Path, sensor: str, split: str, only: bool) -> Corpus:
    return Selection(Corpus.open(path), sensor, split, only=only)
