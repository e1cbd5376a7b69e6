"""Facts about the grammar of instructions."""

import random
from pathlib import Path

import pytest

from llars.errors import ConfigError
from llars.tasks import TASK_KEYS
from llars.text import templates
from llars.text.composites import MAX_STEPS, composite, marked
from llars.text.grammar import NONE, SPLITS, core, corpus, sentence, signed_levels, spared, spoilers
from llars.text.templates import KINDS, cores, joints, read_table

SPOKEN = (*TASK_KEYS, NONE)

SHARED = {
    "grain removal", "unsharp masking", "scan line correction", "resolution enhancement {factor}", "STARFM", "histeq",
    "adaptive histogram equalisation", "I want a flat histogram", "linear contrast enhancement",
    "{amount} {brightening} of {it}",
}  # fmt: skip
"""Ten of the 131 templates of the second set were taught before it was written, which was found only afterwards."""


@pytest.mark.parametrize("task", TASK_KEYS)
def test_ten_thousand_distinct_sentences(task: str) -> None:
    # Capitals and full stops make no new sentence.
    texts = {utterance.text.lower().rstrip(".!") for utterance in corpus(task, 16_000, seed=1)}
    assert len(texts) >= 10_000


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", SPOKEN)
def test_sentences_are_whole(task: str, split: str) -> None:
    for utterance in corpus(task, 300, seed=2, split=split):
        assert utterance.text.strip() == utterance.text != ""
        assert not set("{}[]|") & set(utterance.text), utterance.text
        assert "  " not in utterance.text


@pytest.mark.parametrize("task", TASK_KEYS)
def test_splits_share_no_sentence(task: str) -> None:
    seen = {utterance.text.lower().strip(".!") for utterance in corpus(task, 4000, seed=3)}
    held = {utterance.text.lower().strip(".!") for utterance in corpus(task, 1000, seed=3, split="heldout")}
    assert not seen & held


def test_same_seed_same_corpus() -> None:
    assert corpus("haze", 50, seed=4) == corpus("haze", 50, seed=4)
    assert corpus("haze", 50, seed=4) != corpus("haze", 50, seed=5)


def test_strengths_lie_on_the_levels_of_the_task() -> None:
    for task in TASK_KEYS:
        named = {utterance.severity for utterance in corpus(task, 400, seed=6)} - {None}
        assert named == set(signed_levels(task))
    assert signed_levels("brightness") == (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
    assert signed_levels("denoise") == (0.25, 0.5, 0.9)


def test_brightness_always_has_a_direction() -> None:
    assert all(utterance.severity is not None for utterance in corpus("brightness", 400, seed=7))


def test_a_scale_is_named_as_a_number_or_not_at_all() -> None:
    words = {
        2: ("2", "two", "twice", "doub", "duob", "half", "halv"),
        3: ("3", "thr", "tri", "tre"),
        4: ("4", "fo", "quad"),
    }
    for utterance in corpus("sr", 600, seed=8):
        assert (utterance.scale == 1) == (utterance.severity is None)
        if utterance.severity is not None:
            assert utterance.severity == pytest.approx((utterance.scale - 1) / 3, abs=1e-3)
            # A slip of the finger may hit the word of the number itself, but hardly ever.
    named = [u for u in corpus("sr", 600, seed=8) if u.scale > 1]
    fitting = [u for u in named if any(word in u.text.lower() for word in words[u.scale])]
    assert len(fitting) >= 0.97 * len(named)


def test_sentence_takes_the_nearest_strength() -> None:
    rng = random.Random(9)
    weak = " ".join(sentence("denoise", 0.2, rng) for _ in range(100)).lower()
    strong = " ".join(sentence("denoise", 1.0, rng) for _ in range(100)).lower()
    assert "slightly" in weak and "slightly" not in strong
    assert "as much as" in strong and "as much as" not in weak


def test_composites_name_different_tasks_in_order() -> None:
    rng = random.Random(10)
    for split in SPLITS:
        for _ in range(300):
            found = composite(rng, split)
            # In training a step may be what nobody does here, and then it is no task.
            fewest = 1 if split == "train" else 2
            assert fewest <= len(set(found.tasks)) == len(found.tasks) <= MAX_STEPS
            assert not set("{}[]|") & set(found.text.replace(" | ", "")), found.text


def test_core_knows_which_parts_a_task_has() -> None:
    rng = random.Random(11)
    assert core("destripe", "fault", rng)
    assert core("stf", "fault", rng) is None


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="no task 'cook'"):
        sentence("cook", None, random.Random(0))
    with pytest.raises(ConfigError, match="no split 'test'"):
        sentence("haze", None, random.Random(0), split="test")
    with pytest.raises(ConfigError, match="no split 'test'"):
        sentence(NONE, None, random.Random(0), split="test")


