"""Products of data providers, .SAFE and Landsat, as folders and archives: found, named and opened like a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from llars.errors import RasterError
from llars.scene.products import landsat, sentinel1, sentinel2
from llars.scene.products.contents import ARCHIVES, Contents, contents_of
from llars.scene.products.product import Product

__all__ = ["Product", "grids_of", "named_like_product", "notes_of", "part_of", "place_of", "state_of", "virtual_raster"]

METADATA = re.compile(r"(MTD_MSIL\w+\.xml|manifest\.safe|.+_MTL\.(txt|json|xml))$", re.IGNORECASE)
"""Metadata files whose path stands for the whole product."""

POSSIBLE = "llars opens Sentinel-2 L1C and L2A and Sentinel-1 GRD (.SAFE), Landsat Collection 2 (*_B1.TIF), and rasters"

NAMES = re.compile(
    r"(S[12][A-D]_\w+\.zip|\w+\.SAFE(\.zip)?|L[COTE]0[4-9]_L[12]\w+_(T1|T2|RT)(\.tar|\.tar\.gz|\.zip)?)", re.IGNORECASE
)
"""Names that providers give to products."""

READERS: tuple[Callable[[Contents], Product | None], ...] = (
    sentinel2.read_sentinel2,
    sentinel1.read_sentinel1,
    landsat.read_landsat,
)


def virtual_raster(path: str | Path) -> str | None:
    """The bands of a product as the text of a VRT that GDAL opens; None where ``path`` is a plain file.

    Args:
        path: a folder, a zip or tar archive, or the product's metadata file; ``PRODUCT:20m`` picks one of its grids,
            ``PRODUCT:B05,B06`` some bands of one grid.

    Raises:
        RasterError: a folder or archive is not a product, or is incomplete.
    """
    found = _located(path)
    return None if found is None else _raster(*found)


def notes_of(path: str | Path) -> tuple[str, ...]:
    """Notes for the user on how a product was opened; empty for a plain file."""
    found = _located(path)
    return () if found is None else _product(found[0]).notes(found[1])


def grids_of(path: str | Path) -> tuple[str, ...]:
    """Names of the grids that a product's bands lie on, of which the first is opened; empty for a plain file."""
    found = _located(path)
    return () if found is None else tuple(_product(found[0]).grids)


def named_like_product(path: str | Path) -> bool:
    """Whether a folder or archive has the name of a product; only the name is checked."""
    return NAMES.fullmatch(Path(path).name) is not None


def part_of(path: str | Path, *wanted: str) -> Path:
    """The path under which a product opens with its bands of a grid, or with the bands named."""
    base, _ = _split(str(path))
    return Path(f"{base}:{','.join(wanted)}")


def state_of(path: str | Path) -> list[int | str]:
    """What tells a raster or product from what lay in its place before; nothing where there is none.

    Size and time of change of a file or archive; of a folder a hash of the names, sizes and times of all its files,
    whatever grid or bands of it ``path`` names.
    """
    place = place_of(path)
    try:
        if place.is_dir():
            facts = repr([(file.name, file.size, file.changed) for file in contents_of(place).files])
            return [hashlib.sha256(facts.encode()).hexdigest()]
        state = place.stat()
    except (OSError, RasterError):
        return []
    return [state.st_size, state.st_mtime_ns]


def place_of(path: str | Path) -> Path:
    """The file or folder of a raster or product, whatever grid or bands of it ``path`` names."""
    place = Path(_split(str(path))[0])
    return place.parent if METADATA.fullmatch(place.name) and place.is_file() else place


def _split(text: str) -> tuple[str, str]:
    """A path, and the grid or bands that stand behind its last colon, if any."""
    if not text.strip():  # otherwise the current folder
        raise RasterError("found an empty name as input, expected that of a raster or product; is a variable unset?")
    base, colon, wanted = text.rpartition(":")
    if colon and not Path(text).exists() and re.fullmatch(r"[\w,]+", wanted) and _is_product(Path(base)):
        return base, wanted
    return text, ""


def _is_product(path: Path) -> bool:
    archive = path.name.lower().endswith(ARCHIVES) or METADATA.fullmatch(path.name) is not None
    return path.is_dir() or (archive and path.is_file())


def _located(path: str | Path) -> tuple[Contents, str] | None:
    """Contents of a product, and the grid or bands that are wanted."""
    base, wanted = _split(str(path))
    place = Path(base)
    if not _is_product(place):
        return None
    contents = contents_of(place.parent if METADATA.fullmatch(place.name) else place)
    product = _product(contents)
    grids = tuple(product.grids)
    if wanted.lower() in ("", *grids):
        return contents, wanted.lower() or grids[0]
    if not {*wanted.upper().split(",")} <= {*product.bands}:
        raise RasterError(
            f"{base} has no {wanted!r}; its grids are {', '.join(grids)}, its bands {', '.join(product.bands)}"
        )
    return contents, wanted.upper()


@lru_cache(maxsize=16)
def _product(contents: Contents) -> Product:
    for reader in READERS:
        product = reader(contents)
        if product is not None:
            return product
    kind = "a folder" if contents.root.is_dir() else "an archive"
    if not contents.files:
        raise RasterError(f"{contents.root} is {kind} without files; {POSSIBLE}")
    images = list(contents.matching(r"\.(tiff?|jp2|img|vrt|nc|hdf5?|h5)$"))
    listed = ", ".join(images[:4]) + (f" and {len(images) - 4} more" if len(images) > 4 else "")
    found = f"{len(images)} images ({listed})" if images else f"{len(contents.files)} files, none of them an image"
    remedy = f"give one of them ({contents.place(images[0])})" if images else "give an image"
    raise RasterError(f"{contents.root} is {kind} of {found} and no product; {POSSIBLE}: {remedy}")


@lru_cache(maxsize=16)
def _raster(contents: Contents, wanted: str) -> str:
    return _product(contents).raster(wanted)
