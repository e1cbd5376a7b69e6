"""Pairs of made-up images on disk, and weights from which there is something to learn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from llars.model.config import preset
from llars.model.network import Network
from llars.weights.registry import save_weights

SIDE = 36


def picture(seed: int, bands: int = 3) -> np.ndarray:
    """Waves in 8 bit, without a single 0."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / rng.uniform(3, 8)
    waves = 120 + 60 * np.sin(y + rng.uniform(0, 6)) * np.cos(x)
    return np.stack([waves * gain for gain in np.linspace(0.8, 1.2, bands)])


def write(path: Path, values: np.ndarray, place: int, pixel: float = 10.0) -> Path:
    """An 8-bit GeoTIFF; images of different ``place`` do not overlap."""
    path.parent.mkdir(exist_ok=True)
    bands, height, width = values.shape
    transform = from_origin(500_000 + 10_000 * place, 5_000_000, pixel, pixel)
    options = {"driver": "GTiff", "dtype": "uint8", "crs": "EPSG:32633", "transform": transform}
    with rasterio.open(path, "w", count=bands, height=height, width=width, **options) as target:
        target.write(values.round().clip(1, 255).astype(np.uint8))
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """A function that writes pairs, the inputs darker and noisy, and gives the two folders as settings."""

    def make(count: int = 4) -> dict[str, Path]:
        rng = np.random.default_rng(9)
        for index in range(count):
            truth = picture(index)
            write(tmp_path / "target" / f"{index}.tif", truth, index)
            write(tmp_path / "input" / f"{index}.tif", 0.7 * truth + rng.normal(20, 8, truth.shape), index)
        return {"inputs": tmp_path / "input", "targets": tmp_path / "target"}

    return make


@pytest.fixture(scope="session")
def moved_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of the smallest network, in which nothing is zero: every tensor has a part in the output."""
    torch.manual_seed(2)
    network = Network(preset("llars-tiny"))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)
    path = tmp_path_factory.mktemp("moved") / "moved.safetensors"
    tasks = ("denoise", "deblur", "destripe", "haze", "cloud", "sr", "brightness", "equalize", "stretch")
    save_weights(path, network.state_dict(), network.config, tasks)
    return path
