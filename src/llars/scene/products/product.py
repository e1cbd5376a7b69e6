"""Products of several files as one virtual raster (GDAL's VRT): nothing is copied, pixels are read on demand."""

from __future__ import annotations

import re
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree import ElementTree

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import Affine

from llars.errors import RasterError
from llars.scene.products.contents import Contents

__all__ = [
    "GridProduct",
    "Header",
    "Layer",
    "Product",
    "VirtualRaster",
    "check_sizes",
    "gdal_type",
    "header",
    "number_bands",
    "opened",
    "source",
    "subelement",
    "virtual",
]


class Product(Protocol):
    """A product, as distributed by a data provider."""

    @property
    def grids(self) -> Sequence[str]:
        """Names of the grids that its bands lie on; the first is the one that is opened by default."""

    @property
    def bands(self) -> Sequence[str]:
        """Names of the bands, grid by grid."""

    def raster(self, wanted: str) -> str:
        """The bands of one grid, or those named with commas between them, as the text of a VRT.

        Raises:
            RasterError: a file is missing or damaged.
        """

    def notes(self, wanted: str) -> tuple[str, ...]:
        """Sentences that the user should read."""


@dataclass(frozen=True)
class Layer:
    """One band of a product."""

    band: str
    """Name that the sensor gives to it."""

    name: str | None
    """Name of its file in the product; None where it is missing."""

    scale: float
    """Physical value = number * scale + offset."""

    offset: float


@dataclass(frozen=True)
class Header:
    """Grid and data type of a file."""

    width: int
    height: int
    dtype: str
    crs: str
    transform: Affine


@dataclass(frozen=True)
class GridProduct:
    """A product of optical bands, each in a file of its own, on one or several grids."""

    contents: Contents
    title: str
    sensor: str
    layers: Mapping[str, tuple[Layer, ...]]
    """Layers by name of their grid."""

    remedy: str
    """What the user can do about a missing band."""

    tags: Mapping[str, str] = field(default_factory=dict)
    fill: tuple[str, str] | None = None
    """Grid and file of quality flags, which are 1 where a pixel has no data."""

    remarks: tuple[str, ...] = ()

    @property
    def grids(self) -> Sequence[str]:
        """See ``Product``."""
        return tuple(self.layers)

    @property
    def bands(self) -> Sequence[str]:
        """See ``Product``."""
        return tuple(layer.band for layers in self.layers.values() for layer in layers)

    def notes(self, wanted: str) -> tuple[str, ...]:
        """See ``Product``; also names the grids that were not opened."""
        others = [name for name in self.layers if name != wanted and any(layer.name for layer in self.layers[name])]
        if wanted != self.grids[0] or not others:
            return self.remarks
        aside = "; ".join(
            f":{name} ({', '.join(layer.band for layer in self.layers[name] if layer.name)})" for name in others
        )
        return (*self.remarks, f"{self.title}: these are its bands of {wanted}; behind its name, other grids: {aside}")

    def raster(self, wanted: str) -> str:
        """See ``Product``."""
        layers, root = self._layers(wanted), self.contents.root
        missing = [layer.band for layer in layers if layer.name is None]
        if missing:
            others = [f"{root}:{name}" for name, some in self.layers.items() if all(layer.name for layer in some)]
            instead = f", or open {' or '.join(others)}" if others else ""
            raise RasterError(f"{root} ({self.title}) lacks {', '.join(missing)} of {wanted}; {self.remedy}{instead}")
        names = [layer.name for layer in layers if layer.name is not None]
        check_sizes(self.contents, names)
        headers = [header(self.contents, name) for name in names]
        first = headers[0]
        for name, one in zip(names, headers, strict=True):
            if (one.width, one.height, one.transform) != (first.width, first.height, first.transform):
                raise RasterError(
                    f"{root}: {name} has {one.width} x {one.height} px on a grid of its own, expected "
                    f"{first.width} x {first.height} px like {names[0]}; fetch the product again"
                )
        document = virtual(first.width, first.height, {"SENSOR": self.sensor, **self.tags}, first.crs, first.transform)
        for layer, name, one in zip(layers, names, headers, strict=True):
            band = subelement(document, "VRTRasterBand", dataType=gdal_type(one.dtype))
            for tag, text in (("Description", layer.band), ("NoDataValue", "0")):
                subelement(band, tag, text)
            subelement(band, "Scale", repr(layer.scale))
            subelement(band, "Offset", repr(layer.offset))
            band.append(source(self.contents.place(name), (one.width, one.height)))
        if self.fill is not None and layers[0] in self.layers[self.fill[0]]:
            _mask(document, self.contents.place(self.fill[1]), (first.width, first.height))
        number_bands(document)
        return ElementTree.tostring(document, encoding="unicode")

    def _layers(self, wanted: str) -> tuple[Layer, ...]:
        if wanted in self.layers:
            return self.layers[wanted]
        every = {layer.band: (layer, name) for name, layers in self.layers.items() for layer in layers}
        chosen = {band: every[band] for band in wanted.split(",")}
        by_grid: dict[str, list[str]] = {}
        for band, (_, name) in chosen.items():
            by_grid.setdefault(name, []).append(band)
        if len(by_grid) > 1:
            found = " and ".join(f"{','.join(bands)} of {name}" for name, bands in by_grid.items())
            apart = " and ".join(f"{self.contents.root}:{','.join(bands)}" for bands in by_grid.values())
            raise RasterError(
                f"{self.contents.root}:{wanted} are bands of {len(by_grid)} grids ({found}), expected those of one: "
                f"open {apart}"
            )
        return tuple(layer for layer, _ in chosen.values())


