"""Sentinel-2 Level-1C and Level-2A products (.SAFE), as the Products Specification Document has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from xml.etree import ElementTree

from llars.errors import RasterError
from llars.scene.products.contents import Contents
from llars.scene.products.product import GridProduct, Layer
from llars.sensors import get_sensor

__all__ = ["IMAGES", "read_sentinel2"]

IMAGES = r"_(?P<band>B(?:0[1-9]|1[0-2]|8A))(?:_(?P<gsd>\d\d)m)?\.jp2$"
"""Names of the images of bands; those of Level-1C do not say their pixel size."""

METADATA = r"(^|/)(MTD_MSI|S2[A-D]_\w+_MTD_SAF)(?P<level>L\w\w)[^/]*\.xml$"
REMEDY = "fetch the product again"


def read_sentinel2(contents: Contents) -> GridProduct | None:
    """The product, with its grids ``10m``, ``20m`` and ``60m``; None where ``contents`` is not one.

    Raises:
        RasterError: its metadata are missing or damaged, it has several granules, or is of another level.
    """
    images, metadata = contents.matching(IMAGES), contents.matching(METADATA)
    root = contents.root
    if not images and not metadata:
        return None
    if not metadata:
        raise RasterError(
            f"{root} holds {len(images)} Sentinel-2 images but no MTD_MSIL1C.xml or MTD_MSIL2A.xml, which says what "
            f"their numbers mean; {REMEDY}, or give one of the .jp2 files"
        )
    if len(metadata) > 1:
        raise RasterError(f"{root} holds {len(metadata)} Sentinel-2 products ({', '.join(metadata)}); give one of them")
    name, match = next(iter(metadata.items()))
    level = match["level"].upper()
    if level not in ("L1C", "L2A"):
        raise RasterError(f"{root} is a Sentinel-2 {level} product; llars opens Level-1C and Level-2A")
    granules = {image.rpartition("IMG_DATA")[0] for image in images}
    if len(granules) > 1:
        raise RasterError(f"{root} holds {len(granules)} granules ({', '.join(sorted(granules))}); give one of them")
    facts = _facts(contents, name)
    sensor = f"sentinel2-{level.lower()}"
    product = {"L1C": "Sentinel-2 Level-1C", "L2A": "Sentinel-2 Level-2A"}[level]
    tags = {"PROCESSING_BASELINE": facts.get("PROCESSING_BASELINE", ""), "PRODUCT_URI": facts.get("PRODUCT_URI", "")}
    return GridProduct(
        contents,
        product,
        sensor,
        _layers(contents, sensor, facts),
        REMEDY,
        {key: text for key, text in {**tags, **_time(facts)}.items() if text},
    )


def _facts(contents: Contents, name: str) -> dict[str, str]:
    """Texts of the metadata by tag; texts of offsets by tag and band number."""
    try:
        document = ElementTree.fromstring(contents.text(name))
    except ElementTree.ParseError:
        raise RasterError(f"{contents.root}: {name} is no XML; {REMEDY}") from None
    facts: dict[str, str] = {}
    for element in document.iter():
        tag, text = element.tag.rpartition("}")[2], (element.text or "").strip()
        facts[f"{tag}_{element.get('band_id')}" if tag.endswith("ADD_OFFSET") else tag] = text
    return facts


def _layers(contents: Contents, sensor: str, facts: Mapping[str, str]) -> dict[str, tuple[Layer, ...]]:
    prefix, quantification = ("BOA", "BOA_QUANTIFICATION_VALUE")
    if sensor == "sentinel2-l1c":
        prefix, quantification = "RADIO", "QUANTIFICATION_VALUE"
    try:
        scale = 1.0 / float(facts[quantification])
        # Processing baselines before 04.00 have none.
        offsets = [scale * float(facts.get(f"{prefix}_ADD_OFFSET_{number}") or 0.0) for number in range(13)]
    except (KeyError, ValueError, ZeroDivisionError):
        raise RasterError(f"{contents.root}: its metadata have no {quantification}; {REMEDY}") from None
    files = {(match["band"].upper(), match["gsd"]): name for name, match in contents.matching(IMAGES).items()}
    numbers = {band.name: number for number, band in enumerate(get_sensor("sentinel2-l1c").bands)}
    layers: dict[str, list[Layer]] = {"10m": [], "20m": [], "60m": []}
    for band in get_sensor(sensor).bands:
        gsd = f"{band.gsd_m:.0f}"
        file = files.get((band.name, gsd if sensor == "sentinel2-l2a" else None))
        layers[f"{gsd}m"].append(Layer(band.name, file, scale, offsets[numbers[band.name]]))
    return {grid: tuple(some) for grid, some in layers.items()}


def _time(facts: Mapping[str, str]) -> dict[str, str]:
    try:
        taken = datetime.fromisoformat(facts["PRODUCT_START_TIME"])
    except (KeyError, ValueError):
        return {}
    return {"TIFFTAG_DATETIME": f"{taken:%Y:%m:%d %H:%M:%S}"}
