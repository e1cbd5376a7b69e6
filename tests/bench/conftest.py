import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

PROTOCOL = """
seed: 5
crop: 60
smallest: 48
picture: grey
targets:
  - {trials: denoise, metric: psnr, than: [BM3D, plus], least: 0.5}
trials:
  - {task: denoise, degradation: gaussian_noise, severity: 0.5, instruction: reduce the noise}
  - {task: deblur, degradation: gaussian_blur, severity: 0.5, instruction: sharpen it}
  - {task: sr, severity: 0.3333, scale: 2, instruction: double the resolution}
"""


def texture(bands: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth hills with a few edges, 0.2 to 0.8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    hills = [np.sin(x / rng.uniform(4, 9)) * np.cos(y / rng.uniform(4, 9)) for _ in range(bands)]
    return 0.5 + 0.2 * np.stack(hills) + 0.1 * ((x + y) % 37 < 9)


def entry(name: str, sensor: str, bands: list[str], **changes: Any) -> dict[str, Any]:
    facts = {"id": name, "file": f"{name}.tif", "sensor": sensor, "bands": bands, "group": name, "gsd_m": 10}
    facts |= {
        "scale": 1 / 255,
        "offset": 0,
        "units": "display 0-1",
        "nodata": None,
        "crs": "EPSG:32633",
        "role": "clean",
    }
    facts |= {"split": "test", "tasks": ["clean"], "source": "made here", "licence": "CC0", "note": ""}
    return facts | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue in which only ``grey``, ``veg`` and ``soft`` are held-out clean scenes that are large enough."""
    root = tmp_path / "data"
    root.mkdir()
    reflectance = {"scale": 0.001, "offset": -0.1, "units": "reflectance", "nodata": 0}
    entries = [
        entry("grey", "rgb-aerial", ["R", "G", "B"]),
        entry("veg", "sentinel2-l2a", ["B02", "B03", "B04", "B08"], **reflectance),
        entry("soft", "rgb-aerial", ["R", "G", "B"], note="soft: resampled"),
        entry("cloudy", "rgb-aerial", ["R", "G", "B"], role="cloudy"),
        entry("gaps", "rgb-aerial", ["R", "G", "B"], role="gaps", tasks=["cloud"]),
        entry("seen", "rgb-aerial", ["R", "G", "B"], split="train"),
        entry("tiny", "rgb-aerial", ["R", "G", "B"]),
    ]
    for number, facts in enumerate(entries):
        size = (30, 30) if facts["id"] == "tiny" else (64, 81)
        stored = np.round((texture(len(facts["bands"]), *size, number) - facts["offset"]) / facts["scale"])
        stored = stored.astype(np.uint8 if facts["scale"] < 0.01 and facts["offset"] == 0 else np.uint16)
        if facts["nodata"] is not None:
            stored[:, 20:30, 20:30] = facts["nodata"]
        write_tif(root / facts["file"], stored, nodata=facts["nodata"])
    (root / "scenes.json").write_text(json.dumps(entries))
    return root


def write_tif(path: Path, values: np.ndarray, **profile: Any) -> None:
    facts = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    facts |= {"dtype": values.dtype, "crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)}
    with rasterio.open(path, "w", **facts | profile) as target:
        target.write(values)


@pytest.fixture(name="entry")
def entry_of() -> Callable[..., dict[str, Any]]:
    """What makes an entry of a catalogue."""
    return entry


@pytest.fixture(name="texture")
def texture_of() -> Callable[..., np.ndarray]:
    """What makes hills with edges."""
    return texture


@pytest.fixture(name="write_tif")
def writer() -> Callable[..., None]:
    return write_tif


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "protocol.yaml"
    path.write_text(PROTOCOL)
    return path
