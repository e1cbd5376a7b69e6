"""Adapters: small files that change the base weights they were made for; several add up, and `merge` bakes them in.

An adapter holds one `Change` for every tensor of the base network that it modifies. Each change is a function of that
base tensor alone, so adapters may be combined in any order, and the result is a plain network: it folds like any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import llars
from llars.errors import LlarsError, WeightsError
from llars.files import write_whole
from llars.tasks import get_task
from llars.weights.files import first_line, sha256
from llars.weights.registry import WeightsInfo, find, load_network, save_weights

if TYPE_CHECKING:
    from torch import Tensor

    from llars.model.network import Network

__all__ = ["Adapter", "AdapterInfo", "Change", "apply_adapters", "changed", "merge", "read_adapter", "save_adapter"]

FORMAT = "llars-adapter-1"

Kind = Literal["add", "low_rank", "directed", "scale", "after", "words", "append"]


@dataclass(frozen=True)
class Change:
    """The change of one tensor W of the base. Rows are outputs; leading axes stack the experts.

    - ``add``: W + value.
    - ``low_rank``: W + up @ down (LoRA, Hu et al. 2021), with the axes after the rows flattened.
    - ``directed``: the same, with every row's norm set to its old one times 1 + magnitude (DoRA, Liu et al. 2024);
      a row of zeros has no direction and is changed as by ``low_rank``.
    - ``scale``: every row times 1 + value (SSF, Lian et al. 2022).
    - ``after``: W + up @ down @ W, which is a linear bottleneck behind the layer (RepAdapter, Luo et al. 2023).
    - ``words``: W + outer(W @ vector, words): adds ``vector`` to an instruction, times its dot product with ``words``.
    - ``append``: further experts, after the last.
    """

    kind: Kind
    parts: Mapping[str, Tensor]
    """Tensors by the names used in the formula of ``kind``; ``rows`` for ``append``."""

    axis: int = 0
    """Axis of the rows (``after``) or of the experts (``append``)."""

    stem: str = ""
    """Name under which parts shared by several changes are stored; empty: the tensor's own name."""

    def delta(self, base: Tensor) -> Tensor:
        """The tensor that is added to ``base``, of the same shape; not for ``append``."""
        import torch

        parts = self.parts
        match self.kind:
            case "add":
                return parts["value"].view(base.shape)
            case "low_rank":
                return (parts["up"] @ parts["down"]).view(base.shape)
            case "directed":
                updated = base + (parts["up"] @ parts["down"]).view(base.shape)
                return _with_row_norms(base, updated, parts["magnitude"]) - base
            case "scale":
                value = parts["value"]
                return base * value.reshape(value.shape + (1,) * (base.ndim - value.ndim))
            case "after":
                rows = base.reshape(*base.shape[: self.axis + 1], -1)
                return ((parts["up"] @ parts["down"]) @ rows).view(base.shape)
            case "words":
                return torch.outer(base @ parts["vector"], parts["words"])
            case "append":
                raise ValueError("appended experts are no sum")


def _with_row_norms(base: Tensor, updated: Tensor, magnitude: Tensor) -> Tensor:
    """The rows of ``updated``, with the norms of the rows of ``base`` times 1 + magnitude."""
    import torch

    shape = (*magnitude.shape, -1)
    old = base.reshape(shape).norm(dim=-1, keepdim=True)
    # Treated as a constant in the gradient: cheaper, and no worse (section 4.3 of the paper).
    new = updated.detach().reshape(shape).norm(dim=-1, keepdim=True).clamp_min(1e-12)
    rows = updated.reshape(shape) * torch.where(old > 0, old * (1 + magnitude[..., None]) / new, 1.0)
    return rows.view(base.shape)


def changed(base: Tensor, changes: Sequence[Change]) -> Tensor:
    """``base`` with all changes: first the additive ones, then the appended experts, in order."""
    import torch

    result = base
    for change in changes:
        if change.kind != "append":
            result = result + change.delta(base)
    for change in changes:
        if change.kind == "append":
            result = torch.cat((result, change.parts["rows"]), change.axis)
    return result


