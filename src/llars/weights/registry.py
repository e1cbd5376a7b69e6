"""Weights files: the bundled ones with their checksums, and functions to write and read them.

A weights file is a safetensors file of half-precision tensors, whose metadata holds everything that inference needs to
know about training: configuration, tasks, version, summary. Nothing here uses pickle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llars
from llars.errors import LlarsError, WeightsError
from llars.files import write_whole
from llars.model.config import ModelConfig
from llars.tasks import get_task
from llars.weights.files import FOLDER, first_line, sha256

if TYPE_CHECKING:
    from torch import Tensor

    from llars.model.network import Network

__all__ = ["WeightsEntry", "WeightsInfo", "bundle", "find", "load_network", "models", "read_info", "save_weights"]

FORMAT = "llars-weights-1"


@dataclass(frozen=True)
class WeightsEntry:
    """Weights that ship with llars."""

    name: str
    """Name for ``llars.load`` and ``--model``."""

    file: str
    """Name of the file in this package."""

    sha256: str
    """Checksum of the file, verified whenever it is loaded."""

    parameters: int
    """Number of trained parameters."""

    tasks: tuple[str, ...]
    """Keys of the tasks that they were trained on."""

    title: str
    """One-line description for users."""


@dataclass(frozen=True)
class WeightsInfo:
    """Metadata of a weights file."""

    config: ModelConfig
    tasks: tuple[str, ...]
    """Keys of the tasks that the network was trained on."""

    version: str
    """Version of llars that wrote the file."""

    training: dict[str, Any]
    """Summary of the training run: steps, seed, data, metrics."""

    parameters: int
    """Number of stored values."""

    sha256: str
    """Checksum of the whole file."""


def models() -> tuple[WeightsEntry, ...]:
    """The bundled weights, in the order of ``registry.json``."""
    records = json.loads((FOLDER / "registry.json").read_text(encoding="utf-8"))
    return tuple(
        WeightsEntry(name=name, **{**record, "tasks": tuple(record["tasks"])}) for name, record in records.items()
    )


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of bundled weights, verified against its checksum, or the given file itself.

    Raises:
        WeightsError: that is no name or path, there is no such name or file, or a bundled file is missing or does not
            match its checksum.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise WeightsError(f"found {name_or_path!r} in place of weights, expected their name or the path of a file")
    for entry in models():
        if entry.name == os.fspath(name_or_path):
            return _verified(entry)
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = [entry.name for entry in models()]
    near = get_close_matches(str(name_or_path), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the bundled weights are {', '.join(names) or 'none'}"
    raise WeightsError(f"no weights named {str(name_or_path)!r} and no such file; {hint}")


def _verified(entry: WeightsEntry) -> Path:
    path = FOLDER / entry.file
    if not path.is_file():
        raise WeightsError(f"the bundled weights {entry.name!r} lack their file {path}; reinstall llars")
    if (actual := sha256(path)) != entry.sha256:
        raise WeightsError(
            f"{path} is damaged: its SHA-256 begins with {actual[:12]}, expected {entry.sha256[:12]}; reinstall llars"
        )
    return path


def bundle(source: str | os.PathLike[str], name: str, title: str) -> WeightsEntry:
    """Bundle a weights file: copy it into the package and enter it in ``registry.json``.

    Raises:
        WeightsError: the file is missing, damaged, or holds no llars weights.
    """
    info = read_info(source)
    entry = WeightsEntry(name, f"{name}.safetensors", info.sha256, info.parameters, info.tasks, title)
    write_whole(FOLDER / entry.file, Path(source).read_bytes())
    records = {one.name: one for one in models()} | {name: entry}
    contents = {
        key: {field: value for field, value in asdict(one).items() if field != "name"} for key, one in records.items()
    }
    write_whole(FOLDER / "registry.json", json.dumps(contents, indent=2) + "\n")
    return entry


def save_weights(
    path: str | os.PathLike[str],
    state_dict: Mapping[str, Tensor],
    config: ModelConfig,
    tasks: Sequence[str],
    training: Mapping[str, Any] | None = None,
) -> WeightsInfo:
    """Write a weights file atomically; floating-point tensors are stored in half precision.

    Args:
        path: file to write; an existing one is replaced.
        state_dict: all parameters and buffers of ``Network(config)``.
        config: configuration of the network.
        tasks: keys of the tasks that it was trained on.
        training: summary of the run, anything that JSON can hold.

    Raises:
        WeightsError: a tensor holds a value that half precision cannot represent.
        InstructionError: a task is unknown.
        OutputError: the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for name, tensor in state_dict.items():
        stored = tensor.detach().cpu().contiguous()
        stored = stored.half() if stored.is_floating_point() else stored
        if not torch.isfinite(stored).all():
            raise WeightsError(f"{name} holds numbers that half precision cannot (NaN or above 65504); did it diverge?")
        tensors[name] = stored
    about = {
        "format": FORMAT,
        "config": config.to_dict(),
        "tasks": [get_task(key).key for key in tasks],
        "version": llars.__version__,
        "training": dict(training or {}),
    }
    # A single entry: safetensors writes several in arbitrary order, and equal weights must have equal checksums.
    metadata = {"llars": json.dumps(about, sort_keys=True)}
    path = Path(path)
    write_whole(path, save(tensors, metadata))
    return read_info(path)


def read_info(path: str | os.PathLike[str]) -> WeightsInfo:
    """The metadata of the weights file at ``path``.

    Raises:
        WeightsError: the file is missing, damaged, or holds no llars weights.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no weights file at {path}")
    try:
        with safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
            shapes = [stored.get_slice(name).get_shape() for name in stored.keys()]  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as fault:
        raise WeightsError(
            f"{path} is no whole safetensors file ({first_line(fault)}); fetch or copy it again"
        ) from None
    try:
        about = json.loads(metadata.get("llars", "{}"))
        if about.get("format") != FORMAT:
            raise WeightsError(f"{path} holds no llars weights: its format is {about.get('format')}, expected {FORMAT}")
        return WeightsInfo(
            config=ModelConfig.from_dict(about["config"]),
            tasks=tuple(get_task(key).key for key in about["tasks"]),
            version=about["version"],
            training=about["training"],
            parameters=sum(_product(shape) for shape in shapes),
            sha256=sha256(path),
        )
    except WeightsError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, LlarsError) as fault:
        raise WeightsError(f"{path}: cannot understand its metadata ({first_line(fault)}); update llars") from None


def _product(shape: Sequence[int]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def load_network(path: str | os.PathLike[str]) -> tuple[Network, WeightsInfo]:
    """The network in a weights file, in float32, in evaluation mode, on the CPU, and the file's metadata.

    Raises:
        WeightsError: the file is missing, damaged, or its tensors do not fit its configuration.
    """
    from safetensors.torch import load_file

    from llars.model.network import Network

    info = read_info(path)
    network = Network(info.config)
    try:
        network.load_state_dict(load_file(path), strict=True)
    except RuntimeError as fault:
        reason = " ".join(str(fault).split())[:200]
        raise WeightsError(f"{path} does not fit the network that it describes: {reason}") from None
    return network.eval(), info
