"""Sentinel-1 GRD products (.SAFE): amplitudes, calibrated to sigma nought in decibels while they are read.

Sigma nought is (number / A)^2 with A from the look-up table ``sigmaNought`` of the product's calibration file,
interpolated between its nodes (Sentinel-1 Product Specification). Thermal noise is not subtracted, and the geometry
stays the radar's, with ground control points.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from llars.errors import RasterError
from llars.scene.products.contents import Contents
from llars.scene.products.product import VirtualRaster, check_sizes, header, opened, source, subelement, virtual

__all__ = ["IMAGES", "read_sentinel1"]

IMAGES = r"(^|/)measurement/s1[a-d]-(?P<mode>\w\w\d?)-(?P<kind>grd|slc)-(?P<band>vv|vh|hh|hv)-(?P<rest>[^/]+)\.tiff?$"
CELL = 40
"""Spacing in pixels of the nodes at which the calibration is stored: the same as in the products."""

REMEDY = "fetch the product again"


def read_sentinel1(contents: Contents) -> RadarProduct | None:
    """The product; None where ``contents`` is not one.

    Raises:
        RasterError: it is no GRD, its images are missing, or there are several products.
    """
    images = contents.matching(IMAGES)
    if not images:
        if contents.matching(r"(^|/)annotation/calibration/calibration-s1"):
            raise RasterError(f"{contents.root} is a Sentinel-1 product without measurement/*.tiff; {REMEDY}")
        return None
    if any(match["kind"].lower() == "slc" for match in images.values()):
        raise RasterError(
            f"{contents.root} is single-look complex radar (SLC); llars opens ground-range detected products (GRD): "
            "fetch that, or convert it to terrain-corrected backscatter (SNAP, pyroSAR)"
        )
    files = {match["band"].upper(): name for name, match in images.items()}
    if len(files) < len(images):
        raise RasterError(f"{contents.root} holds {len(images)} Sentinel-1 images, several of one polarisation")
    return RadarProduct(contents, tuple((band, files[band]) for band in ("VV", "VH", "HH", "HV") if band in files))


@dataclass(frozen=True)
class RadarProduct:
    """One Sentinel-1 GRD product."""

    contents: Contents
    images: tuple[tuple[str, str], ...]
    """Polarisation and file."""

    @property
    def grids(self) -> Sequence[str]:
        """See ``Product``."""
        return ("grd",)

    @property
    def bands(self) -> Sequence[str]:
        """See ``Product``."""
        return tuple(band for band, _ in self.images)

    def notes(self, wanted: str) -> tuple[str, ...]:
        """See ``Product``."""
        bands = " and ".join(band for band, _ in self._images(wanted))
        return (
            f"Sentinel-1 GRD: {bands} calibrated to sigma nought in dB; not terrain-corrected, thermal noise not "
            "subtracted",
        )

    def raster(self, wanted: str) -> str:
        """See ``Product``."""
        images = self._images(wanted)
        names = [name for _, name in images]
        check_sizes(self.contents, names)
        headers = [header(self.contents, name) for name in names]
        size = (headers[0].width, headers[0].height)
        if any((one.width, one.height) != size for one in headers):
            raise RasterError(f"{self.contents.root}: its polarisations differ in size; {REMEDY}")
        document = virtual(*size, {"SENSOR": "sentinel1-grd-db", **self._time()})
        points, crs = self._points(names[0])
        listed = subelement(document, "GCPList", Projection=crs)
        for at, point in enumerate(points, start=1):
            place = {"Pixel": point.col, "Line": point.row, "X": point.x, "Y": point.y, "Z": point.z or 0.0}
            subelement(listed, "GCP", Id=str(at), **{key: repr(float(number)) for key, number in place.items()})
        gains = [_gain(self.contents, self._calibration(name), size) for name in names]
        memory = [_in_memory(gain) for gain in gains]
        for at, ((band, name), gain) in enumerate(zip(images, memory, strict=True), start=1):
            ratio = virtual(*size, {})
            divided = _derived(ratio, 1, "div")
            divided.append(_without_zeros(self.contents.place(name), size))
            divided.append(_over_cells(gain.name, size))
            decibels = _derived(document, at, "dB", band)
            decibels.append(source(ElementTree.tostring(ratio, encoding="unicode"), size))
        return VirtualRaster(document, memory)

    def _images(self, wanted: str) -> list[tuple[str, str]]:
        return [image for image in self.images if wanted == "grd" or image[0] in wanted.split(",")]

    def _calibration(self, name: str) -> str:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        file = self.contents.first(rf"(^|/)annotation/calibration/calibration-{stem}\.xml$")
        if file is None:
            raise RasterError(
                f"{self.contents.root} lacks annotation/calibration/calibration-{stem}.xml, without which the numbers "
                f"of {name} have no scale; {REMEDY}"
            )
        return file

    def _points(self, name: str) -> tuple[list[GroundControlPoint], str]:
        try:
            with opened(self.contents.place(name)) as file:
                points, crs = file.gcps
        except RasterioError as fault:
            raise RasterError(f"{self.contents.root}: {name} cannot be read ({fault}); {REMEDY}") from None
        return points, "" if crs is None else crs.to_wkt()

    def _time(self) -> Mapping[str, str]:
        stamps = self.images[0][1].rpartition("/")[2].split("-")[4:5]
        try:
            return {"TIFFTAG_DATETIME": f"{datetime.strptime(stamps[0].upper(), '%Y%m%dT%H%M%S'):%Y:%m:%d %H:%M:%S}"}
        except (IndexError, ValueError):
            return {}


def _derived(document: ElementTree.Element, number: int, function: str, name: str | None = None) -> ElementTree.Element:
    band = subelement(document, "VRTRasterBand", dataType="Float32", band=str(number), subClass="VRTDerivedRasterBand")
    if name is not None:
        subelement(band, "Description", name)
    subelement(band, "NoDataValue", "nan")
    subelement(band, "PixelFunctionType", function)
    subelement(band, "SourceTransferType", "Float32")
    return band


def _without_zeros(file: str, size: tuple[int, int]) -> ElementTree.Element:
    """The numbers of an image, with 0 as nodata."""
    numbers = source(file, size, "ComplexSource")
    subelement(numbers, "NODATA", "0")
    return numbers


def _over_cells(file: str, size: tuple[int, int]) -> ElementTree.Element:
    """Interpolate a raster of one pixel per cell, with one more cell on every side, over the image (bilinear)."""
    cells = source(file, size)
    cells.set("resampling", "bilinear")
    part = cells.find("SrcRect")
    assert part is not None
    part.attrib |= {"xOff": "1", "yOff": "1", "xSize": repr(size[0] / CELL), "ySize": repr(size[1] / CELL)}
    return cells


def _gain(contents: Contents, name: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """A at the centres of cells, ``(y, x)``."""
    lines, pixels, values = _table(contents, name)
    columns, rows = (np.asarray((np.arange(-1, -(-n // CELL) + 1) + 0.5) * CELL - 0.5, np.float64) for n in size)
    across = np.stack([_between(columns, at, row) for at, row in zip(pixels, values, strict=True)])
    return np.stack([_between(rows, lines, column) for column in across.T], axis=1).astype(np.float32)


def _in_memory(values: NDArray[np.float32]) -> MemoryFile:
    """A raster of one band ``(y, x)`` in GDAL's memory."""
    memory = MemoryFile(ext=".tif")
    height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver="GTiff", count=1, dtype="float32", width=width, height=height) as target:
            target.write(values, 1)
    return memory


