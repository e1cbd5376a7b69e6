"""A folded network as an ONNX file, for programs that know nothing of llars, such as the QGIS plugin Deepness.

Gates, attention, transport and normalisation are computed once per scene; an exported network keeps those of one
scene. It takes stored numbers, as in files like the scene's, and gives stored numbers, not rounded.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

import llars
from llars.errors import ConfigError, InstructionError, OutputError, RasterError
from llars.infer.initial.denoising import Denoised
from llars.infer.initial.estimates import ESTIMATED_TASKS, initial_estimate
from llars.infer.instructions import Reader
from llars.infer.raster.outputs import check_outputs, whole_files
from llars.infer.raster.profile import RasterProfile, read_profile
from llars.infer.reading.picture import Picture, picture_of
from llars.infer.restorer import Restorer
from llars.infer.tiling.column_pass import Folded, StepInputs
from llars.infer.tiling.engine import Engine
from llars.initial.denoising import UNCORRECTED, denoised, margin_px
from llars.initial.shrinkage import SIDE
from llars.model.normalise import Statistics
from llars.scene import open_scene
from llars.tasks import TONES, Step, get_task
from llars.text.encoder import SentenceEncoder
from llars.weights.registry import WeightsInfo, find, load_network

if TYPE_CHECKING:
    import onnx

__all__ = ["ExportReport", "export_file"]

OPSET = 18
"""The first version with everything that the exporter needs; ONNX Runtime 1.14 and later run it."""

TILE = 512
"""Side in pixels of the tiles that the metadata recommends."""

BYTE = 255.0
"""What Deepness divides every input by, before it standardises."""


@dataclass(frozen=True)
class ExportReport:
    """What was exported."""

    step: Step
    bands: tuple[str, ...]
    multiple: int
    """Height and width of the input must be multiples of this many pixels."""

    halo: int
    """Pixels at the border of a tile that a larger tile would change."""

    notes: tuple[str, ...]
    """Sentences that the user should read."""

    seconds: float
    output: Path


class Exported(nn.Module):
    """Stored numbers in, stored numbers out: an affine map per band decodes and normalises, and its inverse encodes."""

    def __init__(
        self,
        folded: Folded,
        gain: Float[Tensor, "band"],
        shift: Float[Tensor, "band"],
        estimate: Denoised | None,
        residual: bool,
    ) -> None:
        super().__init__()
        self.dense, self.residual = folded.dense, residual
        self.noise = None if estimate is None else estimate.noise
        self.correctors = UNCORRECTED if estimate is None else estimate.correctors
        self.gain: Tensor
        self.shift: Tensor
        self.mean: Tensor
        self.std: Tensor
        own = folded.statistics.mean[0], folded.statistics.std[0]
        for name, values in zip(("gain", "shift", "mean", "std"), (gain, shift, *own), strict=True):
            self.register_buffer(name, values.float().clone())

    def forward(self, numbers: Float[Tensor, "1 band y x"]) -> Float[Tensor, "1 band y x"]:
        """Restores a tile without gaps."""
        gain, shift = self.gain[:, None, None], self.shift[:, None, None]
        image = numbers * gain + shift
        if self.noise is not None:
            statistics = Statistics(self.mean[None], self.std[None])
            observed = statistics.undo(image)
            estimate = denoised(observed, self.noise, self.correctors)
            image = statistics.network_input(torch.cat((estimate, observed), 1) if self.residual else estimate)
        restored: Tensor = self.dense(image).image
        return (restored - shift) / gain


def export_file(
    source: str | Path,
    output: str | Path,
    prompt: str,
    *,
    sensor: str | None = None,
    model: str = "llars-small",
    overwrite: bool = False,
) -> ExportReport:
    """Write the network that restores ``source`` as ``prompt`` says to ``output``, as ONNX.

    It is exact for this scene, and good for others of its sensor and season: they are taken to have its statistics.
    Input ``image`` and output ``restored`` are ``(1, band, y, x)`` float32, stored numbers; sides are any multiples of
    ``network.multiple``, above 16 pixels for denoise. Nodata is not handled: fill it before, and mask it after.

    Args:
        source: a raster that GDAL reads: its bands, encoding and statistics go into the file.
        output: file to write, ``.onnx``.
        prompt: one step on the same grid without guides, which does not need the whole scene: haze or denoise.
        sensor: name of the sensor, where the file does not say.
        model: name of bundled weights, or a weights file.
        overwrite: replace an existing output.

    Raises:
        InstructionError: the prompt asks for something that cannot be exported.
        ConfigError: the packages of the extra ``export`` are missing.
        LlarsError: something about the files is wrong.
    """
    started = time.perf_counter()
    path = Path(output)
    check_outputs([path], overwrite)
    if path.suffix.lower() != ".onnx":
        raise OutputError(f"the output {path} must have a name that ends in .onnx; rename it")
    profile, scene = read_profile(source, sensor), open_scene(source, sensor)
    network, info = load_network(find(model))
    encoder = SentenceEncoder()
    restorer = Restorer(network, info, Reader(encoder, info.tasks), encoder, device="cpu", precision="float32")
    step = _only_step(restorer.plan(prompt))
    _require_packages()
    picture = picture_of(scene)
    if picture.power:
        raise RasterError(f"{source} is linear power, which is processed in decibels; convert it to dB and export that")
    engine = Engine(network, encoder, torch.device("cpu"), half=False)
    engine.trust = restorer.engine.trust
    estimate = initial_estimate(step.task, picture.layers, ())
    denoising = estimate if isinstance(estimate, Denoised) else None
    residual = denoising is not None and network.uses_residual
    observed = picture.layers if residual else None
    folded = engine.fold(step, StepInputs(estimate, observed=observed, clear_air=picture.clear_air))
    gain, shift = _affine(folded, picture, profile)
    document = _traced(Exported(folded, gain, shift, denoising, residual), len(picture.bands), network.multiple)
    halo = network.halo + (0 if denoising is None else margin_px(denoising.noise, denoising.correctors))
    facts = _facts(info, step, prompt, picture, profile, halo)
    for key, value in {**_for_deepness(picture, halo), "llars": facts}.items():
        document.metadata_props.add(key=key, value=json.dumps(value))
    with whole_files([path]) as (place,):
        place.write_bytes(document.SerializeToString())
    bands = tuple(band.name for band in picture.bands)
    seconds = time.perf_counter() - started
    return ExportReport(step, bands, network.multiple, halo, scene.attrs["notes"], seconds, path)


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as missing:
        raise ConfigError(f"export needs {missing.name}: pip install 'llars[export]'") from None


def _only_step(steps: Sequence[Step]) -> Step:
    """The only step of a prompt, if it can be exported.

    Raises:
        InstructionError: there are several steps, or the step is more than a network.
    """
    if len(steps) > 1:
        tasks = ", ".join(step.task for step in steps)
        raise InstructionError(f"the prompt asks for {len(steps)} steps ({tasks}); export one network for each")
    step = steps[0]
    if step.task in TONES:
        raise InstructionError(f"{step.task} maps quantiles, for which ONNX has no operator; use llars restore")
    if step.task == "brightness":
        raise InstructionError("brightness is a plain gain, done without the network; use llars restore")
    if get_task(step.task).changes_grid or get_task(step.task).guides:
        raise InstructionError(
            f"{step.task} brings grids together before the network and after it, which an ONNX file cannot; "
            "use llars restore"
        )
    if step.task in ESTIMATED_TASKS - {"denoise"}:
        raise InstructionError(
            f"{step.task} sets out from what is found in the whole scene, which an ONNX file cannot; use llars restore"
        )
    return step


def _affine(folded: Folded, picture: Picture, profile: RasterProfile) -> tuple[Tensor, Tensor]:
    """Gain and shift ``(band,)`` from stored numbers to normalised values."""
    low, high = (torch.tensor(side, dtype=torch.float64) for side in zip(*picture.ranges, strict=True))
    scale, offset = (
        torch.tensor(part, dtype=torch.float64) for part in (profile.decoding.scales, profile.decoding.offsets)
    )
    mean, std = folded.statistics.mean[0].double(), folded.statistics.std[0].double()
    width = (high - low) * std
    return (scale / width).float(), ((offset - low) / width - mean / std).float()


def _traced(network: Exported, bands: int, multiple: int) -> onnx.ModelProto:
    """The network as an ONNX document with free height and width."""
    # The exporter logs at length what it skips.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    # Half of a tile must be wider than a block of the cosine transform: narrower ones are mirrored in another way.
    min_size = 1 if network.noise is None else 2 * SIDE // multiple + 1
    example = torch.zeros(1, bands, (min_size + 3) * multiple, (min_size + 5) * multiple)
    height, width = (torch.export.Dim(name, min=min_size, max=2**16) for name in ("rows", "columns"))
    program = torch.onnx.export(
        network.eval().requires_grad_(False),
        (example,),
        dynamo=True,
        dynamic_shapes=({2: multiple * height, 3: multiple * width},),
        input_names=["image"],
        output_names=["restored"],
        opset_version=OPSET,
        verbose=False,
    )
    if program is None:
        raise TypeError("torch.onnx.export gave no program")
    document = program.model_proto
    del document.graph.value_info[:]
    for value in (*document.graph.input, *document.graph.output):
        for axis in value.type.tensor_type.shape.dim[2:]:
            # Deepness takes sides of different names for oblong tiles, which it refuses.
            axis.ClearField("dim_param")
    return document


def _for_deepness(picture: Picture, halo: int) -> dict[str, Any]:
    """The metadata that the QGIS plugin Deepness reads. It divides by 255, which the standard deviation undoes."""
    bands = picture.bands
    entries: dict[str, Any] = {
        "model_type": "Superresolution",
        "class_names": {str(at): band.name for at, band in enumerate(bands)},
        "tile_size": TILE,
        "tiles_size": TILE,
        "tiles_overlap": -(-100 * 2 * halo // TILE),
        "standardization_mean": [0.0] * len(bands),
        "standardization_std": [1.0 / BYTE] * len(bands),
    }
    if gsd := bands[0].gsd_m:
        entries["resolution"] = gsd * 100.0
    return entries


def _facts(
    info: WeightsInfo, step: Step, prompt: str, picture: Picture, profile: RasterProfile, halo: int
) -> dict[str, Any]:
    """The metadata of llars in the file."""
    return {
        "version": llars.__version__,
        "model": info.config.name,
        "weights_sha256": info.sha256,
        "prompt": prompt,
        "step": {"task": step.task, "severity": round(step.severity, 3)},
        "bands": [asdict(band) for band in picture.bands],
        "scales": list(profile.decoding.scales),
        "offsets": list(profile.decoding.offsets),
        "multiple": info.config.multiple,
        "halo": halo,
    }
