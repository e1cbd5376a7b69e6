"""Crops hold valid pixels only, from the scenes that may serve, with bands that match their channels."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from llars.data import patches
from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.errors import DataError


class Counting(np.random.Generator):
    """Draws one whole number, below the limit that is expected."""

    def __init__(self, number: int, limit: int) -> None:
        super().__init__(np.random.PCG64(0))
        self.number, self.limit = number, limit

    def integers(self, limit: int) -> int:  # type: ignore[override]
        assert limit == self.limit
        return self.number


@pytest.fixture
def source(corpus: Corpus) -> PatchSource:
    return PatchSource(corpus)


def test_a_patch_is_a_turned_window_of_its_scenes_bands(corpus: Corpus, source: PatchSource) -> None:
    patches = source.draw(10, 32, 4, np.random.default_rng(0))
    scene = next(scene for scene in corpus.scenes if scene.name == "place_20m_stack")
    for patch, bands in zip(patches.clean.numpy(), patches.bands, strict=True):
        assert {band.name for band in bands} == {band.name for band in scene.bands}
        for channel, band in zip(patch, bands, strict=True):
            whole = scene.crop([[b.name for b in scene.bands].index(band.name)], 0, 0, *scene.shape)
            # Flips and transposes keep the set of values, and every value is one of the right band.
            assert np.isin(channel, whole).all()


def test_patches_hold_no_invalid_pixel(corpus: Corpus, source: PatchSource) -> None:
    rng = np.random.default_rng(1)
    holed = [i for i, scene in enumerate(corpus.scenes) if scene.valid is not None and source.has_window(i, 48)]
    assert {corpus.scenes[i].name for i in holed} == {"drone_with_border", "place_10m", "place_20m_stack"}
    for index in holed:
        valid = corpus.scenes[index].valid
        assert valid is not None
        for _ in range(50):
            y, x = source.corner(index, 48, rng)
            assert valid[y : y + 48, x : x + 48].all()
            assert valid[y : y + 48, x : x + 48].shape == (48, 48)


@pytest.mark.parametrize("strip", [patches.STRIP, 7])
def test_every_free_window_is_drawn_by_its_place_in_the_scene(
    corpus: Corpus, source: PatchSource, monkeypatch: pytest.MonkeyPatch, strip: int
) -> None:
    monkeypatch.setattr(patches, "STRIP", strip)
    index = next(i for i, scene in enumerate(corpus.scenes) if scene.name == "place_20m_stack")
    valid = corpus.scenes[index].valid
    assert valid is not None
    free = np.argwhere(np.lib.stride_tricks.sliding_window_view(valid, (40, 40)).all(axis=(2, 3))).tolist()
    drawn = [source.corner(index, 40, Counting(number, len(free))) for number in range(len(free))]
    assert drawn == list(map(tuple, free))


def test_what_is_kept_of_a_scene_is_small(corpus: Corpus) -> None:
    valid = np.ones((3000, 1000), dtype=bool)
    valid[1500, 500] = False
    scene = replace(corpus.scenes[0], values=np.zeros((1, 3000, 1000), np.uint8), valid=valid)
    source = PatchSource(Corpus(corpus.path, "train", (scene,)))
    tracemalloc.start()
    source.corner(0, 64, np.random.default_rng(0))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000  # eight bytes a row, and a little; a number for every window would be 11 MB


def test_windows_reach_every_edge(corpus: Corpus, source: PatchSource) -> None:
    index = next(i for i, scene in enumerate(corpus.scenes) if scene.valid is None)
    height, width = corpus.scenes[index].shape
    rng = np.random.default_rng(2)
    corners = np.array([source.corner(index, height - 2 if height < width else width - 2, rng) for _ in range(200)])
    shorter = 0 if height < width else 1
    assert set(corners[:, shorter]) == {0, 1, 2}


def test_averaging_doubles_the_sampling_distance_and_calms_noise(source: PatchSource) -> None:
    plain = source.draw(3, 32, 64, np.random.default_rng(3))
    averaged = source.draw(3, 32, 64, np.random.default_rng(3), averaged=1.0, sharp=True)
    drones = [bands[0].gsd_m for bands in averaged.bands if bands[0].name in "RGB"]
    assert set(drones) == {0.2}
    roughness = [(p.clean[..., 1:] - p.clean[..., :-1]).square().mean() for p in (averaged, plain)]
    assert roughness[0] < 0.7 * roughness[1]  # averaging 4 pixels leaves a quarter of the variance of white noise


def test_soft_scenes_serve_only_where_sharpness_does_not_matter(source: PatchSource) -> None:
    soft = {bands[0].gsd_m for bands in source.draw(4, 32, 200, np.random.default_rng(4)).bands}
    sharp = {bands[0].gsd_m for bands in source.draw(4, 32, 200, np.random.default_rng(4), sharp=True).bands}
    assert soft - sharp == {18.0}


def test_sensors_are_balanced_by_the_root_of_their_pixels(corpus: Corpus, source: PatchSource) -> None:
    drawn = source.draw(3, 32, 3000, np.random.default_rng(5))
    drones = sum(bands[0].name in "RGB" for bands in drawn.bands) / 3000
    pixels = {"rgb-drone": 0, "sentinel2-l2a": 0}
    for index, scene in enumerate(corpus.scenes):
        if source.has_window(index, 32):
            pixels[scene.sensor] += scene.pixels
    expected = pixels["rgb-drone"] ** 0.5 / sum(value**0.5 for value in pixels.values())
    assert drones == pytest.approx(expected, abs=0.04)  # four standard errors


def test_more_bands_than_any_scene_has_are_refused(source: PatchSource) -> None:
    assert not source.serves(11, 32)
    with pytest.raises(DataError, match="11 bands"):
        source.draw(11, 32, 1, np.random.default_rng(0))