@dataclass(frozen=True)
class AdapterInfo:
    """Metadata of an adapter."""

    base: str
    """Name of the weights that it was made for."""

    base_sha256: str
    """Checksum of those weights: the adapter fits no others."""

    method: str
    """Tuning method: ``lora``, ``dora``, ..."""

    rank: int
    """Rank of its low-rank changes; 0 if it has none."""

    tasks: tuple[str, ...]
    """Keys of the tasks that it was tuned for."""

    instructions: tuple[str, ...] = ()
    """Sentences of its own that ask for the first of its tasks."""

    experts: int = 0
    """Experts that it appends to each gate."""

    training: Mapping[str, Any] = field(default_factory=dict)
    """Summary of the tuning run, anything that JSON can hold."""

    version: str = llars.__version__
    """Version of llars that wrote it."""


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory."""

    info: AdapterInfo
    changes: Mapping[str, Change]
    """Changes by the name of the base tensor."""

    path: str = ""
    """File that it was read from."""

    sha256: str = ""
    """Checksum of that file."""

    @property
    def parameters(self) -> int:
        """Number of stored values; shared parts count once."""
        tensors = {id(part): part for change in self.changes.values() for part in change.parts.values()}
        return sum(part.numel() for part in tensors.values())


def save_adapter(path: str | os.PathLike[str], info: AdapterInfo, changes: Mapping[str, Change]) -> None:
    """Write an adapter in half precision, atomically.

    Raises:
        WeightsError: a value is too large for half precision, or not finite.
        OutputError: the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors, described = {}, {}
    for name, change in changes.items():
        stem = change.stem or name
        described[name] = {"kind": change.kind, "axis": change.axis, "stem": stem, "parts": sorted(change.parts)}
        for part, tensor in change.parts.items():
            stored = tensor.detach().cpu().half().contiguous()
            if not torch.isfinite(stored).all():
                raise WeightsError(f"the {part} of {stem} is not finite in half precision: lower the learning rate")
            tensors[f"{stem}/{part}"] = stored
    about = {"format": FORMAT, **asdict(info), "changes": described}
    # A single entry: safetensors writes several in arbitrary order, and equal adapters must be equal files.
    write_whole(Path(path), save(tensors, {"llars": json.dumps(about, sort_keys=True)}))


def read_adapter(path: str | os.PathLike[str]) -> Adapter:
    """The adapter at ``path``, in float32.

    Raises:
        WeightsError: the file is missing, damaged, or not an adapter.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no adapter at {path}; `llars tune` makes one")
    try:
        with safe_open(path, "pt") as stored:
            about = json.loads((stored.metadata() or {}).get("llars", "{}"))
            tensors = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as fault:
        raise WeightsError(
            f"{path} is no whole safetensors file ({first_line(fault)}); fetch or copy it again"
        ) from None
    if about.get("format") != FORMAT:
        raise WeightsError(f"{path} is no llars adapter: its format is {about.get('format')}, expected {FORMAT}")
    try:
        changes = {name: _change(entry, tensors) for name, entry in about["changes"].items()}
        names = AdapterInfo.__dataclass_fields__
        info = AdapterInfo(**{key: _frozen(value) for key, value in about.items() if key in names})
        for key in info.tasks:
            get_task(key)
    except (KeyError, TypeError, LlarsError) as fault:
        raise WeightsError(f"{path}: cannot understand its metadata ({first_line(fault)}); update llars") from None
    return Adapter(info, changes, str(path), sha256(path))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _change(entry: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Change:
    if entry["kind"] not in get_args(Kind):
        raise KeyError(f"change {entry['kind']}")
    parts = {part: tensors[f"{entry['stem']}/{part}"] for part in entry["parts"]}
    return Change(entry["kind"], parts, entry["axis"], entry["stem"])


def apply_adapters(network: Network, info: WeightsInfo, adapters: Iterable[Adapter]) -> tuple[Network, WeightsInfo]:
    """A copy of the network with ``adapters`` applied, and its metadata; ``network`` itself is unchanged.

    Args:
        network: the network as loaded from its weights file.
        info: metadata of that weights file.
        adapters: any number of adapters, in any order. Their own sentences are added to ``training["taught"]``.

    Raises:
        WeightsError: an adapter was made for other weights.
    """
    from llars.model.network import Network

    applied = list(adapters)
    for one in applied:
        if one.info.base_sha256 != info.sha256:
            raise WeightsError(
                f"{one.path or 'an adapter'} was made for {one.info.base} with SHA-256 {one.info.base_sha256[:12]}, "
                f"these weights have {info.sha256[:12]}: give --model its base, or tune anew"
            )
    config = replace(network.config, experts=network.config.experts + sum(one.info.experts for one in applied))
    tensors = {
        name: changed(base, [one.changes[name] for one in applied if name in one.changes])
        for name, base in network.state_dict().items()
    }
    result = Network(config)
    try:
        result.load_state_dict(tensors)
    except RuntimeError as fault:
        raise WeightsError(f"the adapters do not fit the weights: {' '.join(str(fault).split())[:200]}") from None
    tasks = tuple(dict.fromkeys((*info.tasks, *(task for one in applied for task in one.info.tasks))))
    sentences = dict(info.training.get("taught", {}))
    sentences |= {sentence: one.info.tasks[0] for one in applied for sentence in one.info.instructions}
    records = [{"sha256": one.sha256, "method": one.info.method, "tasks": list(one.info.tasks)} for one in applied]
    training = {**info.training, "adapters": [*info.training.get("adapters", []), *records], "taught": sentences}
    return result.eval(), replace(info, config=config, tasks=tasks, training=training)


def merge(
    base: str | os.PathLike[str], adapters: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str]
) -> WeightsInfo:
    """Merge adapters into a new weights file, for `llars.load` and `--model`.

    Args:
        base: name of the bundled weights, or the weights file, that the adapters were made for.
        adapters: adapter files.
        out: weights file to write; an existing one is replaced.

    Raises:
        WeightsError: a file is missing or damaged, or an adapter was made for other weights.
        OutputError: ``out`` cannot be written.
    """
    applied = [read_adapter(path) for path in adapters]
    network, info = apply_adapters(*load_network(find(base)), applied)
    return save_weights(out, network.state_dict(), info.config, info.tasks, {**info.training, "base": info.sha256})
