"""Which names of devices are taken, and what is said of the others."""

import pytest
import torch

from llars.errors import ConfigError
from llars.model.device import pick_device


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_the_processor_is_always_there(name: str) -> None:
    assert pick_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["", "cpu:1", "cpu:x", "cuda:", "cuda:99", "meta", "toaster"])
def test_what_torch_does_not_know_or_have_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ConfigError, match=f"device {name!r} is not available; this machine has .*cpu") as refused:
        pick_device(name)
    assert "\n" not in str(refused.value)


def test_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ConfigError, match="this machine has cuda, cpu"):
        pick_device("cuda:2")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("mps:0") == torch.device("mps:0")
