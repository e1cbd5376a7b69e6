"""The bundled instruction reader: a small weights file with its checksum in a record beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llars.errors import WeightsError

if TYPE_CHECKING:
    from llars.model.reading import InstructionReader

__all__ = ["bundle_reader", "load_reader"]

FOLDER = Path(__file__).parent
NAME = "llars-reader"


def load_reader(folder: Path = FOLDER) -> InstructionReader:
    """The bundled reader in float32, in evaluation mode, on the CPU; verified against its checksum.

    Raises:
        WeightsError: the file or its record is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from llars.model.reading import InstructionReader

    try:
        content = (folder / f"{NAME}.safetensors").read_bytes()
        record = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
        found, expected = hashlib.sha256(content).hexdigest(), record["sha256"]
        if found != expected:
            raise WeightsError(
                f"the bundled {NAME}.safetensors is damaged: its SHA-256 begins with {found[:12]}, "
                f"expected {expected[:12]}; reinstall llars"
            )
        reader = InstructionReader().eval()
        reader.load_state_dict(load(content))
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as fault:
        raise WeightsError(f"the bundled weights {NAME} are missing or damaged; reinstall llars") from fault
    return reader


def bundle_reader(reader: InstructionReader, training: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes the reader in half precision with its record, and returns the file of weights.

    Args:
        reader: what to store.
        training: how it was trained, anything that JSON can hold.
        folder: where both files go.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().half().contiguous() for name, tensor in reader.state_dict().items()}
    content = save(tensors, metadata={NAME: json.dumps(training, sort_keys=True)})
    path = folder / f"{NAME}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    record = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
    }
    (folder / f"{NAME}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path
