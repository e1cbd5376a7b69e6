"""Sets of clouds and haze in 8-bit pictures."""

from functools import partial
from pathlib import Path

import numpy as np

from miniatures.writing import hazy, land, picture


def _pair(bad: Path, good: Path, seed: int) -> None:
    clear = land(3, seed=seed)
    picture(bad, hazy(clear))
    picture(good, clear)


def _cuhk(folder: Path, name: str, infrared: bool) -> None:
    for part, numbers in (("train", range(1, 42, 8)), ("test", (3, 44))):
        for number in numbers:
            root = folder / "C-CUHK" / name / part
            _pair(root / "cloud" / f"{number}.png", root / "label" / f"{number}.png", number)
            if infrared:
                grey = np.repeat(land(1, seed=number + 1), 3, axis=0)
                root = folder / "C-CUHK" / "nir" / name / part
                picture(root / "cloud" / f"{number}.png", hazy(grey))
                picture(root / "label" / f"{number}.png", grey)


def _rice(folder: Path, name: str) -> None:
    root = folder / "RICE_DATASET" / name
    for number in range(0, 736, 48):
        _pair(root / "cloud" / f"{number}.png", root / "label" / f"{number}.png", number)
        if name == "RICE2":
            picture(root / "mask" / f"{number}.png", land(1, seed=number) > 0.5)


def _haze1k(folder: Path, level: str) -> None:
    for part, count in (("train", 4), ("valid", 2), ("test", 2)):
        root = folder / "Haze1k" / f"Haze1k_{level}" / part
        for number in range(1, count + 1):
            _pair(root / "input" / f" ({number}).png", root / "target" / f" ({number}).png", number)


def _rrshid(folder: Path, level: str) -> None:
    truths = {"train": "gt", "val": "GT"} if level == "thin" else {"train": "clear", "val": "clear"}
    for part, numbers in (("train", range(2, 600, 80)), ("val", (40, 3012))):
        root = folder / "RRSHID" / f"{level}_fog" / part
        for number in numbers:
            _pair(root / "hazy" / f"{number}.png", root / truths[part] / f"{number}.png", number)


def _rsid(folder: Path) -> None:
    root = folder / "RSID"
    for number in range(1, 600, 40):
        _pair(root / "hazy" / f"{number}.png", root / "GT" / f"{number}.png", number)


def _dhid(folder: Path, name: str) -> None:
    for part, places in (("TrainingSet", range(1, 12)), ("TestingSet/Test", (1492, 1493))):
        root = folder / name / part
        for place in places:
            clear = land(3, seed=place)
            picture(root / "clear" / f"{place}.jpg", clear)
            for number in (1, 10):
                picture(root / "hazy" / f"{place}_{number}_t{place // 3}_0.{70 + number}25.jpg", hazy(clear))


MAKERS = {
    "cuhk-cr1": partial(_cuhk, name="CUHK-CR1", infrared=False),
    "cuhk-cr2": partial(_cuhk, name="CUHK-CR2", infrared=True),
    "cuhk-cr1-nir": partial(_cuhk, name="CUHK-CR1", infrared=True),
    "cuhk-cr2-nir": partial(_cuhk, name="CUHK-CR2", infrared=True),
    "rice1": partial(_rice, name="RICE1"),
    "rice2": partial(_rice, name="RICE2"),
    **{f"haze1k-{level}": partial(_haze1k, level=level) for level in ("thin", "moderate", "thick")},
    **{f"rrshid-{level}": partial(_rrshid, level=level) for level in ("thin", "moderate", "thick")},
    "rsid": _rsid,
    "dhid": partial(_dhid, name="DHID"),
    "lhid": partial(_dhid, name="LHID"),
}
