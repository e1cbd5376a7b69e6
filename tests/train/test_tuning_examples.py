"""What tuning reads: pairs, tables and clean images; what it refuses; what it holds out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from llars.errors import ConfigError, DataError, LlarsError
from llars.infer.instructions import Interpretation
from llars.infer.sentences import SentenceMatcher
from llars.tasks import TASK_KEYS, TONES, Step
from llars.text.encoder import SentenceEncoder
from llars.train.tuning.batches import OTHERS, Batches, Words
from llars.train.tuning.config import TuneConfig, settings
from llars.train.tuning.examples import Example, read_examples
from llars.train.tuning.shift import measure_shift
from llars.train.tuning.split import split_by_place

Pairs = Callable[..., dict[str, Path]]


def stored(path: Path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read()


def rewrite(path: Path, values: np.ndarray) -> None:
    with rasterio.open(path) as source:
        profile = {**source.profile, "height": values.shape[1], "width": values.shape[2], "count": len(values)}
    with rasterio.open(path, "w", **profile) as target:
        target.write(values)


def configured(**given: Any) -> TuneConfig:
    return settings(None, {"task": "denoise", "out": "x.safetensors", "patch": 16, "batch_size": 3, **given})


def read(**given: Any) -> tuple[list[Example], list[str]]:
    return read_examples(configured(**given))


def test_pairs_are_read_in_unit_values_of_the_input(pairs: Pairs, tmp_path: Path) -> None:
    examples, notes = read(**pairs(2), sensor="rgb")
    assert [one.name for one in examples] == ["0.tif", "1.tif"]
    assert notes == []
    np.testing.assert_allclose(examples[0].truth, stored(tmp_path / "target" / "0.tif") / 255, atol=1e-6)
    np.testing.assert_allclose(examples[0].image, stored(tmp_path / "input" / "0.tif") / 255, atol=1e-6)


def test_a_shift_is_measured_and_told(pairs: Pairs, tmp_path: Path) -> None:
    given = pairs(2)
    target = tmp_path / "target" / "1.tif"
    texture = np.random.default_rng(0).integers(50, 200, (3, 48, 48)).astype(np.uint8)
    rewrite(target, texture[:, 4:40, 4:40])
    rewrite(tmp_path / "input" / "1.tif", texture[:, 2:38, 7:43])
    _, notes = read(**given)
    assert len(notes) == 1
    assert notes[0].startswith("1.tif: the target lies -2 rows and +3 columns from the input")


def test_a_shift_is_not_told_of_images_that_have_nothing_in_common() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 64, 64)).astype(np.float32)
    assert measure_shift(first, second) is None
    assert measure_shift(first, first) == (0, 0)


def test_bad_pairs_are_refused_in_one_line(pairs: Pairs, tmp_path: Path) -> None:
    given = pairs(3)
    source, target = (tmp_path / side / "1.tif" for side in ("input", "target"))
    kept, truth = stored(source), stored(target)

    def refused(says: str) -> None:
        with pytest.raises(LlarsError, match=says) as error:
            read(**given)
        assert "\n" not in str(error.value)

    rewrite(source, kept[:, :-1])
    refused("1.tif: the input has 35 x 36 pixels, the target 36 x 36; expected the same size")
    rewrite(source, kept[:2])
    refused("the input has 2 bands, the target 3")
    rewrite(source, truth)
    refused("1.tif: input and target are the same image")
    rewrite(source, kept)
    (tmp_path / "input" / "2.tif").unlink()
    refused("2.tif is in one of .* only")
    (tmp_path / "target" / "2.tif").unlink()
    (tmp_path / "target" / "1.tif").unlink()
    source.unlink()
    refused("at least 2 are needed")


def test_a_finer_target_is_for_tasks_that_make_one(pairs: Pairs, tmp_path: Path) -> None:
    given = pairs(2)
    for index in range(2):
        path = tmp_path / "input" / f"{index}.tif"
        rewrite(path, stored(path)[:, ::2, ::2])
    with pytest.raises(DataError, match="expected the same size"):
        read(**given)
    examples, _ = read(**given, task="sr")
    assert [one.factor for one in examples] == [2, 2]
    assert examples[0].image is not None
    assert examples[0].image.shape == examples[0].truth.shape


def test_a_table_names_guides_and_places(pairs: Pairs, tmp_path: Path) -> None:
    pairs(3)
    rows = [f"input/{i}.tif,target/{i}.tif,target/{i}.tif,{'north' if i < 2 else 'south'}" for i in range(3)]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(["input,target,pan,place", *rows]))
    examples, _ = read(pairs=table, task="pansharpen")
    assert examples[0].guides.shape == examples[0].truth.shape
    assert {band.role.value for band in examples[0].guide_bands} == {"pan"}
    train, held_out = split_by_place(examples, 0.5)
    assert {one.place for one in train}.isdisjoint({one.place for one in held_out})
    with pytest.raises(DataError, match="stf needs fine_before and coarse_before"):
        read(pairs=table, task="stf")
    table.write_text("input,truth\na,b")
    with pytest.raises(DataError, match=r"has the columns \['input', 'truth'\]"):
        read(pairs=table)


def test_a_table_as_excel_writes_it_and_without_a_guide(pairs: Pairs, tmp_path: Path) -> None:
    pairs(2)
    table = tmp_path / "pairs.csv"
    table.write_text("input,target,pan,place\ninput/0.tif,target/0.tif,,\ninput/1.tif,target/1.tif,,x\n", "utf-8-sig")
    examples, _ = read(pairs=table)
    assert [(len(one.guides), one.place) for one in examples] == [(0, ""), (0, "x")]
    with pytest.raises(DataError, match="pansharpen needs pan"):
        read(pairs=table, task="pansharpen")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("input,target\na.tif,b.tif,c.tif\n", "line 2 has 3 cells for 2 columns"),
        ("input,target\na.tif,b.tif\na.tif\n", "line 3 has no cell for target"),
        ("input,target,place\na.tif,,here\n", "line 2 has no target; name the file"),
        ("input,target,target\na.tif,b.tif,c.tif\n", "several columns called target"),
        ("input,target\nM\u00fcnchen.tif,b.tif\n", "not in UTF-8"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, rows: str, says: str) -> None:
    (tmp_path / "pairs.csv").write_text(rows, "latin-1")
    with pytest.raises(DataError, match=says) as caught:
        read(pairs=tmp_path / "pairs.csv")
    assert "\n" not in str(caught.value)


def test_what_overlaps_is_held_out_together(pairs: Pairs) -> None:
    examples, _ = read(**pairs(4))
    train, held_out = split_by_place(examples, 0.25)
    assert (len(train), len(held_out)) == (3, 1)
    assert split_by_place(list(reversed(examples)), 0.25)[1][0].name == held_out[0].name
    one = examples[0]
    # A name for one of two images does not part what overlaps.
    named = [replace(one, place="north"), replace(one, name="b", place=""), *examples[1:]]
    train, held_out = split_by_place(named, 0.25)
    assert sorted(map(len, (train, held_out))) in ([1, 4], [2, 3])
    assert len({example in train for example in named[:2]}) == 1
    with pytest.raises(DataError, match="all 2 images overlap or share a place"):
        split_by_place([one, one], 0.5)


def test_clean_images_are_made_bad_and_others_faults_are_put_in(pairs: Pairs, tmp_path: Path) -> None:
    pairs(2)
    config = configured(
        clean=tmp_path / "target", degradation="gaussian_blur+gaussian_noise", task="deblur", severity=[0.4, 0.6]
    )
    examples, _ = read_examples(config)
    words = Words(config, ("denoise", "deblur", "sr"), [1])
    batches = Batches(examples, config, words, multiple=4)
    batch, again = batches.train(3), batches.train(3)
    assert batch.degraded.shape == (3, 3, 16, 16)
    assert torch.equal(batch.degraded, again.degraded)
    assert 0.02 < (batch.degraded - batch.clean).std() < 0.3
    other = batches.other(0)
    assert other is not None
    assert set(words.others) == {"denoise", "sr"}
    assert len(batches.others_held_out()) == 2
    with pytest.raises(ConfigError, match="unknown degradation"):
        configured(clean=tmp_path, degradation="gaussian_blur+rust")


def test_every_task_that_clean_images_suffice_for_is_held(pairs: Pairs) -> None:
    given = pairs(2)
    config = configured(**given)
    examples, _ = read(**given)
    batches = Batches(examples, config, Words(config, TASK_KEYS, [1]), multiple=4)
    found = {TASK_KEYS[int(batch.task[0])]: batch for batch in batches.others_held_out()}
    assert set(found) == set(OTHERS) - {config.task}
    for task, batch in found.items():
        assert not torch.allclose(batch.degraded, batch.clean, atol=1e-3), task
        assert batch.about_histogram == (task in TONES)
    # By half a stop and more, where nothing is beyond the range.
    assert (found["brightness"].clean >= found["brightness"].degraded).all()
    # Even over the range, whatever the histogram was.
    assert found["equalize"].clean.quantile(0.5).item() == pytest.approx(0.5, abs=0.05)
    assert {TASK_KEYS[int(batches.other(step).task[0])] for step in range(60)} == set(found)


def test_patches_avoid_gaps(pairs: Pairs) -> None:
    given = pairs(2)
    examples, _ = read(**given)
    examples[0].valid[:, 18:] = False
    config = configured(**given)
    batches = Batches(examples[:1], config, Words(config, (), [1]), multiple=4)
    assert {batches._window(examples[0], 16, np.random.default_rng(seed))[2].start for seed in range(20)} == {0, 1, 2}
    examples[0].valid[:, ::8] = False
    with pytest.raises(DataError, match="no 16 x 16 pixels without a gap"):
        Batches(examples[:1], config, Words(config, (), [1]), multiple=4)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "found no images"),
        ({"inputs": "a"}, "give `inputs` and `targets`"),
        ({"clean": "a"}, "go together"),
        ({"pairs": "a", "method": "magic"}, "unknown tuning method 'magic'"),
        ({"pairs": "a", "task": "sr", "prompts": ["bigger"]}, "takes no sentences"),
        ({"pairs": "a", "severity": [0.9, 0.1]}, "expected the least and the greatest"),
        ({"pairs": "a", "keep": 1.0}, "expected a share"),
        ({"pairs": "a", "rank": 0}, "rank=0"),
        ({"pairs": "a", "ranks": 1}, "unknown tuning settings"),
        ({"pairs": "a", "severity": 1.5}, r"severity=\[1.5, 1.5\]; expected the least and the greatest"),
        ({"pairs": "a", "severity": ["x", 1]}, "severity='x' is not what was expected: float"),
        ({"pairs": "a", "learning_rate": -1e-3}, "learning_rate=-0.001; expected 0 or more"),
        ({"pairs": "a", "learning_rate": float("nan")}, "learning_rate=nan is not"),
        ({"pairs": "a", "steps": 1.5}, "steps=1.5 is not what was expected: int"),
        ({"pairs": "a", "max_minutes": -1}, "max_minutes=-1.0; expected 0 or more"),
        ({"pairs": "a", "batch_size": 0}, "batch_size=0; expected 1 or more"),
        ({"pairs": "a", "seed": -1}, "seed=-1; expected 0 or more"),
        ({"pairs": ["a", "b"]}, "pairs=.* is not what was expected: Path"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        configured(**given)


def test_one_number_is_a_range_and_one_sentence_a_list() -> None:
    config = configured(pairs="a", severity=0.5, prompts="mend it", steps=60.0)
    assert (config.severity, config.prompts, config.steps) == ([0.5, 0.5], ["mend it"], 60)
    assert configured(pairs="a", severity=[0.5]).severity == [0.5, 0.5]


class Other:
    def interpret(self, text: str) -> Interpretation:
        return Interpretation((Step("haze", 0.5, text),), ())


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("fill the missing scan lines", ["destripe"]),
        ("fill in the missing scan lines, then remove the haze", ["destripe", "haze"]),
        ("don't fill in the missing scan lines", ["haze"]),
        ("remove the stripes", ["haze"]),
    ],
)
def test_taught_sentences_are_understood_and_others_left_to_the_reader(text: str, tasks: list[str]) -> None:
    reader = SentenceMatcher(Other(), SentenceEncoder(), {"fill in the missing scan lines": "destripe"})
    assert [step.task for step in reader.interpret(text).steps] == tasks
