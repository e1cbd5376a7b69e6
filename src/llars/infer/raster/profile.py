"""The properties of a raster file that its restored version keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.rpc import RPC
from rasterio.transform import Affine

from llars.infer.raster.encode import storable
from llars.infer.reading.grids import Grid
from llars.scene.decode import Decoding, decoding_of, open_raster

__all__ = ["RasterProfile", "finer_rpcs", "read_profile"]

NOT_KEPT = {
    *("", "IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "SUBDATASETS"),
    *("RPC", "GEOLOCATION", "GEOREFERENCING", "COLOR_PROFILE", "ENVI"),
}
"""Tag domains that describe a file's own layout, which the output does not share, or that are copied otherwise."""


@dataclass(frozen=True)
class RasterProfile:
    """All properties of a raster file that its restored version keeps."""

    source: str | None
    """Path of the file; None for a profile without a source file."""

    width: int
    """Columns."""

    height: int
    """Rows."""

    count: int
    """Number of bands, including an alpha band."""

    dtype: str
    """NumPy name of the stored type."""

    nodata: float | None
    """The nodata number of the whole output, as stored. A GeoTIFF has only one; see ``written``."""

    crs: CRS | None
    """Coordinate reference system."""

    transform: Affine | None
    """Pixel to map coordinates; None where the file has none."""

    gcps: tuple[GroundControlPoint, ...]
    """Ground control points."""

    gcps_crs: CRS | None
    """Their coordinate reference system."""

    rpcs: RPC | None
    """Rational polynomial coefficients."""

    descriptions: tuple[str | None, ...]
    """Band descriptions."""

    units: tuple[str | None, ...]
    """Band units."""

    scales: tuple[float, ...]
    """The scales stored in the file; how numbers are actually decoded is in ``decoding``."""

    offsets: tuple[float, ...]
    """The offsets stored in the file."""

    colours: tuple[ColorInterp, ...]
    """Colour interpretation of each band."""

    tags: Mapping[str, str]
    """Tags of the file."""

    domains: Mapping[str, Mapping[str, str]]
    """Tags of the file in other domains, by domain: ``IMAGERY``, or any name that a provider or program uses."""

    band_tags: tuple[Mapping[str, str], ...]
    """Tags of each band without statistics, which would be wrong."""

    band_domains: tuple[Mapping[str, Mapping[str, str]], ...]
    """Tags of each band in other domains, by domain; wavelengths are in ``IMAGERY``."""

    decoding: Decoding
    """How stored numbers become physical values."""

    @property
    def grid(self) -> Grid:
        """Its pixels on the map."""
        return Grid(self.height, self.width, self.transform, self.crs)

    @property
    def written(self) -> Decoding:
        """How the output's numbers become physical values: as the source's, but with one nodata number for all."""
        if not _differ(self.decoding.nodata):
            return self.decoding
        return replace(self.decoding, nodata=(self.nodata,) * len(self.decoding.nodata))

    @property
    def storable(self) -> tuple[tuple[float, float], ...] | None:
        """Lowest and highest storable physical value of each data band; None for floating point files."""
        return storable(self.written, self.dtype)

    def companion(
        self,
        descriptions: tuple[str, ...] | None = None,
        dtype: str = "float32",
        nodata: float = float("nan"),
        count: int | None = None,
    ) -> "RasterProfile":
        """The profile of a raster of plain numbers on the same grid, such as an uncertainty or a mask.

        Without a ``count`` of bands there is one per data band, with its wavelength and by default its name.
        """
        data = self.decoding.indexes
        names = tuple(self.descriptions[i - 1] for i in data)
        plain = len(data) if count is None else count
        return replace(
            self,
            source=None,
            count=plain,
            dtype=dtype,
            nodata=nodata,
            descriptions=descriptions or names,
            units=(None,) * plain,
            scales=(1.0,) * plain,
            offsets=(0.0,) * plain,
            colours=(ColorInterp.gray, *(ColorInterp.undefined,) * (plain - 1)),
            band_tags=({},) * plain,
            band_domains=({},) * plain if count is not None else tuple(self.band_domains[i - 1] for i in data),
            decoding=replace(
                self.decoding,
                indexes=tuple(range(1, plain + 1)),
                scales=(1.0,) * plain,
                offsets=(0.0,) * plain,
                nodata=(nodata,) * plain,
                alpha=None,
                masked=False,
            ),
        )

    def detached(self, gaps: bool) -> "RasterProfile":
        """The profile of the data bands alone, for pixels that are not the source's: alpha and mask are dropped.

        With ``gaps``, a nodata number is added where there is none.
        """
        data = self.decoding.indexes
        nodata = self.nodata if self.nodata is not None else _common(self.decoding.nodata)
        if nodata is None and gaps:
            nodata = 0.0 if np.issubdtype(np.dtype(self.dtype), np.integer) else float("nan")
        return replace(
            self,
            source=None,
            count=len(data),
            nodata=nodata,
            descriptions=tuple(self.descriptions[i - 1] for i in data),
            units=tuple(self.units[i - 1] for i in data),
            scales=tuple(self.scales[i - 1] for i in data),
            offsets=tuple(self.offsets[i - 1] for i in data),
            colours=tuple(self.colours[i - 1] for i in data),
            band_tags=tuple(self.band_tags[i - 1] for i in data),
            band_domains=tuple(self.band_domains[i - 1] for i in data),
            decoding=replace(
                self.decoding,
                indexes=tuple(range(1, len(data) + 1)),
                nodata=(nodata,) * len(data),
                alpha=None,
                masked=False,
            ),
        )

    def on(self, grid: Grid) -> "RasterProfile":
        """The profile of the same image brought to another grid."""
        return replace(
            self.detached(gaps=True),
            width=grid.width,
            height=grid.height,
            transform=grid.transform,
            crs=grid.crs,
            gcps=(),
            gcps_crs=None,
            rpcs=None,
        )


