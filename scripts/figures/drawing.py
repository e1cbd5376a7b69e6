"""What the figures share: scenes, colours as eyes see them, and small files."""

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
    """Sentinel-2, ten bands: the example scene."""
    return llars.open_scene("examples/sentinel2_aberystwyth.tif").compute()


def dakota() -> xr.DataArray:
    """NAIP, four bands: a scene of the playground."""
    with resources.as_file(resources.files("llars.app").joinpath("scenes", "naip_dakota.tif")) as path:
        return llars.open_scene(path).compute()


def corner(scene: xr.DataArray, rows: int, columns: int) -> xr.DataArray:
    """The part of a scene below and right of its first pixel."""
    return scene[:, :rows, :columns]


def degraded(scene: xr.DataArray, operator: str, severity: float) -> xr.DataArray:
    """A reflectance scene with a fault put in, always the same."""
    generator = torch.Generator().manual_seed(SEED)
    operate = llars.degrade.get(operator)
    return scene.copy(data=operate(scene.values, severity, generator, scene.attrs["bands"]))


def colours(image: xr.DataArray, truth: xr.DataArray) -> NDArray[np.float32]:
    """``(y, x, 3)`` in 0 to 1, stretched as ``truth`` is."""
    chosen = list(true_colour(truth.attrs["bands"]))
    low, high = np.nanpercentile(truth.values[chosen], (1, 99), axis=(1, 2), keepdims=True)
    return np.clip((image.values[chosen] - low) / (high - low), 0, 1).transpose(1, 2, 0).astype(np.float32)


def bare(axes: plt.Axes) -> None:
    """No ticks: pixels need none."""
    axes.set_xticks([])
    axes.set_yticks([])


def save(figure: Figure, path: Path) -> None:
    """As a picture of 160 colours, which is a third of the size and looks the same."""
    figure.savefig(path)
    plt.close(figure)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
