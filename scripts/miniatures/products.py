"""Miniature products of Sentinel and Landsat in their providers' layouts: true folders, names and metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import from_origin

from miniatures.writing import land

MSI = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
    "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
"""Pixel size of each band in metres, in the order of the bands' numbers in the metadata."""

TILE, START, UTM = "T33UVP", "20220801T100031", "EPSG:32633"
LANDSAT = "LC08_L1TP_193029_20210801_20210810_02_T1"
SURFACE = LANDSAT.replace("L1TP", "L2SP")
RADAR = "S1A_IW_GRDH_1SDV_20220801T052351_20220801T052416_044346_054ACA_1D2C.SAFE"
SUN_ELEVATION = 58.5


def reflectance(bands: int, side: int, seed: int = 0) -> np.ndarray:
    """A synthetic landscape ``(band, y, x)`` with reflectances between 0.05 and 0.45."""
    return 0.5 * land(bands, side, seed)


def raster(path: Path, values: np.ndarray, gsd: float, driver: str = "GTiff", **options: object) -> None:
    """Writes ``values`` ``(y, x)`` as a georeferenced raster of one band."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {"crs": UTM, "transform": from_origin(600_000, 5_400_000, gsd, gsd), **options}
    height, width = values.shape
    with rasterio.open(
        path, "w", driver=driver, count=1, height=height, width=width, dtype=values.dtype, **place
    ) as target:
        target.write(values, 1)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)


def sentinel2(folder: Path, level: str = "L2A", offset: int = -1000, side: int = 192) -> Path:
    """A Sentinel-2 product with an ``offset`` as since processing baseline 04.00; ``side`` in pixels of 10 m."""
    baseline = "N0400" if offset else "N0209"
    safe = folder / f"S2A_MSI{level}_{START}_{baseline}_R122_{TILE}_20220801T134102.SAFE"
    granule = f"GRANULE/{level}_{TILE}_A037123_{START}"
    numbers = [name for name in MSI if not (level == "L2A" and name == "B10")]
    for number, name in enumerate(numbers):
        gsd = MSI[name]
        fine = reflectance(len(numbers), side)[number]
        block = gsd // 10
        coarse = fine.reshape(side // block, block, side // block, block).mean((1, 3))
        values = np.round(coarse * 10_000 - offset).astype(np.uint16)
        values[: 60 // gsd, : 60 // gsd] = 0
        where = f"R{gsd}m/" if level == "L2A" else ""
        end = f"_{gsd}m" if level == "L2A" else ""
        image = safe / granule / "IMG_DATA" / f"{where}{TILE}_{START}_{name}{end}.jp2"
        raster(image, values, gsd, "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    (safe / f"MTD_MSI{level}.xml").write_text(_metadata(level, safe.name, offset))
    (safe / granule / "MTD_TL.xml").write_text("<tile/>")
    _manifest(safe)
    return safe


def _metadata(level: str, name: str, offset: int) -> str:
    quantification, prefix = (
        ("BOA_QUANTIFICATION_VALUE", "BOA") if level == "L2A" else ("QUANTIFICATION_VALUE", "RADIO")
    )
    values = f'<{quantification} unit="none">10000</{quantification}>'
    offsets = "".join(f'<{prefix}_ADD_OFFSET band_id="{at}">{offset}</{prefix}_ADD_OFFSET>' for at in range(13))
    listed = {"BOA": "BOA_ADD_OFFSET_VALUES_LIST", "RADIO": "Radiometric_Offset_List"}[prefix]
    if level == "L2A":
        values = f"<QUANTIFICATION_VALUES_LIST>{values}</QUANTIFICATION_VALUES_LIST>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><n1:Level-{level[1:]}_User_Product '
        f'xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level[1:]}.xsd"><n1:General_Info>'
        "<Product_Info><PRODUCT_START_TIME>2022-08-01T10:00:31.024Z</PRODUCT_START_TIME>"
        f"<PRODUCT_URI>{name}</PRODUCT_URI><PROCESSING_LEVEL>Level-{level[1:]}</PROCESSING_LEVEL>"
        f"<PROCESSING_BASELINE>{'04.00' if offset else '02.09'}</PROCESSING_BASELINE></Product_Info>"
        f"<Product_Image_Characteristics>{values}{f'<{listed}>{offsets}</{listed}>' if offset else ''}"
        "</Product_Image_Characteristics></n1:General_Info>"
        f"</n1:Level-{level[1:]}_User_Product>"
    )


def _manifest(safe: Path) -> None:
    """Writes ``manifest.safe`` with the size of every file."""
    root = ElementTree.Element("{urn:ccsds:schema:xfdu:1}XFDU")
    objects = ElementTree.SubElement(root, "dataObjectSection")
    for file in sorted(path for path in safe.rglob("*") if path.is_file()):
        stream = ElementTree.SubElement(ElementTree.SubElement(objects, "dataObject"), "byteStream")
        stream.set("size", str(file.stat().st_size))
        place = ElementTree.SubElement(stream, "fileLocation")
        place.set("href", f"./{file.relative_to(safe).as_posix()}")
    ElementTree.ElementTree(root).write(safe / "manifest.safe")


def landsat(folder: Path, level: int = 1, form: str = "txt", side: int = 96) -> Path:
    """A Landsat 8 Collection 2 product with an MTL file in the format ``form`` (txt, json, xml); its corner is fill."""
    scene = LANDSAT if level == 1 else SURFACE
    product = folder / scene
    numbers, prefix = ([1, 2, 3, 4, 5, 6, 7, 9], "") if level == 1 else (range(1, 8), "SR_")
    scale, offset = (2e-5, -0.1) if level == 1 else (2.75e-5, -0.2)
    values = reflectance(8, 2 * side)
    for at, number in enumerate(numbers):
        coarse = values[at].reshape(side, 2, side, 2).mean((1, 3))
        stored = np.round((coarse - offset) / scale).astype(np.uint16)
        # The edges of the bands differ; the quality flags follow the innermost.
        stored[:4, : 4 + number % 2] = 0
        raster(product / f"{scene}_{prefix}B{number}.TIF", stored, 30, nodata=0)
    if level == 1:
        pan = np.round((values[1:4].mean(0) - offset) / scale).astype(np.uint16)
        raster(product / f"{scene}_B8.TIF", pan, 15, nodata=0)
        raster(product / f"{scene}_B10.TIF", np.full((side, side), 24_000, np.uint16), 30)
    flags = np.full((side, side), 21824, np.uint16)
    flags[:5, :5] = 1
    raster(product / f"{scene}_QA_PIXEL.TIF", flags, 30)
    (product / f"{scene}_MTL.{form}").write_text(_mtl(level, form))
    return product


def _mtl(level: int, form: str) -> str:
    bands = [*range(1, 10)] if level == 1 else [*range(1, 8)]
    first = {f"REFLECTANCE_{what}_BAND_{at}": text for what, text in _RESCALING for at in range(1, 10)}
    groups: dict[str, Mapping[str, str]] = {
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": "LANDSAT_8",
            "DATE_ACQUIRED": "2021-08-01",
            "SCENE_CENTER_TIME": "10:03:45.1234567Z",
            "SUN_ELEVATION": str(SUN_ELEVATION),
        }
    }
    if level == 2:
        surface = (("MULT", "2.75e-05"), ("ADD", "-0.2"))
        groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = {
            f"REFLECTANCE_{what}_BAND_{at}": text for what, text in surface for at in bands
        }
    groups["LEVEL1_RADIOMETRIC_RESCALING"] = first
    if form == "json":
        return json.dumps({"LANDSAT_METADATA_FILE": groups})
    if form == "xml":
        inner = "".join(
            f"<{name}>{''.join(f'<{key}>{text}</{key}>' for key, text in group.items())}</{name}>"
            for name, group in groups.items()
        )
        return f"<LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>"
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for name, group in groups.items():
        quoted = (
            f'    {key} = "{text}"' if key.endswith(("ID", "TIME")) else f"    {key} = {text}"
            for key, text in group.items()
        )
        lines += [f"  GROUP = {name}", *quoted, f"  END_GROUP = {name}"]
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


_RESCALING = (("MULT", "2.0000E-05"), ("ADD", "-0.100000"))


def sentinel1(folder: Path, height: int = 150, width: int = 170) -> Path:
    """A Sentinel-1 IW GRD product of VV and VH in radar geometry; the mean sigma nought of VV is -10 dB."""
    safe = folder / RADAR
    rng = np.random.default_rng(0)
    points = [
        GroundControlPoint(row, column, 11.0 + column * 1e-4, 48.0 - row * 1e-4, 0.0)
        for row in (0, height / 2, height)
        for column in (0, width / 2, width)
    ]
    for at, (polarisation, power) in enumerate((("vv", 0.1), ("vh", 0.02)), start=1):
        stem = f"s1a-iw-grd-{polarisation}-20220801t052351-20220801t052416-044346-054aca-{at:03d}"
        gain = calibration(np.arange(height)[:, None], np.arange(width)[None])
        speckle = power * rng.gamma(4.4, 1 / 4.4, (height, width))
        amplitude = np.maximum(np.round(np.sqrt(speckle) * gain), 1).astype(np.uint16)
        amplitude[:, :6] = 0
        options = {"crs": "EPSG:4326", "gcps": points, "transform": None}
        raster(safe / "measurement" / f"{stem}.tiff", amplitude, 10, **options)
        table = safe / "annotation" / "calibration" / f"calibration-{stem}.xml"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(_table(height, width))
        (safe / "annotation" / f"{stem}.xml").write_text("<product/>")
    _manifest(safe)
    return safe


def calibration(line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """The calibration look-up table of sigma nought: a plane, so that linear interpolation is exact."""
    return 480.0 + 0.1 * line - 0.2 * pixel


def _table(height: int, width: int) -> str:
    pixels = [*range(0, width - 1, 40), width - 1]
    vectors = ""
    # The first vector lies before the first line, the last one after the last line.
    for line in (-30, 20, 70, 120, height + 25):
        values = " ".join(f"{calibration(np.float64(line), np.float64(pixel)):.6e}" for pixel in pixels)
        vectors += (
            f"<calibrationVector><line>{line}</line><pixel count='{len(pixels)}'>{' '.join(map(str, pixels))}</pixel>"
            f"<sigmaNought count='{len(pixels)}'>{values}</sigmaNought></calibrationVector>"
        )
    return f"<calibration><calibrationVectorList count='5'>{vectors}</calibrationVectorList></calibration>"


def make(folder: Path) -> None:
    """Makes one product of each kind."""
    for level in ("L1C", "L2A"):
        sentinel2(folder, level)
    for number in (1, 2):
        landsat(folder, number)
    sentinel1(folder)
