"""Batches are a pure function of seed and step, whole, and mixed as the recipe says."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest
import torch
from tests.packing import pack

from llars.bands import Modality
from llars.data.catalog import read_catalog
from llars.data.corpus import Corpus
from llars.data.mix import Instructions, Loader, Mixer, Recipe
from llars.errors import ConfigError, DataError
from llars.sample import Batch
from llars.tasks import TASK_KEYS

SIDE = 40


@pytest.fixture
def mixer(corpus: Corpus, words: Instructions) -> Mixer:
    return Mixer(corpus, words, Recipe(), batch_size=8, patch=SIDE, seed=7)


def only(corpus: Corpus, words: Instructions, task: str, **recipe: object) -> Mixer:
    settings = {"none_needed": 0.0, "second_fault": 0.0, "unknown_bands": 0.0, "speckle": 0.0} | recipe
    return Mixer(corpus, words, Recipe({task: 1.0}, **settings), batch_size=8, patch=SIDE)  # type: ignore[arg-type]


def same(a: Batch, b: Batch) -> bool:
    tensors = ("degraded", "clean", "task", "severity", "instruction", "faults", "factor", "guides")
    return a.bands == b.bands and all(torch.equal(getattr(a, name), getattr(b, name)) for name in tensors)


def test_a_batch_depends_on_seed_and_step_alone(corpus: Corpus, words: Instructions, mixer: Mixer) -> None:
    expected = {step: mixer.batch(step) for step in (5, 3, 9)}
    again = Mixer(corpus, words, Recipe(), batch_size=8, patch=SIDE, seed=7)
    assert all(same(again.batch(step), batch) for step, batch in sorted(expected.items()))
    assert not same(mixer.batch(3), mixer.batch(4))
    other = Mixer(corpus, words, Recipe(), batch_size=8, patch=SIDE, seed=8)
    assert not same(other.batch(3), expected[3])


def test_a_pickled_mixer_makes_the_same_batches(mixer: Mixer) -> None:
    expected = mixer.batch(11)
    assert same(pickle.loads(pickle.dumps(mixer)).batch(11), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_loader_gives_the_steps_in_order(mixer: Mixer, workers: int) -> None:
    loader = Loader(mixer, 4, 8, workers=workers)
    batches = list(loader)
    assert len(loader) == len(batches) == 4
    assert all(same(batch, mixer.batch(step)) for step, batch in zip(range(4, 8), batches, strict=True))


def test_batches_are_whole(mixer: Mixer) -> None:
    for step in range(60):
        batch = mixer.batch(step)
        count = batch.clean.shape[1]
        assert batch.degraded.shape == batch.clean.shape == (8, count, SIDE, SIDE)
        assert batch.degraded.dtype == batch.clean.dtype == batch.severity.dtype == torch.float32
        assert torch.isfinite(batch.degraded).all()
        assert torch.isfinite(batch.clean).all()
        assert [len(bands) for bands in batch.bands] == [count] * 8
        assert batch.task.shape == batch.severity.shape == (8,)
        assert batch.instruction.shape == (8, 384)
        assert batch.faults.shape == (8, len(TASK_KEYS))


def test_severity_zero_means_that_nothing_changes(corpus: Corpus, words: Instructions) -> None:
    mixer = only(corpus, words, "haze", none_needed=1.0)
    for step in range(10):
        batch = mixer.batch(step)
        assert torch.equal(batch.degraded, batch.clean)
        assert not batch.severity.any()


def test_severities_above_zero_mean_that_something_changes(mixer: Mixer) -> None:
    for step in range(40):
        batch = mixer.batch(step)
        changed = (batch.degraded != batch.clean).flatten(1).any(1)
        # The start of denoising takes out what noise the corpus itself has.
        kept = batch.task != TASK_KEYS.index("denoise")
        assert not (changed & kept & (batch.severity == 0)).any()
        # The mildest dead lines may miss a patch.
        assert changed[batch.severity > 0.2].all()


def test_shares_are_those_of_the_recipe(corpus: Corpus, words: Instructions) -> None:
    recipe = Recipe({"denoise": 3.0, "destripe": 1.0}, none_needed=0.2, bands={3: 3.0, 4: 1.0})
    mixer = Mixer(corpus, words, recipe, batch_size=4, patch=SIDE)
    batches = [mixer.batch(step) for step in range(600)]
    tasks = Counter(TASK_KEYS[int(batch.task[0])] for batch in batches)
    # Four standard errors of a share of 600 draws are at most 0.08.
    assert tasks["denoise"] / 600 == pytest.approx(0.75, abs=0.08)
    assert sum(len(batch.bands[0]) == 3 for batch in batches) / 600 == pytest.approx(0.75, abs=0.08)
    assert sum(not bool(batch.severity.any()) for batch in batches) / 600 == pytest.approx(0.2, abs=0.08)


@pytest.mark.parametrize("step", range(6))
def test_coarse_pixels_are_whole_in_super_resolution(corpus: Corpus, words: Instructions, step: int) -> None:
    batch = only(corpus, words, "sr").batch(step)
    for row in range(0, 8, 4):
        factor = round(1 + 3 * float(batch.severity[row]))
        side = SIDE // factor * factor
        blocks = [
            image[row, :, :side, :side].unflatten(1, (-1, factor)).unflatten(3, (-1, factor)).mean((2, 4))
            for image in (batch.degraded, batch.clean)
        ]
        shifted = batch.clean[row, :, 1 : side - factor + 1, :side]
        off = shifted.unflatten(1, (-1, factor)).unflatten(3, (-1, factor)).mean((2, 4))
        error = (blocks[0] - blocks[1]).square().mean()
        # Bicubic enlargement nearly keeps the means of the coarse pixels; those of any other grid differ more.
        assert error < (blocks[0][:, : off.shape[1]] - off).square().mean()


def test_speckle_comes_with_radar_bands(corpus: Corpus, words: Instructions) -> None:
    batch = only(corpus, words, "denoise", speckle=1.0, bands={2: 1.0}).batch(0)
    assert {band.modality for bands in batch.bands for band in bands} == {Modality.SAR}
    assert (batch.severity > 0).all()


def test_some_bands_are_untold(corpus: Corpus, words: Instructions) -> None:
    batch = only(corpus, words, "haze", unknown_bands=1.0).batch(0)
    assert {band.modality for bands in batch.bands for band in bands} == {Modality.UNKNOWN}


@pytest.mark.parametrize(
    ("task", "roles"),
    [("pansharpen", ["pan"]), ("stf", ["fine_before"] * 4 + ["coarse_before"] * 4)],
)
def test_guides_come_after_the_targets(corpus: Corpus, words: Instructions, task: str, roles: list[str]) -> None:
    batch = only(corpus, words, task, bands={4: 1.0}).batch(0)
    assert batch.guides.shape == (8, len(roles), SIDE, SIDE)
    assert batch.image.shape[1] == 4 + len(roles)
    assert all([band.role for band in bands] == ["target"] * 4 + roles for bands in batch.bands)
    assert torch.isfinite(batch.image).all()


def test_histograms_are_told_by_their_task(corpus: Corpus, words: Instructions) -> None:
    batch = only(corpus, words, "stretch").batch(0)
    assert batch.about_histogram
    ordered = batch.clean.flatten(2).sort(-1).values
    assert (ordered[..., 10] == 0).all()
    assert (ordered[..., -10] == 1).all()
    assert not only(corpus, words, "denoise").batch(0).about_histogram


def test_radar_guides_need_radar(corpus: Corpus, words: Instructions) -> None:
    with pytest.raises(DataError, match="no optical image with radar"):
        only(corpus, words, "cloud_sar")


def test_a_recipe_for_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(ConfigError, match="colourise"):
        Recipe({"colourise": 1.0})


def test_patches_larger_than_any_scene_are_refused(corpus: Corpus, words: Instructions) -> None:
    with pytest.raises(DataError, match="no sharp scene"):
        Mixer(corpus, words, Recipe(), patch=512)


def test_training_on_another_split_is_refused(folder: Path, tmp_path: Path, words: Instructions) -> None:
    pack(read_catalog(folder, "val"), tmp_path / "val")
    with pytest.raises(DataError, match="'val'"):
        Mixer(Corpus.open(tmp_path / "val"), words, Recipe(), patch=SIDE)
