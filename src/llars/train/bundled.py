"""What training takes from the package: the words that are learned from, and the estimators that starts need."""

from __future__ import annotations

from llars.data.starting import Estimators
from llars.text.encoder import SentenceEncoder
from llars.text.plain import PlainWords
from llars.weights.estimators import load_opacity, load_optics, load_upsampling

__all__ = ["estimators", "instructions"]


def instructions() -> PlainWords:
    """The words that the bundled reader makes of what people say, as the bundled encoder sees them."""
    return PlainWords(SentenceEncoder().encode)


def estimators() -> Estimators:
    """The bundled ones, which the bundled weights set out from."""
    return Estimators(load_optics(), load_opacity(), load_upsampling())
