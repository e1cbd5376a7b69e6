"""Files that are written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llars.errors import OutputError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file at once: who reads it meanwhile, or after a run that was killed, has the old one or the new one.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            partial = Path(stream.name)
            try:
                stream.write(content)
                stream.flush()
                # A temporary file is private; this one gets the permissions of any other new file.
                partial.chmod(0o644)
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as fault:
        raise OutputError(f"cannot write weights to {path}: {fault.strerror or fault}; choose another place") from None
