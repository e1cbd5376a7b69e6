import math

import pytest

from llars.bench.protocols import OURS, Target
from llars.bench.result import DEGRADED, Score
from llars.bench.targets import best_rival, data_set_means, judge, overall


def score(trial: str, data_set: str, method: str, value: float, metric: str = "psnr", scene: str = "s") -> Score:
    return Score(trial, data_set, scene, method, {metric: value}, 0.0)


@pytest.fixture
def scores() -> list[Score]:
    rows = {DEGRADED: (20, 22, 30), "weak": (25, 25, 31), "strong": (29, 31, 35), OURS: (30, 32, 40)}
    places = [("a", "x1"), ("a", "x2"), ("b", "y1")]
    return [
        score("t", data_set, method, psnr, scene=scene)
        for method, row in rows.items()
        for (data_set, scene), psnr in zip(places, row, strict=True)
    ]


def test_every_data_set_weighs_the_same(scores):
    assert data_set_means(scores, "t", DEGRADED, "psnr") == {"a": 21, "b": 30}
    assert overall(scores, "t", DEGRADED, "psnr") == 25.5
    assert math.isnan(overall(scores, "t", DEGRADED, "sam"))


def test_the_best_rival_worked_everywhere(scores):
    assert best_rival(scores, "t") == "strong"
    assert best_rival([*scores, score("t", "b", "lucky", 50)], "t") == "strong"
    assert best_rival([s for s in scores if s.method in (DEGRADED, OURS)], "t") is None


def test_a_difference_is_to_the_best_of_those_named(scores):
    verdict = judge(Target(("t",), "psnr", least=3.0, than=("weak", "strong")), scores)
    assert verdict.figure == pytest.approx(35.5 - 32.5)
    assert verdict.met
    assert judge(Target(("t",), "psnr", least=3.1, than=("strong",)), scores).met is False


def test_a_ratio_of_errors_is_to_the_smallest():
    scores = [score("t", "a", m, v, "ergas") for m, v in {"x": 4.0, "y": 2.0, OURS: 1.7}.items()]
    verdict = judge(Target(("t",), "ergas", most=0.9, than=("x", "y"), ratio=True), scores)
    assert verdict.figure == pytest.approx(0.85)
    assert verdict.met


def test_sides_are_compared_where_both_were_measured(scores):
    without = [score("u", "b", OURS, 38.0), score("u", "c", OURS, 10.0)]
    verdict = judge(Target(("t",), "psnr", least=0.0, than=(OURS,), of="u"), [*scores, *without])
    assert verdict.figure == pytest.approx(40 - 38)


def test_figures_of_several_trials_are_averaged(scores):
    more = [score("u", "a", OURS, 20.0), score("u", "a", "other words", 19.0)]
    more += [score("t", "a", "other words", 31.0, scene="x1"), score("t", "a", "other words", 31.0, scene="x2")]
    target = Target(("t", "u"), "psnr", least=-0.1, than=(OURS,), method="other words")
    assert judge(target, [*scores, *more]).figure == pytest.approx((0 - 1) / 2)


def test_what_was_not_measured_is_neither_met_nor_missed(scores):
    missing = [Target(("t",), "enl", least=3.0), Target(("t",), "psnr", least=0.0, than=("nobody",))]
    for target in (*missing, Target(("t", "u"), "psnr", least=0.0)):
        verdict = judge(target, scores)
        assert math.isnan(verdict.figure) and verdict.met is None
