"""The Python interface: weights, an instruction and a scene in, a better scene out."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import numpy as np
import xarray as xr

from llars.errors import ConfigError, InstructionError
from llars.infer.diagnosis.findings import Diagnosis, Finding, corrective_steps, diagnosed
from llars.infer.instructions import Interpretation, Reader
from llars.infer.lazy import lazily
from llars.infer.pixel_sizes import pixel_size_request
from llars.infer.reading.channels import AnyImage, BandsLike, bands_and_ranges
from llars.infer.reading.grids import grid_of
from llars.infer.reading.guides import check_guides, read_guides, role_of
from llars.infer.reading.images import like
from llars.infer.reading.picture import Image, picture_of
from llars.infer.sentences import SentenceMatcher
from llars.infer.tiling.engine import Encoder, Engine, Precision, runs_in_half
from llars.infer.tiling.planning import check_step, with_guided_tasks, with_scale
from llars.infer.tiling.stream import Options, Stream
from llars.model.device import pick_device
from llars.model.network import Network
from llars.tasks import Step
from llars.text.encoder import SentenceEncoder
from llars.weights.adapters import apply_adapters, read_adapter
from llars.weights.registry import WeightsInfo, find, load_network
from llars.weights.temperatures import temperatures_of
from llars.weights.trust import trust_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int, int], None]

__all__ = ["Restorer", "load"]


class Interpreter(Protocol):
    """Turns words into steps."""

    def interpret(self, text: str) -> Interpretation:
        """What ``text`` asks for, and where it could be read otherwise."""


def load(
    name_or_file: str | os.PathLike[str] = "llars-small",
    device: str = "auto",
    *,
    precision: Precision = "auto",
    adapters: Sequence[str | os.PathLike[str]] = (),
) -> Restorer:
    """A restorer from bundled weights or a weights file; nothing is ever fetched from a network.

    Args:
        name_or_file: name of bundled weights (``llars models`` lists them) or path of a safetensors file.
        device: ``auto`` (the first of cuda, mps and cpu that is available) or any device that torch knows.
        precision: of the backbone; ``auto`` is bfloat16 where the device computes it natively. The output head, and
            everything that is decided once per scene, stay in float32.
        adapters: files that ``llars.tune`` wrote for these weights; several add up.

    Raises:
        WeightsError: there are no such weights or adapters, they are damaged, or do not belong together.
        ConfigError: the device is not available, or the precision is unknown.
    """
    network, info = load_network(find(name_or_file))
    if adapters:
        network, info = apply_adapters(network, info, map(read_adapter, adapters))
    encoder = SentenceEncoder()
    reader = SentenceMatcher(Reader(encoder, info.tasks), encoder, info.training.get("taught", {}))
    return Restorer(network, info, reader, encoder, device=device, precision=precision)


class Restorer:
    """Restores scenes with one set of weights; ``load`` makes one."""

    def __init__(
        self,
        network: Network,
        info: WeightsInfo,
        reader: Interpreter,
        encoder: Encoder,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> None:
        self.info = info
        """Metadata of the weights file."""
        self.device = pick_device(device)
        """Where the network runs."""
        self.engine = Engine(network, encoder, self.device, runs_in_half(precision, self.device))
        """The network on its device, with what was calibrated for it."""
        self.engine.temperatures, self.engine.trust = temperatures_of(info.sha256), trust_of(info)
        self._reader = reader

    @property
    def uses_residual(self) -> bool:
        """Whether the network takes the scene as it was observed beside an initial estimate."""
        return self.engine.network.uses_residual

    @property
    def tasks(self) -> tuple[str, ...]:
        """Keys of the tasks that these weights were trained on."""
        return self.info.tasks

    def understand(self, prompt: str) -> list[Step]:
        """What ``prompt`` asks for, in order.

        Raises:
            InstructionError: it asks for nothing that llars does.
        """
        return list(self.interpret(prompt).steps)

    def interpret(self, prompt: str) -> Interpretation:
        """What ``prompt`` asks for, and a line on each step that could be meant otherwise; see ``understand``."""
        if not isinstance(prompt, str):
            raise InstructionError(_no_instruction(prompt))
        try:
            return self._reader.interpret(prompt)
        except InstructionError:
            if (size := pixel_size_request(prompt)) and not size.rest:
                raise InstructionError(
                    f"{size.text!r} names a pixel size, and how many times finer that is depends on the scene: "
                    "call restorer(scene, prompt), or plan(prompt, pixel_m=10)"
                ) from None
            raise

    def plan(
        self,
        prompt: str | Sequence[Step],
        scale: int | None = None,
        guides: Collection[str] = (),
        pixel_m: float | None = None,
    ) -> list[Step]:
        """The steps that a call with the same arguments would take.

        A ``scale`` overrides that of the words; where they ask for no finer grid, it adds that step at the end. Steps
        that a guide helps use it: clouds are removed with radar, resolution and sharpness are improved with PAN.

        Args:
            prompt: words, or steps as ``understand`` gives them.
            scale: how many times finer the grid shall be, 2 to 4.
            guides: roles of the guides that are given.
            pixel_m: size of the pixels in metres, for words that ask for another ("bring it to 5 m").

        Raises:
            InstructionError: a step needs a guide that is missing, a guide helps no step, these weights were not
                trained on a step, or the words ask for a pixel size that is out of reach.
            ConfigError: the grid cannot be made finer by ``scale``, there is no such role, a step's severity is out of
                range, or the words ask for a pixel size and ``pixel_m`` is unknown, or that size already.
        """
        roles = [role_of(name) for name in guides]
        given: Any = prompt
        if isinstance(given, str) and (size := pixel_size_request(given)):
            words, scale = size.resolved(pixel_m, scale)
            given = words or []
            if not given and scale is None:
                raise ConfigError(f"the pixels are {pixel_m:g} m wide already; there is nothing to do")
        steps: list[Any] = (
            [*given] if isinstance(given, Sequence) and not isinstance(given, str) else self.understand(given)
        )
        if invalid := [step for step in steps if not isinstance(step, Step)]:
            raise InstructionError(_no_instruction(invalid[0]))
        steps = with_guided_tasks(steps, roles)
        if scale is not None:
            steps = with_scale(steps, scale)
        for step in steps:
            check_step(step, roles, self.tasks, self.info.config.name)
        return steps

    @overload
    def __call__(
        self,
        scene: Image,
        prompt: str | Sequence[Step] | None = ...,
        *,
        guides: Mapping[str, AnyImage] | None = ...,
        bands: BandsLike | None = ...,
        scale: int | None = ...,
        uncertainty: Literal[False] = ...,
        tile: int | None = ...,
        project: bool = ...,
        progress: Progress | None = ...,
    ) -> Image: ...

    @overload
    def __call__(
        self,
        scene: Image,
        prompt: str | Sequence[Step] | None = ...,
        *,
        guides: Mapping[str, AnyImage] | None = ...,
        bands: BandsLike | None = ...,
        scale: int | None = ...,
        uncertainty: Literal[True],
        tile: int | None = ...,
        project: bool = ...,
        progress: Progress | None = ...,
    ) -> tuple[Image, Image]: ...

    def __call__(
        self,
        scene: AnyImage,
        prompt: str | Sequence[Step] | None = None,
        *,
        guides: Mapping[str, AnyImage] | None = None,
        bands: BandsLike | None = None,
        scale: int | None = None,
        uncertainty: bool = False,
        tile: int | None = None,
        project: bool = True,
        progress: Progress | None = None,
    ) -> AnyImage | tuple[AnyImage, AnyImage]:
        """Restore ``scene`` as ``prompt`` says.

        Args:
            scene: ``(band, y, x)``, physical values, NaN where there is no data; see ``picture_of``.
            prompt: words, or steps as ``understand`` gives them; without any, what ``diagnose`` finds is mended, and
                where it finds nothing the values stay as they are.
            guides: images that help, by role (``sar``, ``pan``, ``fine_before``, ``coarse_before``): DataArrays on
                grids of their own, or arrays of the scene's shape or a whole number of times it.
            bands: a sensor's name or one band (or band name) per channel, where ``scene`` does not say.
            scale: how many times finer the grid shall be, 2 to 4.
            uncertainty: also give the standard deviation of the error, in physical units.
            tile: side of the pieces that are worked on at a time, in pixels; changes memory and speed only.
            project: preserve radiometry on a finer grid (sr, pansharpen): where the grids nest, the mean over every
                input pixel is that pixel. Where the panchromatic band shows that the bands are blurred by more than
                their pixels, the image seen through that blur is preserved instead.
            progress: called after every tile with the number of tiles done and of all tiles; never if ``scene`` is
                backed by Dask and there are no guides, as nothing is computed yet: see ``dask.diagnostics``.

        Returns:
            The result, of the type of ``scene`` (lazy where that is backed by Dask and there are no guides), float32,
            NaN exactly where the scene has no data. A few values far outside the range of their band are treated like
            gaps, but keep their own value (NaN on a grid in which the scene's does not nest). With ``uncertainty``, a
            pair of the result and the standard deviation of its error, that of a Laplace distribution (sqrt(2) times
            its scale), with errors of successive steps taken as independent; NaN where a value was kept so.

        Raises:
            LlarsError: the scene, the bands or the prompt cannot be worked with; the message says what to do.
        """
        guides = check_guides(guides)
        if prompt is None:
            prompt = corrective_steps(self.diagnose(scene, bands=bands))
        if isinstance(scene, xr.DataArray) and scene.chunks is not None and not guides:
            steps = self.plan(prompt, scale, pixel_m=bands_and_ranges(scene, bands)[0][0].gsd_m)
            return lazily(self, scene, steps, bands, Options(tile, uncertainty, project))
        options = Options(tile, uncertainty, project, progress=progress)
        stream = self.stream(scene, prompt, guides=guides, bands=bands, scale=scale, options=options)
        values = np.empty(stream.shape, dtype=np.float32)
        deviation = np.empty(stream.shape, dtype=np.float32) if uncertainty else None
        for part in stream:
            window = (slice(None), *part.window.slices)
            values[window] = part.values
            if deviation is not None and part.deviation is not None:
                deviation[window] = part.deviation
        image = like(scene, values, grid_of(scene), stream.grid, stream.scale)
        if deviation is None:
            return image
        return image, like(scene, deviation, grid_of(scene), stream.grid, stream.scale)

    def stream(
        self,
        scene: AnyImage,
        prompt: str | Sequence[Step],
        *,
        guides: Mapping[str, AnyImage] | None = None,
        bands: BandsLike | None = None,
        scale: int | None = None,
        options: Options | None = None,
        say: Callable[[str], object] = str,
    ) -> Stream:
        """The restoration of a scene that need not fit into memory, ready to be taken window by window.

        Arguments and errors are those of a call; ``say`` is called with notes on the scene and the guides.
        """
        images, picture = check_guides(guides), picture_of(scene, bands)
        for note in picture.notes:
            say(note)
        steps = self.plan(prompt, scale, images, picture.bands[0].gsd_m)
        helpers = read_guides(images, picture, say)
        return Stream(self.engine, picture, steps, helpers, options or Options(), say)

    def diagnose(self, scene: AnyImage, *, bands: BandsLike | None = None) -> list[Finding]:
        """What is wrong with ``scene``, in the order in which it is mended, each with the prompt that mends it."""
        return list(self.examine(scene, bands=bands).findings)

    def examine(self, scene: AnyImage, *, bands: BandsLike | None = None) -> Diagnosis:
        """``diagnose``, with all measurements."""
        return diagnosed(picture_of(scene, bands), self.tasks)


def _no_instruction(found: object) -> str:
    return f"found {found!r} in place of an instruction, expected words ('remove the haze') or steps of understand()"