def test_composites_of_training_hold_steps_that_nobody_does_and_strengths() -> None:
    rng = random.Random(12)
    found = [composite(rng) for _ in range(1500)]
    assert sum(len(case.tasks) == 1 for case in found) >= 50, "a task beside a foreign step"
    named = [case for case in found if "slightly" in case.text.lower() or "as much as" in case.text.lower()]
    assert named


@pytest.mark.parametrize("split", ["heldout", "second"])
def test_held_out_templates_are_not_taught(split: str) -> None:
    for task in TASK_KEYS:
        taught = {template for kind in KINDS for template in cores(task, "train")[kind]}
        held = {template for kind in KINDS for template in cores(task, split)[kind]}
        assert taught & held <= (SHARED if split == "second" else set())
    assert not set(joints("train")) & set(joints(split))


def test_steps_are_marked_character_by_character() -> None:
    rng = random.Random(15)
    for _ in range(300):
        case = marked(rng)
        assert len(case.steps) == len(case.text)
        assert set(case.steps) - {0} == set(range(1, len(case.tasks) + 1))
        assert not any("\ue000" <= letter <= "\uf8ff" for letter in case.text)
        assert set(case.tasks) <= {*TASK_KEYS, NONE}


def test_a_core_can_name_a_strength() -> None:
    rng = random.Random(14)
    strong = " ".join(str(core("denoise", "do", rng, severity=0.9)) for _ in range(60)).lower()
    plain = " ".join(str(core("denoise", "do", rng)) for _ in range(60)).lower()
    assert "as much as" in strong or "strongly" in strong or "completely" in strong
    assert "strongly" not in plain and "completely" not in plain


@pytest.mark.parametrize("task", TASK_KEYS)
def test_the_lexicon_speaks_in_the_words_around_it(task: str) -> None:
    """Its words and frames are part of what is taught, and of nothing that is held out."""
    lexicon = read_table("lexicon.yaml")
    mine = {template for kind in KINDS for template in lexicon["tasks"][task].get(kind, ())}
    shared = {template for kind in KINDS for template in lexicon["frames"][kind]}
    taught = {utterance.template for utterance in corpus(task, 1500, seed=4)}
    assert taught & mine and taught & shared
    assert not {utterance.template for utterance in corpus(task, 300, seed=4, split="heldout")} & (mine | shared)


def test_what_asks_for_nothing_comes_in_the_words_of_requests() -> None:
    lexicon = read_table("lexicon.yaml")
    drawn = {utterance.template for utterance in corpus(NONE, 1500, seed=4)}
    for kind in KINDS:
        assert drawn & set(lexicon["frames"][kind]), "other trades in the frames of tasks"
    assert drawn & set(lexicon["near"]), "words of tasks in questions"


def test_what_asks_for_a_fault_stands_beside_what_asks_for_its_repair() -> None:
    spoil, spare = spoilers(600, seed=4), spared(600, seed=4)
    lexicon = read_table("lexicon.yaml")
    assert {utterance.template for utterance in spoil} == {*lexicon["spoil"]["do"], *lexicon["spoil"]["say"]}
    assert {utterance.template for utterance in spare} == set(lexicon["spare"])
    assert {utterance.task for utterance in spoil} == {NONE}
    assert {utterance.task for utterance in spare} == {"cloud", "haze", "denoise", "deblur", "destripe", "sr"}
    assert not {utterance.text.lower() for utterance in spoil} & {utterance.text.lower() for utterance in spare}


def test_every_table_is_read_once() -> None:
    """There were more tables than the cache had room for: a turn through all of them found none."""
    folder = Path(templates.__file__).parent
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.yaml"))]
    first = [read_table(name) for name in names]
    assert len(names) > 16
    assert all(read_table(name) is table for name, table in zip(names, first, strict=True))
