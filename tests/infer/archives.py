"""Archives for tests of batches: small scenes, some of them corrupt."""

import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

UTM = {"crs": "EPSG:32633", "transform": Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_800_000.0)}


def write_scene(path: Path, seed: int = 0, side: int = 24, place: dict[str, object] = UTM) -> Path:
    """A Sentinel-2 L2A scene of four bands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # GDAL reads what it replaces, and that may be corrupt.
    path.unlink(missing_ok=True)
    rng = np.random.default_rng(seed)
    relief = np.cumsum(rng.normal(size=(4, side, side)), axis=2)
    numbers = (2000 + 200 * relief).clip(1, 9000).astype(np.uint16)
    profile = {"driver": "GTiff", "count": 4, "height": side, "width": side, "dtype": "uint16", "nodata": 0, **place}
    with rasterio.open(path, "w", **profile) as target:
        target.write(numbers)
        target.descriptions = ("B02", "B03", "B04", "B08")
        target.scales, target.offsets = (1e-4,) * 4, (0.0,) * 4
        target.update_tags(SENSOR="sentinel2-l2a")
    return path


def journal_of(folder: Path) -> list[dict]:
    """The entries of a batch's journal."""
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def results_in(folder: Path) -> set[str]:
    """What lies in a folder, with the folders below."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
