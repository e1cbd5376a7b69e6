"""Facts about the words that the network is conditioned on."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from llars.tasks import TASK_KEYS
from llars.text.plain import PlainWords


class Noted:
    """An encoder that numbers the sentences it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.texts = list(texts)
        return np.arange(len(texts), dtype=np.float32)[:, None]


def said(task: str, severity: float, count: int = 40, seed: int = 0) -> list[str]:
    encoder = Noted()
    words = PlainWords(encoder)
    index = torch.full((count,), TASK_KEYS.index(task))
    drawn: Tensor = words.draw(index, torch.full((count,), severity), torch.Generator().manual_seed(seed))
    assert drawn.shape == (count, 1) and drawn.dtype == torch.float32
    return [encoder.texts[int(row)] for row in drawn[:, 0]]


def test_words_name_the_strength_or_none() -> None:
    assert set(said("denoise", 0.9)) == {"reduce the noise", "strongly reduce the noise"}
    assert set(said("haze", 0.1)) == {"remove the haze", "slightly remove the haze"}
    assert set(said("deblur", 0.5)) == {"sharpen the blurred image"}


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_factor_is_always_told(scale: int) -> None:
    told = {2: "double the resolution", 3: "triple the resolution", 4: "quadruple the resolution"}
    assert set(said("sr", (scale - 1) / 3)) == {told[scale]}


def test_a_direction_is_always_told() -> None:
    assert set(said("brightness", -0.9)) == {"strongly darken the image"}
    assert set(said("brightness", 0.25)) == {"slightly brighten the image"}


@pytest.mark.parametrize("task", TASK_KEYS)
@pytest.mark.parametrize("severity", [0.0, 0.35, 0.7, 1.0])
def test_every_task_has_words_at_every_strength(task: str, severity: float) -> None:
    assert len(said(task, severity)) == 40


def test_same_generator_same_draw() -> None:
    assert said("cloud", 0.8, seed=3) == said("cloud", 0.8, seed=3)
    assert said("cloud", 0.8, seed=3) != said("cloud", 0.8, seed=4)
