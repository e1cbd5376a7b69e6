"""Small auxiliary networks: each is a bundled weights file, with its checksum in a JSON record beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from llars.errors import WeightsError
from llars.files import write_whole
from llars.weights.files import FOLDER

if TYPE_CHECKING:
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)

__all__ = ["bundle_helper", "load_helper"]


def load_helper(name: str, network: Network, folder: Path = FOLDER) -> Network:
    """``network`` with the weights called ``name``, for use: in float32, evaluation mode and without gradients.

    The file is verified against its checksum.

    Raises:
        WeightsError: the file or its record is missing, damaged, or made for another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = (folder / f"{name}.safetensors").read_bytes()
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        actual, expected = hashlib.sha256(content).hexdigest(), record["sha256"]
        if actual != expected:
            raise WeightsError(
                f"the bundled {name}.safetensors is damaged: its SHA-256 begins with {actual[:12]}, "
                f"expected {expected[:12]}; reinstall llars"
            )
        network.load_state_dict(load(content))
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as fault:
        raise WeightsError(f"the bundled weights {name} are missing or damaged; reinstall llars") from fault
    return network.eval().requires_grad_(False)


def bundle_helper(name: str, network: nn.Module, training: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Writes the network in half precision with its record, each whole or not at all, and returns the file of weights.

    Args:
        name: name of both files, without suffix.
        network: network to store.
        training: summary of its training, anything that JSON can hold.
        folder: folder of both files.

    Raises:
        OutputError: a file cannot be written.
    """
    from safetensors.torch import save

    tensors = {key: tensor.detach().half().contiguous() for key, tensor in network.state_dict().items()}
    content = save(tensors, metadata={name: json.dumps(training, sort_keys=True)})
    path = folder / f"{name}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    record = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
    }
    write_whole(folder / f"{name}.json", json.dumps(record, indent=2) + "\n")
    return path
