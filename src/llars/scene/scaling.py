"""Scale and offset of products whose files carry none: from the product's metadata, else from the sensor."""

from pathlib import Path
from xml.etree import ElementTree

from llars.scene.identify import Evidence, Match

__all__ = ["default_scaling", "product_metadata"]


def product_metadata(name: str) -> dict[str, str]:
    """Offset and quantification from the metadata file of the Sentinel-2 product that an image lies in."""
    for folder in list(Path(name).parents)[:5]:
        for file in sorted(folder.glob("MTD_MSIL*.xml")) if folder.suffix == ".SAFE" else ():
            wanted = ("ADD_OFFSET", "QUANTIFICATION_VALUE", "PRODUCT_TYPE", "PROCESSING_BASELINE")
            try:
                elements = list(ElementTree.parse(file).iter())
            except ElementTree.ParseError:
                return {}
            found = {e.tag.split("}")[-1]: e.text or "" for e in elements}
            return {tag: text for tag, text in found.items() if tag.endswith(wanted)}
    return {}


def default_scaling(
    match: Match, evidence: Evidence, band_tags: list[dict[str, str]]
) -> tuple[list[tuple[float, float]], list[str]]:
    """Scale and offset per band where the file has none of its own, and notes for the user about them."""
    sensor = match.sensor
    if sensor is None or evidence.dtype.startswith("float"):
        return [(1.0, 0.0)] * len(band_tags), []
    own, unknown = [], False
    for tags, band in zip(band_tags, match.bands, strict=True):
        merged = {**(evidence.tags or {}), **tags}
        quantification = _number(merged, ("BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE"))
        scale = sensor.scale if quantification is None else 1.0 / quantification
        keys = [f"{key}{end}" for key in ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET") for end in (f"_{band.name}", "")]
        shift = _number(merged, keys) if sensor.name.startswith("sentinel2") else None
        unknown |= shift is None
        own.append((scale, sensor.offset if shift is None else shift * scale))
    note = (
        "no scale and offset in the file: reflectance = number x 0.0001; for processing baseline 04.00 or later "
        "it is number x 0.0001 - 0.1 (gdal_edit.py -scale 0.0001 -offset -0.1 FILE)"
    )
    return own, [note] if unknown and sensor.name in ("sentinel2-l2a", "sentinel2-l1c") else []


def _number(tags: dict[str, str], keys: list[str] | tuple[str, ...]) -> float | None:
    for key in keys:
        try:
            return float(tags[key])
        except (KeyError, ValueError):
            continue
    return None
