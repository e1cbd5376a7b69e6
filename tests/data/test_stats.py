"""The picture of a corpus is drawn, and its text counts what the manifest counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llars.cli import MISTAKE, OK, run
from llars.data.stats import lines


def test_a_corpus_is_drawn_and_counted(catalogue: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    for name, split in (("a", "train"), ("b", "train"), ("c", "val")):
        values = rng.integers(0, 9000, (2, 300, 30)).astype(np.uint16)
        catalogue.add(name, "made-up", ["x", "y"], values, gsd=10, scale=1e-4, split=split)
    config = tmp_path / "data.yaml"
    noise = "{synthetic: 40, side: 4, tasks: [haze, denoise], sensors: [sentinel2-l2a]}"
    out = tmp_path / "out"
    config.write_text(f"out: {out}\nsplits: [train, val]\nsources: {{noise: {noise}, ours: {{catalogue: .}}}}\n")
    assert run(["data", "build", str(config), str(catalogue.root)]) == OK
    capsys.readouterr()
    assert run(["data", "stats", str(config), "--out", str(tmp_path / "picture.png")]) == OK
    said = capsys.readouterr().out.splitlines()
    assert said == lines(out)
    assert "  task haze: 20 samples" in said
    assert "  sensor made-up: 2 images, 0.02 Mpx" in said
    assert any(line.startswith("val: 1 samples, 1 images") for line in said)
    from matplotlib.image import imread

    assert run(["data", "stats", str(config), "--out", str(tmp_path / "picture.png")]) == MISTAKE
    assert "picture.png exists" in capsys.readouterr().err
    assert run(["data", "stats", str(config), "--out", str(tmp_path / "none" / "a.png")]) == MISTAKE
    assert capsys.readouterr().err.startswith("llars: error: cannot write")
    assert run(["data", "stats", str(config), "--out", str(tmp_path / "picture.png"), "--overwrite"]) == OK
    picture = imread(tmp_path / "picture.png")
    assert picture.shape[:2] == (1470, 1260)  # 21 x 18 inches at 70 pixels each
    # The lower half is the contact sheet: colours, not paper.
    assert np.ptp(picture[800:, :, :3], axis=2).mean() > 0.01
