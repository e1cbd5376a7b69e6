"""The parts of the package that training uses: canonical sentences, and the estimators behind initial estimates."""

from __future__ import annotations

from functools import cache

from llars.data.initial import Estimators
from llars.initial.denoising import Correctors
from llars.text.encoder import SentenceEncoder
from llars.text.plain import PlainWords
from llars.weights.estimators import (
    NOISE,
    STRIPES,
    load_correction,
    load_opacity,
    load_optics,
    load_speckle,
    load_upsampling,
)

__all__ = ["estimators", "instructions"]


def instructions() -> PlainWords:
    """The canonical sentences that the bundled reader reduces user input to, encoded by the bundled encoder."""
    return PlainWords(SentenceEncoder().encode)


@cache
def estimators() -> Estimators:
    """The bundled estimators, which produce the initial estimates that the bundled weights are trained on."""
    return Estimators(
        load_optics(),
        load_opacity(),
        load_upsampling(),
        Correctors(load_correction(NOISE), load_speckle()),
        load_correction(STRIPES),
    )
