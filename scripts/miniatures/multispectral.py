"""Sets of cloud removal with radar, and of pairs of sensors with different resolution."""

from functools import partial
from pathlib import Path

import numpy as np

from miniatures.writing import SIDE, hazy, image, land, tensor

ROIS = {"1158_spring": (1, 17, 31), "1868_summer": (7, 19, 73), "1970_fall": (1, 65, 139), "2017_winter": (8, 22, 63)}
"""For each season one region of the training split, one of validation, one of test."""


def _sen12mscr(folder: Path, season: str, radar: bool) -> None:
    for roi in ROIS[season]:
        for patch in (30, 407):
            clear = land(13, seed=roi + patch)
            images = {"s2": np.uint16(clear * 4000), "s2_cloudy": np.uint16(hazy(clear) * 9000)}
            if radar:
                images["s1"] = np.float32(land(2, seed=roi) * 20 - 25)
            for kind, values in images.items():
                name = f"ROIs{season}_{kind}"
                image(folder / "SEN12MSCR" / name / f"{kind}_{roi}" / f"{name}_{roi}_p{patch}.tif", values)


def _oli2msi(folder: Path) -> None:
    for part, tiles in (("train", [f"T49S{a}{b}" for a in "CDE" for b in "PQR"]), ("test", ["T48RYQ"])):
        for number, tile in enumerate(tiles):
            name = f"L8_126038_20190923_S2B_20190923_{tile}_N{number:04d}.TIF"
            image(folder / "OLI2MSI" / f"{part}_lr" / name, np.float32(0.1 * land(3, seed=number)))
            image(folder / "OLI2MSI" / f"{part}_hr" / name, np.float32(0.1 * land(3, 3 * SIDE, seed=number)))


def _sen2venus(folder: Path, coarse: str, bands: str, factor: int) -> None:
    for site, tile in (("ALSACE", "C_32ULU"), ("ES-LTERA", "C_29SQD"), ("ARM", "C_14SPF"), ("FR-LQ1", "C_31TDL")):
        for date, count in (("2018-02-14", 3), ("2019-02-17", 2)):
            name = folder / "sen2venus" / site / f"{site}_{tile}_{date}"
            fine = np.int16(6000 * np.stack([land(4, factor * SIDE, seed=i) for i in range(count)]))
            seen = np.int16(6000 * np.stack([land(4, SIDE, seed=i) for i in range(count)]))
            tensor(name.with_name(f"{name.name}_05m_{bands}.pt"), fine)
            tensor(name.with_name(f"{name.name}_{coarse}_{bands}.pt"), seen)


MAKERS = {
    **{f"sen12mscr-{season.split('_')[1]}": partial(_sen12mscr, season=season, radar=True) for season in ROIS},
    **{f"sen12mscr-{season.split('_')[1]}-optical": partial(_sen12mscr, season=season, radar=False) for season in ROIS},
    "oli2msi": _oli2msi,
    "sen2venus-x2": partial(_sen2venus, coarse="10m", bands="b2b3b4b8", factor=2),
    "sen2venus-x4": partial(_sen2venus, coarse="20m", bands="b4b5b6b8a", factor=4),
}
