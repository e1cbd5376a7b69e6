"""The classical methods compared in each trial, their arguments, and the cache of their results."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from llars.bench.cases import Array, Case
from llars.bench.classical import (
    deblur,
    denoise,
    destripe,
    fusion,
    haze,
    impulses,
    inpaint,
    pansharpen,
    resize,
    speckle,
)
from llars.bench.protocols import Trial
from llars.degrade.noise import FULL_SIGMA
from llars.degrade.wald import MS_NYQUIST

__all__ = ["RIVALS", "Rival", "cached_result", "rivals_of"]

GUESSED_SIGMA = 1.5
"""Kernel that is assumed if it is unknown: a Gaussian with this standard deviation in pixels."""

PACKAGE = "llars.bench.classical"

Method = Callable[..., Array]


@dataclass(frozen=True)
class Rival:
    """A classical method with its arguments."""

    name: str
    """Name in the tables."""

    method: Method
    """A function of ``llars.bench.classical``; its result depends on its arguments alone."""

    arguments: Callable[[Case], tuple[Any, ...] | None]
    """Gives the method's arguments for a case; None if it cannot be applied."""

    known: str = ""
    """Information that it is given and llars is not."""

    def run(self, case: Case) -> Array:
        """The restored image of a case for which there are arguments."""
        arguments = self.arguments(case)
        assert arguments is not None, f"{self.name} has nothing to work on in {case.scene.name}"
        return self.method(*arguments)


def rivals_of(trial: Trial) -> tuple[Rival, ...]:
    """The rivals of a trial; none if the image has no fault, or also a degradation that the truth keeps."""
    if trial.untouched or trial.beneath:
        return ()
    # Real noise in the catalogue and the public sets is always radar speckle.
    kinds = {"speckle": "speckle", "": "speckle", "impulse_noise": "impulses", "random_impulse_noise": "impulses"}
    kind = kinds.get(trial.degradation, trial.task) if trial.task == "denoise" else trial.task
    return RIVALS.get(kind, ())


def cached_result(rival: Rival, case: Case, cache: Path | None) -> tuple[Array, bool]:
    """The rival's image, and whether it comes from the cache, which is keyed by its source code and arguments."""
    if cache is None:
        return rival.run(case), False
    path = cache / f"{_digest(rival.method, rival.arguments(case))}.npy"
    if path.exists():
        return np.load(path), True
    image = rival.run(case)
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, image)
    partial.replace(path)
    return image, False


def _digest(method: Method, arguments: tuple[Any, ...] | None) -> str:
    digest = hashlib.blake2b(digest_size=16)
    functions = [method, *(one for one in arguments or () if isinstance(one, FunctionType))]
    for source in sorted({source for function in functions for source in _sources(inspect.getmodule(function))}):
        digest.update(_code(source).encode())
    for argument in (method, *(arguments or ())):
        if isinstance(argument, np.ndarray):
            digest.update(f"{argument.dtype}{argument.shape}".encode())
            digest.update(np.ascontiguousarray(argument).tobytes())
        else:
            digest.update(getattr(argument, "__qualname__", repr(argument)).encode())
    return digest.hexdigest()


def _sources(module: ModuleType | None) -> set[str]:
    """The source of a module and of the classical modules that it uses, directly or indirectly."""
    if module is None:
        return set()
    used = {getattr(value, "__module__", None) for value in vars(module).values()}
    names = {module.__name__, *(name for name in used if name and name.startswith(PACKAGE))}
    found = {inspect.getsource(sys.modules[name]) for name in names}
    for name in names - {module.__name__}:
        found |= _sources(sys.modules[name])
    return found


