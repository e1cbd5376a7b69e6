"""The bundled instruction reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llars.errors import WeightsError
from llars.files import write_whole
from llars.weights.files import FOLDER
from llars.weights.helpers import bundle_helper, load_helper

if TYPE_CHECKING:
    from llars.model.reading import InstructionReader
    from llars.text.encoder import SentenceEncoder
    from llars.weights.parser import InstructionParser

__all__ = ["bundle_reader", "load_parser", "load_reader"]

NAME = "llars-reader"


def load_reader(folder: Path = FOLDER) -> InstructionReader:
    """The bundled reader in float32, in evaluation mode, on the CPU; verified against its checksum.

    Raises:
        WeightsError: the file or its record is missing or damaged.
    """
    from llars.model.reading import InstructionReader

    return load_helper(NAME, InstructionReader(), folder)


def load_parser(encoder: SentenceEncoder, folder: Path = FOLDER) -> InstructionParser:
    """The bundled reader with its encoder and the vocabulary it was trained on; raises like ``load_reader``."""
    from llars.weights.parser import InstructionParser

    reader = load_reader(folder)
    try:
        words = (folder / f"{NAME}.txt").read_text(encoding="utf-8").split()
    except OSError as fault:
        raise WeightsError(f"the bundled words {NAME}.txt are missing; reinstall llars") from fault
    return InstructionParser(encoder, reader, words)


def bundle_reader(
    reader: InstructionReader, training: dict[str, Any], words: Sequence[str], folder: Path = FOLDER
) -> Path:
    """Writes the reader with its record and its vocabulary ``words``, the commonest first; see ``bundle_helper``.

    Returns:
        The weights file.
    """
    path = bundle_helper(NAME, reader, training, folder)
    write_whole(folder / f"{NAME}.txt", "\n".join(words) + "\n")
    return path
