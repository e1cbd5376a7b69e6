"""The bundled estimators, each loaded once, on first use."""

from __future__ import annotations

from functools import cache

from llars.weights.estimators import load_opacity, load_optics, load_speckle, load_upsampling

__all__ = ["opacity", "optics", "speckle", "upsampling"]

opacity = cache(load_opacity)
optics = cache(load_optics)
upsampling = cache(load_upsampling)
speckle = cache(load_speckle)
