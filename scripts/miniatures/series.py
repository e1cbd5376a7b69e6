"""Sets of Landsat and MODIS series. Raw files get headers here, as their size is not that of the real CIA and LGC."""

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from miniatures.writing import SIDE, bare, image, land

WIDTH = 40
DAYS = (date(2001, 10, 8), date(2001, 10, 17), date(2001, 11, 2), date(2002, 3, 10))


def _fine(number: int) -> np.ndarray:
    return land(6, SIDE, seed=number, width=WIDTH)


def _coarse(number: int) -> np.ndarray:
    blocks = _fine(number).reshape(6, SIDE // 8, 8, WIDTH // 8, 8).mean((2, 4))
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


def _cia(folder: Path) -> None:
    for number, day in enumerate(DAYS):
        dated = day.strftime("%Y_%j_%d%b").lower()
        before = day - timedelta(1)
        platform = "L72093084" if number == 3 else "L71093084"
        name = f"{platform}_084{before:%Y%m%d}_HRF_modtran_surf_ref_agd66.bil"
        bare(folder / "CIA" / "Landsat" / dated / name, 5000 * _fine(number), "bil", header=True)
        name = f"MOD09GA_A{day:%Y%j}.sur_refl.int"
        bare(folder / "CIA" / "MODIS" / dated / name, 5000 * _coarse(number), "bsq", header=True)


def _lgc(folder: Path) -> None:
    for number, day in enumerate((date(2004, 4, 16), date(2004, 5, 2), date(2004, 7, 5))):
        dated = day.strftime("%Y_%j_%b%d")
        bare(folder / "LGC" / "Landsat" / dated / f"{day:%Y%m%d}_TM.int", 5000 * _fine(number), "bsq", header=True)
        name = f"MOD09GA_A{day:%Y%j}.sur_refl.int"
        bare(folder / "LGC" / "MODIS" / dated / name, 5000 * _coarse(number), "bsq", header=True)


def _li(folder: Path, name: str, dash: str) -> None:
    for number, day in enumerate((date(2013, 9, 1), date(2013, 11, 4), date(2014, 4, 29))):
        dated = f"{dash}{day.year}-{day.month}-{day.day}.tif"
        image(folder / "Datasets" / name / "Landsat" / f"L{dated}", np.uint8(255 * _fine(number)))
        image(folder / "Datasets" / name / "MODIS" / f"M{dated}", np.uint8(255 * _coarse(number)))


MAKERS = {
    "stf-cia": _cia,
    "stf-lgc": _lgc,
    "stf-ahb": partial(_li, name="AHB", dash="_"),
    "stf-daxing": partial(_li, name="Daxing", dash="-"),
    "stf-tianjin": partial(_li, name="Tianjin", dash="-"),
}