def _between(
    places: NDArray[np.float64], nodes: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Linear interpolation between nodes, and extrapolation of the first and last segment beyond them."""
    inner = np.interp(places, nodes, values)
    if len(nodes) > 1:
        slopes = np.diff(values)[[0, -1]] / np.diff(nodes)[[0, -1]]
        inner += slopes[0] * np.minimum(places - nodes[0], 0) + slopes[1] * np.maximum(places - nodes[-1], 0)
    return np.asarray(inner)


def _table(
    contents: Contents, name: str
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """The look-up table: its lines, and for each of them the pixels and the values of A there."""
    try:
        vectors = list(ElementTree.fromstring(contents.text(name)).iter("calibrationVector"))
        lines = np.array([float(one.findtext("line", "")) for one in vectors])
        pixels = [np.array(one.findtext("pixel", "").split(), dtype=np.float64) for one in vectors]
        values = [np.array(one.findtext("sigmaNought", "").split(), dtype=np.float64) for one in vectors]
    except (ValueError, ElementTree.ParseError):
        raise RasterError(f"{contents.root}: {name} is damaged; {REMEDY}") from None
    whole = len(lines) > 0 and all(len(a) == len(b) > 0 and b.min() > 0 for a, b in zip(pixels, values, strict=True))
    if not whole:
        raise RasterError(f"{contents.root}: {name} holds no whole table sigmaNought; {REMEDY}")
    return lines, pixels, values
