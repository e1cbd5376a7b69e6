"""VRTs made from bands of other rasters: several bands stacked, or one weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from rasterio.transform import Affine

from llars.scene.products.product import gdal_type, number_bands, opened, source, subelement, virtual

__all__ = ["stacked", "weighted"]


def stacked(members: Sequence[tuple[str, int]]) -> str:
    """Bands of rasters on one grid, stacked as one VRT, with names, scales and offsets, and the tags of the first.

    Args:
        members: for each band, the name that GDAL opens, and the band's number from 1.
    """
    document: ElementTree.Element | None = None
    for name, number in members:
        with opened(name) as file:
            size = (file.width, file.height)
            if document is None:
                document = virtual(*size, file.tags(), file.crs.to_wkt() if file.crs else "", file.transform)
            at = number - 1
            band = subelement(document, "VRTRasterBand", dataType=gdal_type(file.dtypes[at]))
            subelement(band, "Description", file.descriptions[at] or "")
            if file.nodatavals[at] is not None:
                subelement(band, "NoDataValue", repr(file.nodatavals[at]))
            subelement(band, "Scale", repr(file.scales[at]))
            subelement(band, "Offset", repr(file.offsets[at]))
            band.append(source(name, size, band=number))
    assert document is not None
    number_bands(document)
    return ElementTree.tostring(document, encoding="unicode")


def weighted(name: str, weights: Sequence[float], constant: float, factor: int = 1) -> str:
    """A VRT of one band: the weighted sum of the physical values of a raster's bands, plus a ``constant``.

    Args:
        name: of a raster that GDAL opens; its scales and offsets are applied, and its nodata pixels stay nodata.
        weights: one per band.
        constant: in physical units.
        factor: how many times coarser the result is, by averaging; the raster's sides must be multiples of it.
    """
    with opened(name) as file:
        width, height = file.width // factor, file.height // factor
        transform = file.transform @ Affine.scale(factor)
        document = virtual(width, height, {}, file.crs.to_wkt() if file.crs else "", transform)
        band = subelement(document, "VRTRasterBand", dataType="Float32", band="1", subClass="VRTDerivedRasterBand")
        subelement(band, "Description", "PAN")
        subelement(band, "NoDataValue", "nan")
        subelement(band, "PixelFunctionType", "sum")
        subelement(band, "SourceTransferType", "Float32")
        for at, weight in enumerate(weights):
            part = source(name, (file.width, file.height), "ComplexSource", at + 1)
            place = part.find("DstRect")
            assert place is not None
            place.attrib |= {"xSize": str(width), "ySize": str(height)}
            if factor > 1:
                part.set("resampling", "average")
            subelement(part, "ScaleOffset", repr(float(weight * file.offsets[at] + constant / len(weights))))
            subelement(part, "ScaleRatio", repr(float(weight * file.scales[at])))
            if file.nodatavals[at] is not None:
                subelement(part, "NODATA", repr(file.nodatavals[at]))
            band.append(part)
    return ElementTree.tostring(document, encoding="unicode")
