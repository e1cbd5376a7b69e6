import pytest
import torch

from llars.bench import speed


def test_work_is_that_of_the_convolutions():
    side = 64
    dense = speed.folded("llars-tiny")
    counted = [0.0]

    def count(layer, inputs, output):
        counted[0] += 2 * layer.weight.numel() * output.shape[-2] * output.shape[-1]

    for layer in dense.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        dense(torch.rand(1, len(speed.BANDS), side, side))
    measured = speed.measure("llars-tiny", side, matrix=64)
    per_megapixel = counted[0] / 1e9 / (side * side / 1e6)
    # Beside its layers the network filters each band with a kernel of its own, and strips at half resolution.
    strips = dense.strips.column.numel() + dense.strips.row.numel()
    filtering = 2 * (dense.direct.kernel.numel() + strips / 4) / 1e3
    assert measured.work == pytest.approx(per_megapixel + filtering, rel=0.01)
    assert min(measured.matmul, measured.float32, measured.bfloat16, measured.memory) > 0


def test_targets_are_judged_by_the_machine():
    fast = speed.Speed("llars-small", 1024, 158.0, 99.0, 0.5, 1.01, 2.0)
    assert speed.report(fast).count(": met") == 2
    slow = speed.Speed("llars-small", 1024, 316.0, 101.0, 0.5, 1.99, 2.0)
    assert speed.report(slow).count(": missed") == 2
    assert "at least 2.000 Mpx/s" in speed.report(slow)


def test_an_unknown_preset_is_told(capsys):
    assert speed.main(["--preset", "llars-huge"]) == 2
    assert "llars-small" in capsys.readouterr().err
