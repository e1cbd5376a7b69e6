"""Names of rasters that GDAL reads through its virtual file systems."""

import re
from pathlib import Path

__all__ = ["gdal_name"]

_ARCHIVE = re.compile(r"(?P<systems>(?:/vsi(?:zip|tar|gzip|7z|rar)/)+)(?P<inside>[^/{].*)")
_URL = re.compile(r"(?P<before>^|/vsicurl/)(?P<scheme>https?|ftp|s3|gs|az):/(?!/)")


def gdal_name(path: str | Path) -> str:
    """The name under which GDAL finds a raster.

    ``Path`` turns the two slashes of ``/vsizip//data/a.zip/b.tif`` and ``https://...`` into one. They are put back; in
    the first, if there is such an archive, and none in the current folder.
    """
    text = _URL.sub(r"\g<before>\g<scheme>://", str(path))
    found = _ARCHIVE.fullmatch(text)
    if found is None or found["inside"].startswith("vsi") or _is_inside_a_file(Path(found["inside"])):
        return text
    return f"{found['systems']}/{found['inside']}" if _is_inside_a_file(Path("/", found["inside"])) else text


def _is_inside_a_file(path: Path) -> bool:
    return any(place.is_file() for place in (path, *path.parents))
