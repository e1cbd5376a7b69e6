"""A catalogue in miniature: three sensors, three splits, nodata, a soft scene, two resolutions of one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin
from tests.packing import pack
from torch import Tensor

from llars.data.catalog import read_catalog
from llars.data.corpus import Corpus


class RandomWords:
    """Stands in for the words of instructions."""

    def draw(self, task: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randn(len(task), 384, generator=generator)


def texture(bands: int, height: int, width: int, seed: int) -> np.ndarray:
    """Smooth structure plus detail, between 0.1 and 0.9."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 16.0
    waves = [
        np.sin(y * rng.uniform(0.3, 1) + rng.uniform(0, 6)) * np.cos(x * rng.uniform(0.3, 1)) for _ in range(bands)
    ]
    return np.clip(0.5 + 0.25 * np.stack(waves) + 0.05 * rng.standard_normal((bands, height, width)), 0.1, 0.9)


class Folder:
    """Writes images and their entries."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: list[dict[str, Any]] = []

    def add(
        self, name: str, sensor: str, bands: list[str], values: np.ndarray, *, gsd: float, scale: float, **more: Any
    ) -> None:
        entry = {
            "id": name,
            "file": f"{name}.tif",
            "sensor": sensor,
            "bands": bands,
            "scale": scale,
            "offset": 0.0,
            "units": "reflectance",
            "gsd_m": gsd,
            "nodata": None,
            "role": "clean",
            "group": name,
            "split": "train",
            "tasks": ["clean"],
            "source": "made up",
            "licence": "CC0",
            "note": "",
        } | more
        self.entries.append(entry)
        count, height, width = values.shape
        # Every group lies elsewhere, unless it is told to lie where another does.
        groups = list(dict.fromkeys(str(one["group"]) for one in self.entries))
        west = entry.pop("west", 300000 + 5000 * groups.index(str(entry["group"])))
        with rasterio.open(
            self.root / entry["file"],
            "w",
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=values.dtype,
            nodata=entry["nodata"],
            crs="EPSG:32632",
            transform=from_origin(west, 5000000, gsd, gsd),
        ) as file:
            file.write(values)
        (self.root / "scenes.json").write_text(json.dumps(self.entries))


@pytest.fixture
def catalogue(tmp_path: Path) -> Folder:
    """An empty folder, to be filled by the test."""
    root = tmp_path / "imagery"
    root.mkdir()
    return Folder(root)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Folder(tmp_path_factory.mktemp("catalogue"))
    rgb, four, ten = ["R", "G", "B"], ["B02", "B03", "B04", "B08"], ["B05", "B06", "B07", "B8A", "B11", "B12"]

    def eight_bit(seed: int) -> np.ndarray:
        return (texture(3, 160, 150, seed) * 255).astype(np.uint8)

    def twelve_bit(bands: int, side: int, seed: int) -> np.ndarray:
        return (texture(bands, side, side, seed) * 5000 + 1000).astype(np.uint16)

    display = {"gsd": 0.1, "scale": 1 / 255, "units": "display 0-1"}
    made.add("drone", "rgb-drone", rgb, eight_bit(0), **display)
    black = eight_bit(1)
    black[:, :40] = 0
    black[:, 100, 100] = 0
    made.add("drone_with_border", "rgb-drone", rgb, black, **display)
    made.add("drone_val", "rgb-drone", rgb, eight_bit(2), split="val", **display)
    made.add("drone_test", "rgb-drone", rgb, eight_bit(3), split="test", **display)
    infra = {"scale": 1e-4, "offset": -0.1, "group": "place", "nodata": 0}
    holes = twelve_bit(4, 192, 4)
    holes[:, 80:90, 80:90] = 0
    made.add("place_10m", "sentinel2-l2a", four, holes, gsd=10, **infra)
    made.add("place_20m", "sentinel2-l2a", ten, twelve_bit(6, 96, 5), gsd=20, **infra)
    soft = {"scale": 1e-4, "gsd": 18, "note": "soft: resampled"}
    made.add("soft_harbour", "sentinel2-l2a", four, twelve_bit(4, 100, 6), **soft)
    series = {"gsd": 1, "scale": 1e-4, "tasks": ["clean", "series"], "group": "dakota"}
    made.add("dakota_2018", "naip", ["R", "G", "B", "N"], twelve_bit(4, 100, 7), **series)
    made.add("dakota_2020", "naip", ["R", "G", "B", "N"], twelve_bit(4, 100, 8), split="test", **series)
    cloudy = {"gsd": 10, "scale": 1e-4, "role": "cloudy", "tasks": ["cloud", "clean"]}
    made.add("under_cloud", "sentinel2-l1c", four, twelve_bit(4, 100, 9), **cloudy)
    return made.root


@pytest.fixture(scope="session")
def corpus(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("corpus") / "train"
    pack(read_catalog(folder, "train"), path)
    return Corpus.open(path)


@pytest.fixture
def words() -> RandomWords:
    return RandomWords()
