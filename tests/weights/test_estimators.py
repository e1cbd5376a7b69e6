"""The bundled estimators as they are stored: all of them whole, that of clouds as good as it was chosen for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llars.bands import plain_bands
from llars.degrade.clouds import cloudy
from llars.errors import WeightsError
from llars.model.normalise import Statistics
from llars.model.opacity import OpacityNetwork
from llars.starts.clouds import clear
from llars.weights.estimators import OPACITY, load_opacity, load_optics, load_upsampling
from llars.weights.helpers import bundle_helper


@torch.inference_mode()
def test_clouds_come_off_ground_of_which_nothing_is_told() -> None:
    network = load_opacity()
    assert not network.training
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    ground = 0.2 + 0.05 * torch.sin(y / 9) * torch.cos(x / 7)
    image = torch.stack([ground, 0.9 * ground, 0.7 * ground])[None]
    assert network.cover(image, [plain_bands(3)], Statistics.of(image)).opacity.max() < 0.5
    left = []
    for seed in range(3, 9):
        overcast, opacity = cloudy(image, 0.3, torch.Generator().manual_seed(seed), [plain_bands(3)])
        start, _ = clear(network, overcast, [plain_bands(3)], Statistics.of(overcast))
        opaque = (opacity > 0.9).expand_as(image)
        left.append(float((start - image)[opaque].abs().mean() / (overcast - image)[opaque].abs().mean()))
        assert network.cover(overcast, [plain_bands(3)], Statistics.of(overcast)).opacity[opacity < 0.01].mean() < 0.1
    assert sum(left) / len(left) < 0.25


def test_round_trip_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = OpacityNetwork().half().float()
    again = load_opacity(bundle_helper(OPACITY, made, {"seed": 0}, tmp_path).parent)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in made.state_dict().items())


@pytest.mark.parametrize("load", [load_optics, load_opacity, load_upsampling])
def test_they_are_whole_and_ready_for_use(load: Callable[[], torch.nn.Module]) -> None:
    estimator = load()
    assert not estimator.training
    assert all(tensor.isfinite().all() and tensor.dtype == torch.float32 for tensor in estimator.state_dict().values())


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = bundle_helper(OPACITY, OpacityNetwork(), {}, tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match=r"llars-opacity.safetensors is damaged"):
        load_opacity(tmp_path)
