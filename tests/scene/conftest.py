"""Numbers like those of Sentinel-2, and a place for a file of them; products in miniature."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def numbers() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(200, 6000, (4, 40, 50)).astype("uint16")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scene.tif"


@pytest.fixture(scope="session")
def miniatures() -> ModuleType:
    """The committed script that makes products."""
    scripts = str(Path(__file__).parents[2] / "scripts")
    sys.path.insert(0, scripts)
    try:
        from miniatures import products
    finally:
        sys.path.remove(scripts)
    return products
