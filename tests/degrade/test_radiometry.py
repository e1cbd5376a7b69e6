"""Brightness is a gain in stops."""

import pytest
import torch

from llars import degrade
from llars.errors import ConfigError
from llars.tasks import brightness_gain


@pytest.mark.parametrize("severity", [-1.0, -0.3, 0.5, 1.0])
def test_the_gain_of_the_task_undoes_it(severity: float) -> None:
    image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    restored = degrade.get("brightness")(image, severity) * brightness_gain(severity)
    torch.testing.assert_close(restored, image)


def test_full_severity_halves() -> None:
    assert degrade.get("brightness")(torch.full((1, 1, 1), 0.8), 1.0).item() == pytest.approx(0.4)


def test_severity_ends_at_one_stop_either_way() -> None:
    with pytest.raises(ConfigError, match="from -1 to 1"):
        degrade.get("brightness")(torch.zeros(1, 1, 1), -1.1)