def _code(source: str) -> str:
    """Source without comments, docstrings and layout, which change no result."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _sigma(case: Case) -> float:
    return FULL_SIGMA * case.trial.severity


def _speckle(name: str, method: Method) -> Rival:
    def arguments(case: Case) -> tuple[Any, ...]:
        return case.degraded, method, case.side_info.looks, case.scene.value_range if case.scene.units == "dB" else None

    return Rival(name, speckle.in_power, arguments, "number of looks")


def _sharpener(name: str, method: Method, knows_gain: bool = False) -> Rival:
    def arguments(case: Case) -> tuple[Any, ...]:
        gains = (case.side_info.gains or (MS_NYQUIST,),) if knows_gain else ()
        return case.degraded, case.guides["pan"].values[0], case.trial.scale, *gains

    return Rival(name, method, arguments, "modulation transfer function" if knows_gain else "")


def _inpainter(name: str, method: Method) -> Rival:
    return Rival(name, method, lambda case: (case.degraded, case.side_info.clouds), "cloud mask")


def _composite(case: Case) -> tuple[Any, ...] | None:
    return None if case.side_info.others is None else (case.degraded, case.side_info.clouds, case.side_info.others)


def _wiener(case: Case) -> tuple[Any, ...]:
    # The transfer function of oblique motion has zeros, which make the edges ring: smoothness needs more weight.
    return case.degraded, case.side_info.kernel, 1e-2 if case.trial.degradation == "motion_blur" else 1e-3


def _dates(case: Case) -> tuple[Any, ...]:
    return case.degraded, case.guides["fine_before"].values, case.guides["coarse_before"].values


CLOUD = (
    _inpainter("Telea", inpaint.telea),
    _inpainter("Navier-Stokes", inpaint.navier_stokes),
    Rival("median composite", inpaint.median_composite, _composite, "other dates"),
)

RIVALS: Mapping[str, tuple[Rival, ...]] = {
    "denoise": (
        Rival("BM3D", denoise.bm3d, lambda case: (case.degraded, _sigma(case)), "noise level"),
        Rival("BM3D, debiased", denoise.bm3d_debiased, lambda case: (case.degraded, _sigma(case)), "noise level"),
        Rival("non-local means", denoise.nl_means, lambda case: (case.degraded, _sigma(case)), "noise level"),
        Rival("wavelet", denoise.wavelet, lambda case: (case.degraded, _sigma(case)), "noise level"),
    ),
    "impulses": (
        Rival("median", impulses.median, lambda case: (case.degraded,)),
        Rival("adaptive median", impulses.adaptive_median, lambda case: (case.degraded,)),
    ),
    "speckle": (
        _speckle("Lee", speckle.lee),
        _speckle("refined Lee", speckle.refined_lee),
        _speckle("Frost", speckle.frost),
        _speckle("Kuan", speckle.kuan),
        _speckle("GammaMAP", speckle.gamma_map),
        _speckle("BM3D of logarithms", speckle.bm3d_log),
    ),
    "deblur": (
        Rival("Wiener", deblur.wiener, _wiener, "blur kernel"),
        Rival(
            "Richardson-Lucy",
            deblur.richardson_lucy,
            lambda case: (case.degraded, case.side_info.kernel),
            "blur kernel",
        ),
        Rival(
            "Richardson-Lucy, kernel guessed",
            deblur.richardson_lucy,
            lambda case: (case.degraded, deblur.gaussian_kernel(GUESSED_SIGMA)),
        ),
    ),
    "destripe": (
        Rival("moment matching", destripe.along_stripes, lambda case: (destripe.moment_matching, case.degraded)),
        Rival("wavelet-FFT", destripe.along_stripes, lambda case: (destripe.wavelet_fft, case.degraded)),
    ),
    "haze": (
        Rival("dark channel", haze.dark_channel, lambda case: (case.degraded, case.bands)),
        Rival("CLAHE", haze.clahe, lambda case: (case.degraded,)),
    ),
    "sr": (Rival("Lanczos", resize.lanczos, lambda case: (case.degraded, case.trial.scale)),),
    "pansharpen": (
        _sharpener("Brovey", pansharpen.brovey),
        _sharpener("IHS", pansharpen.ihs),
        _sharpener("GS", pansharpen.gs),
        _sharpener("GSA", pansharpen.gsa),
        _sharpener("PCA", pansharpen.pca),
        _sharpener("MTF-GLP", pansharpen.mtf_glp, knows_gain=True),
        _sharpener("MTF-GLP-HPM", pansharpen.mtf_glp_hpm, knows_gain=True),
    ),
    "stf": (
        Rival("fine plus difference", fusion.fine_plus_difference, _dates),
        Rival("STARFM", fusion.starfm, _dates),
    ),
    "cloud": CLOUD,
    "cloud_sar": CLOUD,
}
"""The classical rivals of each task, and of speckle and impulses.

For ``sr`` and ``pansharpen`` the degraded image they are compared with is the bicubic enlargement. Tone curves have no
rivals, as their exact operation is the truth.
"""
