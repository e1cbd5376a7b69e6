"""Sets of radar speckle."""

from pathlib import Path

import numpy as np

from miniatures.writing import land, mat5, mat73, picture


def _despeckle(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(1, 600, 40):
        clean = (10.0 ** (3 + 4 * land(1, seed=number)[0])).astype(np.float32)
        noisy = (clean * rng.exponential(size=clean.shape)).astype(np.float32)
        write = mat73 if number % 80 == 1 else mat5
        write(folder / "SAR-despeckle-Dataset" / f"{number}.mat", intensity=noisy, shp_intensity=clean, phase=0 * clean)


def _toronto(folder: Path) -> None:
    rng = np.random.default_rng(0)
    root = folder / "SAR despeckling filters dataset" / "Main folder"
    for suffix, rows in (("", range(0, 15360, 1024)), ("_val", (5120, 5632))):
        for row in rows:
            for column in (10240,):
                clean = np.repeat(land(1, seed=row + column), 3, axis=0)
                noisy = np.clip(clean * rng.gamma(4, 1 / 4, clean.shape[1:]), 0, 1)
                picture(root / f"GTruth{suffix}" / f"{row}_{column}.tiff", clean)
                picture(root / f"Noisy{suffix}" / f"{row}_{column}.tiff", noisy)


MAKERS = {"sar-despeckle": _despeckle, "sar-toronto": _toronto}
