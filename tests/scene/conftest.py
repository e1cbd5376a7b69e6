"""Numbers like those of Sentinel-2, and a place for a file of them."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def numbers() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(200, 6000, (4, 40, 50)).astype("uint16")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scene.tif"