def _mask(document: ElementTree.Element, file: str, size: tuple[int, int]) -> None:
    """Mask the pixels whose quality flags are 1."""
    band = subelement(subelement(document, "MaskBand"), "VRTRasterBand", dataType="Byte")
    flags = source(file, size, "ComplexSource")
    subelement(flags, "LUT", "0:255,0.99:255,1:0,1.01:255,65535:255")
    band.append(flags)


def number_bands(document: ElementTree.Element) -> None:
    """Give the bands of a VRT their numbers."""
    for number, band in enumerate(document.findall("VRTRasterBand"), start=1):
        band.set("band", str(number))


class VirtualRaster(str):
    """The text of a VRT, and the files in GDAL's memory that it reads: they are closed when nobody has it any more."""

    def __new__(cls, document: ElementTree.Element, memory: Sequence[MemoryFile]) -> VirtualRaster:
        """``memory`` lasts as long as this very object, not its copies."""
        text = super().__new__(cls, ElementTree.tostring(document, encoding="unicode"))
        for file in memory:
            # rasterio leaves a file in memory when its object goes.
            weakref.finalize(text, file.close).atexit = False
        return text


@contextmanager
def opened(name: str) -> Iterator[DatasetReader]:
    """Open a raster, without a warning where it has no georeference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        dataset = rasterio.open(name)
    with dataset:
        yield dataset


def header(contents: Contents, name: str) -> Header:
    """The grid of a file.

    Raises:
        RasterError: it cannot be opened.
    """
    try:
        with opened(contents.place(name)) as file:
            crs = "" if file.crs is None else file.crs.to_wkt()
            return Header(file.width, file.height, file.dtypes[0], crs, file.transform)
    except RasterioError:
        raise RasterError(
            f"{contents.root}: {name} ({contents.size(name)} bytes) cannot be opened, it is truncated or damaged; "
            "fetch the product again"
        ) from None


def check_sizes(contents: Contents, names: Sequence[str]) -> None:
    """Compare the sizes of files with the manifest of a .SAFE.

    Raises:
        RasterError: one has another size.
    """
    manifest = contents.first(r"(^|/)manifest\.safe$")
    if manifest is None:
        return
    base = manifest[: -len("manifest.safe")]
    try:
        root = ElementTree.fromstring(contents.text(manifest))
    except ElementTree.ParseError:
        raise RasterError(f"{contents.root}: {manifest} is no XML; fetch the product again") from None
    for stream in root.iter("byteStream"):
        place, size = stream.find("fileLocation"), stream.get("size", "")
        name = "" if place is None else base + re.sub(r"^\./", "", place.get("href", ""))
        if name in names and size.isdigit() and int(size) != contents.size(name):
            raise RasterError(
                f"{contents.root}: {name} has {contents.size(name)} bytes, expected {size} by the manifest; "
                "fetch the product again"
            )


def virtual(
    width: int, height: int, tags: Mapping[str, str], crs: str = "", transform: Affine | None = None
) -> ElementTree.Element:
    """A VRT that has no bands yet."""
    document = ElementTree.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if crs:
        subelement(document, "SRS", crs)
    if transform is not None:
        subelement(document, "GeoTransform", ", ".join(repr(float(number)) for number in transform.to_gdal()))
    metadata = subelement(document, "Metadata")
    for key, text in tags.items():
        subelement(metadata, "MDI", text, key=key)
    return document


def source(file: str, size: tuple[int, int], kind: str = "SimpleSource", band: int = 1) -> ElementTree.Element:
    """A source of a VRT band: a band of ``file``, which has ``size`` (width, height), over the whole raster."""
    element = ElementTree.Element(kind)
    # Not shared: otherwise readers in several threads would get the same handle.
    subelement(element, "SourceFilename", file, relativeToVRT="0", shared="0")
    subelement(element, "SourceBand", str(band))
    for tag in ("SrcRect", "DstRect"):
        subelement(element, tag, xOff="0", yOff="0", xSize=str(size[0]), ySize=str(size[1]))
    return element


def subelement(
    parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    """A new element in ``parent``."""
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text
    return element


def gdal_type(dtype: str) -> str:
    """GDAL's name of a NumPy type."""
    return {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}.get(dtype, "Float64")
