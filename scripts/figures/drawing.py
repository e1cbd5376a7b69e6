"""Shared by the figures: scenes, true-colour display, and small files."""

from importlib import resources
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import llars
from llars.bands import true_colour

mpl.use("Agg")
plt.rcParams.update({"font.size": 8, "axes.titlesize": 8, "figure.dpi": 100})

SEED = 7


def wales() -> xr.DataArray:
    """The example scene: Sentinel-2, ten bands."""
    return llars.open_scene("examples/sentinel2_aberystwyth.tif").compute()


def dakota() -> xr.DataArray:
    """A scene of the playground: NAIP, four bands."""
    with resources.as_file(resources.files("llars.app").joinpath("scenes", "naip_dakota.tif")) as path:
        return llars.open_scene(path).compute()


def corner(scene: xr.DataArray, rows: int, columns: int) -> xr.DataArray:
    """The upper left part of a scene."""
    return scene[:, :rows, :columns]


def degraded(scene: xr.DataArray, operator: str, severity: float) -> xr.DataArray:
    """A reflectance scene degraded with a fault, always the same."""
    generator = torch.Generator().manual_seed(SEED)
    operate = llars.degrade.get(operator)
    return scene.copy(data=operate(scene.values, severity, generator, scene.attrs["bands"]))


def colours(image: xr.DataArray, truth: xr.DataArray) -> NDArray[np.float32]:
    """``(y, x, 3)`` in 0 to 1, stretched by the percentiles of ``truth``."""
    chosen = list(true_colour(truth.attrs["bands"]))
    low, high = np.nanpercentile(truth.values[chosen], (1, 99), axis=(1, 2), keepdims=True)
    return np.clip((image.values[chosen] - low) / (high - low), 0, 1).transpose(1, 2, 0).astype(np.float32)


def bare(axes: plt.Axes) -> None:
    """Remove the ticks, which images do not need."""
    axes.set_xticks([])
    axes.set_yticks([])


def save(figure: Figure, path: Path) -> None:
    """Save a figure as a PNG of 160 colours, which is a third of the size and looks the same."""
    figure.savefig(path)
    plt.close(figure)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
