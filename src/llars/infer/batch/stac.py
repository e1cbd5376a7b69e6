"""Results as STAC items: footprint and time, the prompt and the model, and the files that came out.

STAC 1.1 with the extensions projection 2.0, processing 1.1 and machine learning model (MLM) 1.3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rasterio.errors import CRSError
from rasterio.io import DatasetReader

import llars
from llars.infer.batch.footprint import footprint_of
from llars.scene.decode import open_raster
from llars.tasks import Step
from llars.weights.registry import WeightsInfo

__all__ = ["Origin", "item_of", "write_item"]

SITE = "https://stac-extensions.github.io"
EXTENSIONS = [
    f"{SITE}/projection/v2.0.0/schema.json",
    f"{SITE}/processing/v1.1.0/schema.json",
    f"{SITE}/mlm/v1.3.0/schema.json",
]


@dataclass(frozen=True)
class Origin:
    """The provenance of a result."""

    source: Path
    guides: Sequence[tuple[str, Path]]
    acquired: str | None
    """When the scene was taken, where the manifest says (RFC 3339)."""

    prompt: str
    """Instruction of the user, or else what the diagnosis asked for."""

    steps: Sequence[Step]
    notes: Sequence[str]
    """Notes for the user from the run."""

    model: Path
    """File of the weights."""

    info: WeightsInfo


def item_of(result: Path, name: str, identity: str, origin: Origin, preview: str | None = None) -> dict[str, Any]:
    """The STAC item of a result.

    Args:
        result: the file, wherever it lies now.
        name: path of the file, relative to where the item will lie.
        identity: identifier of the item.
        origin: the provenance of the result.
        preview: name of a picture beside it.
    """
    with open_raster(result) as dataset:
        footprint = footprint_of(dataset)
        bands = [{"name": text or f"band {at}"} for at, text in enumerate(dataset.descriptions, start=1)]
        place = _projection(dataset)
        when = _acquisition_time(origin, dataset.tags())
    cog = "; profile=cloud-optimized" if name.lower().endswith(".cog.tif") else ""
    assets: dict[str, Any] = {
        "image": {
            "href": f"./{name}",
            "type": f"image/tiff; application=geotiff{cog}",
            "roles": ["data"],
            "bands": bands,
            **place,
        },
        "model": {
            "href": origin.model.absolute().as_uri(),
            "title": origin.info.config.name,
            "roles": ["mlm:model"],
            "mlm:artifact_type": "safetensors",
        },
    }
    if preview is not None:
        assets["preview"] = {"href": f"./{preview}", "type": "image/png", "roles": ["overview"]}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": identity,
        "geometry": None if footprint is None else footprint.geometry,
        "properties": {**when, **_processing(origin), **_model(origin)},
        "links": [
            {"rel": "derived_from", "href": path.absolute().as_uri(), "title": role}
            for role, path in (("input", origin.source), *origin.guides)
        ],
        "assets": assets,
    }
    if footprint is not None:
        item["bbox"] = footprint.bbox
    return item


def _projection(dataset: DatasetReader) -> dict[str, Any]:
    facts: dict[str, Any] = {"proj:shape": [dataset.height, dataset.width]}
    if dataset.crs is None:
        return facts
    facts["proj:transform"] = list(dataset.transform)[:6]
    try:
        code = dataset.crs.to_authority()
    except CRSError:
        code = None
    return {**facts, "proj:code": ":".join(code)} if code else {**facts, "proj:wkt2": dataset.crs.to_wkt()}


def _acquisition_time(origin: Origin, tags: Mapping[str, str]) -> dict[str, str]:
    """The time that STAC requires: from the manifest, else from a tag or the time of the file, with a note on which."""
    if origin.acquired is not None:
        return {"datetime": origin.acquired}
    try:
        tagged = datetime.strptime(tags.get("TIFFTAG_DATETIME", ""), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        return {"datetime": _text(tagged), "llars:datetime_from": "tag TIFFTAG_DATETIME"}
    except ValueError:
        changed = datetime.fromtimestamp(origin.source.stat().st_mtime, UTC)
        return {"datetime": _text(changed), "llars:datetime_from": "time at which the input was last changed"}


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _processing(origin: Origin) -> dict[str, Any]:
    return {
        "created": _text(datetime.now(UTC)),
        "processing:software": {"llars": llars.__version__},
        "processing:lineage": f"restored by {origin.info.config.name}: {origin.prompt}",
        "llars:prompt": origin.prompt,
        "llars:steps": [
            {"task": step.task, "severity": round(step.severity, 3), "scale": step.scale} for step in origin.steps
        ],
        "llars:weights_sha256": origin.info.sha256,
        "llars:notes": list(origin.notes),
    }


def _model(origin: Origin) -> dict[str, Any]:
    finer = any(step.scale > 1 for step in origin.steps)
    tasks = ["regression", *(["super-resolution"] if finer else [])]
    image = {"shape": [-1, -1, -1, -1], "dim_order": ["batch", "band", "y", "x"], "data_type": "float32"}
    return {
        "mlm:name": origin.info.config.name,
        "mlm:architecture": "LLaRS",
        "mlm:framework": "PyTorch",
        "mlm:framework_version": torch.__version__,
        "mlm:total_parameters": origin.info.parameters,
        "mlm:tasks": tasks,
        # Any bands are accepted, so none are named.
        "mlm:input": [{"name": "image", "bands": [], "input": image}],
        "mlm:output": [{"name": "restored", "tasks": tasks, "result": image}],
    }


def write_item(path: Path, item: Mapping[str, Any]) -> None:
    """Write an item so that the file appears complete or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(item, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
