"""Several processes train one network: the mean of their gradients moves it, and all hold the same weights."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from llars.train.processes import Processes, joined

SCRIPT = """
import sys, torch
from pathlib import Path
from llars.train.processes import joined

with joined("cpu") as (processes, device):
    layer = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    spare = torch.nn.Parameter(torch.ones(3))
    layer.register_parameter("spare", spare)
    rank = processes.rank
    loss = (layer(torch.full((1, 2), 1.0 + rank))).sum() + (spare.sum() if rank else 0.0)
    loss.backward()
    processes.average_gradients(layer)
    stop = processes.agree(rank == 1)
    found = f"{processes.count} {layer.weight.grad.tolist()} {spare.grad.tolist()} {stop}"
    Path(sys.argv[1], f"{rank}.txt").write_text(found)
"""


def test_alone_nothing_is_exchanged() -> None:
    with joined("cpu") as (processes, device):
        assert (processes.rank, processes.count, processes.first, device) == (0, 1, True, "cpu")
        assert processes.agree(True)
        assert not processes.agree(False)
        value = torch.ones(2)
        processes.average([value])
        assert value.tolist() == [1.0, 1.0]


def test_gradients_are_averaged_over_two_processes(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(SCRIPT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*launcher, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    # Gradients 1 and 2 have the mean 1.5; the parameter that one process left out counts as zero there.
    for rank in (0, 1):
        assert (tmp_path / f"{rank}.txt").read_text() == "2 [[1.5, 1.5]] [0.5, 0.5, 0.5] True"


def test_one_of_many_is_not_the_first() -> None:
    assert not Processes(rank=1, count=2).first
