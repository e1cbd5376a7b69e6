"""Running commands, and what their results must look like."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from llars import cli

DENOISE = ["-p", "reduce the noise"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def write(path: Path, values: np.ndarray, **profile: object) -> Path:
    bands, height, width = values.shape
    options = {"crs": "EPSG:32737", "transform": from_origin(500000, 8000000, 10, 10), **profile}
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=height, width=width, dtype=values.dtype, **options
    ) as target:
        target.write(values)
    return path


def plain(height: int = 48, width: int = 40, bands: int = 3) -> np.ndarray:
    """A quiet picture in 8 bit without a single 0."""
    return np.random.default_rng(1).integers(60, 180, (bands, height, width)).astype(np.uint8)


def assert_mistake(result: Result, *, says: str) -> None:
    assert result.code == cli.MISTAKE, result
    assert result.out == ""
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("llars: error: ")
    assert says.lower() in lines[0].lower()
    assert "Traceback" not in result.err
