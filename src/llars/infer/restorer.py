"""The Python interface: weights, an instruction and a scene in, a better scene out."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, overload

import numpy as np

from llars.errors import ConfigError, InstructionError, LlarsError
from llars.infer.diagnosis import Finding, findings
from llars.infer.engine import Encodes, Engine, Precision, pick_device, runs_in_half
from llars.infer.instructions import Interpretation, Reader
from llars.infer.picture import AnyImage, BandsLike, Image, Picture, picture_of, with_values
from llars.infer.pixels import repeat
from llars.model.network import Network
from llars.tasks import RESOLUTIONS, Step, get_task
from llars.text.encoder import SentenceEncoder
from llars.weights.registry import WeightsInfo, find, load_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Progress = Callable[[int, int], None]

__all__ = ["Restorer", "load"]


class Interprets(Protocol):
    """Turns words into steps."""

    def interpret(self, text: str) -> Interpretation:
        """What ``text`` asks for, and where it could be read otherwise."""


def load(
    name_or_file: str | os.PathLike[str] = "llars-small",
    device: str = "auto",
    *,
    precision: Precision = "auto",
) -> Restorer:
    """A restorer from bundled weights or a weights file; nothing is ever fetched from a network.

    Args:
        name_or_file: name of bundled weights (``llars models`` lists them) or path of a safetensors file.
        device: ``auto`` (the first of cuda, mps, cpu that is there) or any device that torch knows.
        precision: of the backbone; ``auto`` is bfloat16 where the device computes it natively. The output head, and
            everything that is decided once per scene, stay in float32.

    Raises:
        WeightsError: there are no such weights, or they are damaged.
        ConfigError: the device is not there, or the precision is unknown.
    """
    network, info = load_network(find(name_or_file))
    encoder = SentenceEncoder()
    return Restorer(network, info, Reader(encoder), encoder, device=device, precision=precision)


class Restorer:
    """Restores scenes with one set of weights; ``load`` makes one."""

    def __init__(
        self,
        network: Network,
        info: WeightsInfo,
        reader: Interprets,
        encoder: Encodes,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> None:
        self.info = info
        """What the weights file says of itself."""
        self.device = pick_device(device)
        """Where the network runs."""
        self._engine = Engine(network, encoder, self.device, runs_in_half(precision, self.device))
        self._reader = reader

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
        return self._reader.interpret(prompt)

    def plan(self, prompt: str | Sequence[Step], scale: int | None = None) -> list[Step]:
        """The steps that a call with the same arguments would take.

        A ``scale`` overrides that of the words; where they ask for no finer grid, it adds that step at the end.

        Raises:
            InstructionError: a step needs a guide, or these weights were not trained on it.
            ConfigError: the grid cannot be made finer by ``scale``.
        """
        steps = self.understand(prompt) if isinstance(prompt, str) else list(prompt)
        if scale is not None:
            steps = _with_scale(steps, scale)
        for step in steps:
            self._require(step)
        return steps

    def _require(self, step: Step) -> None:
        able = f"these weights ({self.info.config.name}) can do {', '.join(self.tasks)}"
        task = get_task(step.task)
        if task.guides:
            roles = " and ".join(role.value for role in task.guides)
            raise InstructionError(f"{step.text!r} asks for {task.key}, which needs a guide ({roles}); {able}")
        if task.key not in self.tasks:
            raise InstructionError(f"{step.text!r} asks for {task.key}; {able}")
        if task.key == "sr" and step.scale not in RESOLUTIONS:
            raise InstructionError(f"{step.text!r} asks for a grid {step.scale} times finer; 2, 3 and 4 are possible")

    @overload
    def __call__(
        self,
        scene: Image,
        prompt: str | Sequence[Step],
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
        prompt: str | Sequence[Step],
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
        prompt: str | Sequence[Step],
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
            prompt: words, or steps as ``understand`` gives them.
            guides: images that help, by role; no weights use any yet.
            bands: a sensor's name or one band (or band name) per channel, where ``scene`` does not say.
            scale: how many times finer the grid shall be, 2 to 4.
            uncertainty: also give the standard deviation of the error, in physical units.
            tile: side of the pieces that are worked on at a time, in pixels; changes memory and speed only.
            project: hold the radiometry of a finer grid: its mean over every input pixel is that pixel.
            progress: called after every tile with the number of tiles done and of all tiles.

        Returns:
            The result, of the type of ``scene``, float32, NaN exactly where the scene has no data; with
            ``uncertainty`` a pair of it and the standard deviation, that of a Laplace distribution (sqrt(2) times
            its scale), errors of successive steps taken for independent.

        Raises:
            LlarsError: the scene, the bands or the prompt cannot be worked with; the message says what to do.
        """
        if guides:
            raise LlarsError(f"guides ({', '.join(guides)}) are not supported yet by these weights; leave them out")
        steps = self.plan(prompt, scale)
        picture = picture_of(scene, bands)
        tick = self._ticker(picture, steps, tile, progress)
        variance: NDArray[np.float32] | None = None
        for step in steps:
            picture, deviation = self._engine.take(
                step, picture, tile=tile, uncertainty=uncertainty, project=project, tick=tick
            )
            if deviation is not None:
                np.square(deviation, out=deviation)
                if variance is not None:
                    deviation += repeat(variance, step.scale)
                variance = deviation
        factor = math.prod(step.scale for step in steps)
        image = with_values(scene, picture.physical(picture.values), factor)
        if not uncertainty:
            return image
        # Without a step there is no error.
        deviation = np.zeros_like(picture.values) if variance is None else np.sqrt(variance, out=variance)
        return image, with_values(scene, picture.physical(deviation, width=True), factor)

    def _ticker(
        self, picture: Picture, steps: Sequence[Step], tile: int | None, progress: Progress | None
    ) -> Callable[[], None]:
        """What the engine calls after every tile."""
        total, factor = 0, 1
        for step in steps:
            factor *= step.scale
            total += len(self._engine.grid([side * factor for side in picture.values.shape], tile))
        done = itertools.count(1)
        return lambda: progress(next(done), total) if progress else None

    def diagnose(self, scene: AnyImage, *, bands: BandsLike | None = None) -> list[Finding]:
        """What is wrong with ``scene``, worst first, each with the prompt that mends it."""
        return findings(self._engine.faults(picture_of(scene, bands)), self.tasks)


def _with_scale(steps: list[Step], scale: int) -> list[Step]:
    if scale not in RESOLUTIONS:
        raise ConfigError(f"cannot make the grid {scale} times finer; the scale must be 2, 3 or 4")
    wish = Step("sr", (scale - 1) / 3, RESOLUTIONS[scale], scale)
    if any(step.task == "sr" for step in steps):
        return [wish if step.task == "sr" else step for step in steps]
    return [*steps, wish]
