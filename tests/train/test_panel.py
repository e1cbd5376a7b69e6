"""The picture of what a network does shows the colours that eyes expect."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from llars.bands import Band, Role
from llars.sample import Batch
from llars.tasks import TASK_KEYS

drawing = import_module("llars.train.panel")


def a_batch(task: str, nm: tuple[float, ...]) -> Batch:
    """One patch of 8 x 8 pixels; a band is bright in its own column alone, one of a guide follows."""
    clean = torch.zeros(1, len(nm), 8, 8)
    for band in range(len(nm)):
        clean[0, band, :, band] = 1.0
    bands = (*(Band(str(one), one) for one in nm), Band("PAN", 560.0, role=Role.PAN))
    index, none = torch.tensor([TASK_KEYS.index(task)]), torch.zeros(1)
    rest = none, torch.zeros(1, 384), torch.zeros(1, len(TASK_KEYS)), torch.ones(1, dtype=torch.int64)
    return Batch(clean / 2, clean, [bands], index, *rest, torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize(
    ("nm", "columns"), [((842.0, 480.0, 560.0, 660.0), (3, 2, 1)), ((842.0, 1610.0, 660.0), (0, 1, 2))]
)
def test_bands_are_shown_as_red_green_and_blue(
    monkeypatch: pytest.MonkeyPatch, nm: tuple[float, ...], columns: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(drawing, "restore", lambda network, batch: batch.clean)
    picture = drawing.panel(None, [a_batch("denoise", nm), a_batch("haze", nm)])
    side = 8 + drawing.GAP
    assert picture.shape == (2 * side, 3 * side, 3)
    for channel, column in enumerate(columns):
        for left, value in ((0, 128), (side, 255), (2 * side, 255)):  # before at half the brightness, after, truth
            shown = picture[:8, left : left + 8, channel]
            assert (shown[:, column] == value).all()
            assert shown.sum() == 8 * value
