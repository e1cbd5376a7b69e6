"""The packed corpus says the same as the images it was packed from."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.packing import pack

from llars.data.catalog import read_catalog
from llars.data.corpus import Corpus
from llars.errors import DataError


def test_every_scene_comes_back(corpus: Corpus, folder: Path) -> None:
    for scene, sample in zip(corpus.scenes, read_catalog(folder, "train"), strict=True):
        np.testing.assert_array_equal(scene.values, sample.values)
        assert scene.values.dtype == sample.values.dtype
        assert (scene.valid is None) == bool(sample.valid.all())
        if scene.valid is not None:
            np.testing.assert_array_equal(scene.valid, sample.valid)
        assert (scene.name, scene.bands, scene.sharp) == (sample.scene, sample.bands, sample.sharp)
    # Black borders and nodata come back as such, and nothing else does.
    holed = {scene.name for scene in corpus.scenes if scene.valid is not None}
    assert holed == {"drone_with_border", "place_10m", "place_20m_stack"}


def test_scale_and_offset_are_honoured(corpus: Corpus) -> None:
    scene = next(scene for scene in corpus.scenes if scene.name == "place_10m")
    crop = scene.crop([2, 0], 5, 7, 4, 6)
    expected = scene.values[[2, 0], 5:9, 7:13].astype(np.float64) * 1e-4 - 0.1
    np.testing.assert_allclose(crop, expected, atol=1e-6)  # the range of reflectance is 0 to 1


def test_the_value_range_becomes_zero_to_one(folder: Path, tmp_path: Path) -> None:
    sample = replace(next(read_catalog(folder, "train")), value_range=(-0.5, 1.5))
    pack([sample], tmp_path / "one")
    crop = Corpus.open(tmp_path / "one").scenes[0].crop([0], 0, 0, 8, 8)
    np.testing.assert_allclose(crop, (sample.values[:1, :8, :8] / 255 + 0.5) / 2, atol=1e-6)


def test_statistics_leave_out_invalid_pixels(corpus: Corpus, folder: Path) -> None:
    sample = next(sample for sample in read_catalog(folder, "train") if sample.scene == "place_10m")
    scene = next(scene for scene in corpus.scenes if scene.name == "place_10m")
    held = sample.values[1][sample.valid] * 1e-4 - 0.1
    assert scene.statistics[1]["mean"] == pytest.approx(held.mean())
    assert scene.statistics[1]["min"] > 0


def test_a_corpus_pickles_as_its_path(corpus: Corpus) -> None:
    pickled = pickle.dumps(corpus)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled).scenes[0].values, corpus.scenes[0].values)


def test_a_corpus_cut_short_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    shutil.copytree(corpus.path, tmp_path / "cut")
    (shard,) = (tmp_path / "cut").glob("*.tar")
    shard.write_bytes(shard.read_bytes()[:-512])
    with pytest.raises(DataError, match="build the corpus again"):
        Corpus.open(tmp_path / "cut")


def test_a_split_that_is_not_there_is_told(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no corpus at"):
        Corpus.open(corpus.path.parent / "nowhere")


def test_scenes_of_a_stack_are_found_together(folder: Path, tmp_path: Path) -> None:
    samples = list(read_catalog(folder, "train"))[:3]
    pack([replace(sample, stack=name) for sample, name in zip(samples, ["a", "", "a"], strict=True)], tmp_path / "one")
    assert Corpus.open(tmp_path / "one").stacks == {"a": (0, 2)}
