"""Facts about the bundled instruction reader's file."""

import json
import os
from pathlib import Path

import pytest
import torch

from llars.errors import WeightsError
from llars.model.reading import InstructionReader
from llars.text.encoder import SentenceEncoder
from llars.weights.reader import bundle_reader, load_parser, load_reader


def test_the_bundled_reader_fits_its_checksum() -> None:
    reader = load_reader()
    assert not reader.training
    assert all(torch.isfinite(parameter).all() for parameter in reader.parameters())


def test_round_trip_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = InstructionReader().half().float()
    path = bundle_reader(made, {"seed": 0}, ["noise", "haze"], tmp_path / "new")
    again = load_reader(path.parent)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in made.state_dict().items())
    record = json.loads((tmp_path / "new" / "llars-reader.json").read_text())
    assert record["parameters"] == sum(parameter.numel() for parameter in made.parameters())


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = bundle_reader(InstructionReader(), {}, ["noise"], tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match=r"damaged: its SHA-256 begins with .*reinstall llars"):
        load_reader(tmp_path)
    path.unlink()
    with pytest.raises(WeightsError, match="missing or damaged; reinstall"):
        load_reader(tmp_path)


def test_who_reads_files_that_are_replaced_has_the_old_ones_whole(tmp_path: Path) -> None:
    """A second name of each file shows what its readers have: it may not change under them."""
    bundle_reader(InstructionReader(), {}, ["noise"], tmp_path / "package")
    names = [path.name for path in (tmp_path / "package").iterdir()]
    for name in names:
        os.link(tmp_path / "package" / name, tmp_path / name)
    before = {name: (tmp_path / name).read_bytes() for name in names}
    bundle_reader(InstructionReader(), {}, ["haze"], tmp_path / "package")
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
    assert {path.name for path in (tmp_path / "package").iterdir()} == {*before}
    assert all((tmp_path / "package" / name).read_bytes() != content for name, content in before.items())


def test_the_words_come_along_and_are_missed(tmp_path: Path) -> None:
    bundle_reader(InstructionReader(), {}, ["noise", "haze"], tmp_path)
    encoder = SentenceEncoder()
    assert load_parser(encoder, tmp_path).spell("reduce nosie") == "reduce noise"
    (tmp_path / "llars-reader.txt").unlink()
    with pytest.raises(WeightsError, match=r"llars-reader.txt are missing; reinstall"):
        load_parser(encoder, tmp_path)