def read_profile(
    path: str | Path, sensor: str | None = None, *, scale: float | None = None, offset: float | None = None
) -> RasterProfile:
    """The profile of a file; takes the same arguments as ``open_scene``.

    Raises:
        RasterError: the file is missing, damaged or complex.
        SensorError: the sensor is unknown, or its bands are not those of the file.
    """
    with open_raster(path) as dataset:
        decoding = decoding_of(dataset, sensor, scale, offset)
        points, points_crs = dataset.gcps
        anywhere = dataset.transform.is_identity and dataset.crs is None
        return RasterProfile(
            source=str(path),
            width=dataset.width,
            height=dataset.height,
            count=dataset.count,
            dtype=dataset.dtypes[0],
            nodata=_common(decoding.nodata) if _differ(decoding.nodata) else dataset.nodata,
            crs=dataset.crs,
            transform=None if points or anywhere else dataset.transform,
            gcps=tuple(points),
            gcps_crs=points_crs,
            rpcs=dataset.rpcs,
            descriptions=dataset.descriptions,
            units=dataset.units,
            scales=dataset.scales,
            offsets=dataset.offsets,
            # Kept even where a band is marked as alpha that is none (GDAL's default): the file's user may rely on it.
            colours=dataset.colorinterp,
            tags=dataset.tags(),
            domains=_domains(dataset),
            band_tags=tuple(
                {key: text for key, text in dataset.tags(i).items() if not key.startswith("STATISTICS_")}
                for i in dataset.indexes
            ),
            band_domains=tuple(_domains(dataset, i) for i in dataset.indexes),
            decoding=decoding,
        )


def finer_rpcs(rpcs: RPC, scale: float) -> RPC:
    """RPCs for a grid ``scale`` times finer; their lines and samples count from the centre of the first pixel."""
    fields = rpcs.to_dict()
    for axis in ("line", "samp"):
        fields[f"{axis}_off"] = (fields[f"{axis}_off"] + 0.5) * scale - 0.5
        fields[f"{axis}_scale"] *= scale
    return RPC(**fields)


def _differ(nodata: tuple[float | None, ...]) -> bool:
    return len({repr(number) for number in nodata}) > 1  # repr: NaN differs from itself


def _common(nodata: tuple[float | None, ...]) -> float | None:
    """The first nodata number of those of the bands."""
    return next((number for number in nodata if number is not None), None)


def _domains(dataset: DatasetReader, band: int = 0) -> dict[str, dict[str, str]]:
    """Tags of the file (band 0) or of a band by domain, except the default one and documents (``xml:``, ``json:``)."""
    names = (name for name in dataset.tag_namespaces(band) if name not in NOT_KEPT and ":" not in name)
    return {name: dataset.tags(band, ns=name) for name in names}
