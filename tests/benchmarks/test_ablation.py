"""The variants of the ablation are what they are called, and the page says what the numbers say."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from benchmarks.ablation import report
from benchmarks.ablation.__main__ import main
from benchmarks.ablation.report import keep, page, spread_of, write_page
from benchmarks.ablation.runs import Result, Settings, read_results, run
from benchmarks.ablation.variants import VARIANTS, InOrder
from benchmarks.ours import Ours
from benchmarks.scoring import gigaflops
from llars.bands import Band
from llars.errors import DataError
from llars.model.config import preset
from llars.sample import Batch
from llars.tasks import TASK_KEYS
from llars.train.validation import restore

TINY = preset("llars-tiny")
BANDS = tuple(Band(f"{nm}", nm, 40.0, 10.0) for nm in (490.0, 560.0, 665.0))


def patches(task: str = "denoise", count: int = 2, side: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(1)
    clean = 0.2 + 0.3 * torch.rand(count, len(BANDS), side, side, generator=generator)
    return Batch(
        degraded=clean + 0.05 * torch.randn(clean.shape, generator=generator),
        clean=clean,
        bands=[BANDS] * count,
        task=torch.full((count,), TASK_KEYS.index(task)),
        severity=torch.full((count,), 0.5),
        instruction=torch.nn.functional.normalize(torch.randn(count, 384, generator=generator), dim=-1),
        faults=torch.zeros(count, len(TASK_KEYS)),
        factor=torch.ones(count, dtype=torch.long),
        guides=clean[:, :0],
        observed=clean + 0.1 * torch.randn(clean.shape, generator=generator),
    )


def made(name: str) -> Ours:
    """The variant with no tensor of zeros left, so that every part has a say."""
    torch.manual_seed(0)
    contestant = VARIANTS[name].make(TINY)
    with torch.no_grad():
        for parameter in contestant.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    return contestant.eval()


@torch.no_grad()
def restored(contestant: Ours, batch: Batch) -> torch.Tensor:
    return contestant.restore(batch)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_learns(name: str) -> None:
    torch.manual_seed(0)
    contestant, batch = VARIANTS[name].make(TINY).train(), patches()
    optimizer = torch.optim.AdamW(contestant.parameters(), 3e-3)
    # Not trained, it gives back what it is given: bands are carried to slots and back, whatever is left out.
    torch.testing.assert_close(restored(contestant.eval(), batch), batch.degraded, atol=1e-5, rtol=0)
    losses = []
    for _ in range(12):
        torch.manual_seed(5)
        loss = contestant.train().loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_the_whole_model_is_the_product() -> None:
    contestant, batch = made("full"), patches()
    assert torch.equal(restored(contestant, batch), restore(contestant.network, batch))


def test_bands_lie_in_slots_in_order() -> None:
    plan = InOrder(4)(torch.zeros(1, 3, 8), torch.tensor([[True, True, True]]))
    assert torch.equal(plan.to_slots[0], torch.eye(4)[:, :3])
    assert torch.equal(plan.to_bands[0], torch.eye(4)[:3])
    wrapped = InOrder(2)(torch.zeros(1, 3, 8), torch.tensor([[True, True, True]]))
    assert torch.equal(wrapped.to_slots[0], torch.tensor([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]))


def test_slots_in_order_hear_nothing_of_wavelengths() -> None:
    batch = patches()
    swapped = replace(batch, bands=[BANDS[::-1]] * len(batch.bands))
    plans = {}
    for name in ("full", "no_sinkhorn"):
        network = made(name).network
        with torch.no_grad():
            plans[name] = [made(name).forward_batch(each).conditions.plan.mass for each in (batch, swapped)]
        assert network.config.slots == plans[name][0].shape[1]
    assert torch.equal(*plans["no_sinkhorn"])
    assert not torch.allclose(*plans["full"], rtol=0.01)


def test_without_text_only_the_task_counts() -> None:
    batch = patches()
    reworded = replace(batch, instruction=batch.instruction.flip(1))
    other = replace(batch, task=batch.task + 1)
    full, labelled = made("full"), made("no_text")
    assert not torch.equal(restored(full, batch), restored(full, reworded))
    assert torch.equal(restored(labelled, batch), restored(labelled, reworded))
    assert torch.equal(restored(full, batch), restored(full, other))
    assert not torch.equal(restored(labelled, batch), restored(labelled, other))


def test_without_scene_gates_hear_the_words_alone() -> None:
    batch = patches()
    darker = replace(batch, degraded=0.3 * batch.degraded)
    for name, same in (("full", False), ("no_scene", True)):
        contestant = made(name)
        with torch.no_grad():
            gates = [contestant.forward_batch(each).conditions.gates for each in (batch, darker)]
        assert all(torch.equal(a.channel, b.channel) for a, b in zip(*gates, strict=True)) == same, name


@pytest.mark.parametrize("kind", ["attention", "convolution", "channel"])
def test_a_kind_that_is_removed_has_no_say(kind: str) -> None:
    batch, contestant = patches(), made(f"no_{kind}")
    found = []
    for _ in range(2):
        found.append(restored(contestant, batch))
        with torch.no_grad():
            for block in contestant.network.backbone.shape.blocks():
                block.gates[kind].clean.weight.neg_()
    assert torch.equal(*found)
    assert sum(value.numel() for value in contestant.parameters()) < sum(v.numel() for v in made("full").parameters())


def test_weights_are_equal_without_weighting() -> None:
    contestant = made("no_weighting").train()
    contestant.loss(patches("haze"))
    row = contestant.log_fields()
    assert row["weight_haze"] == "1.0000" and row["weight_sr"] == ""
    assert contestant.log_fields()["weight_haze"] == ""


def test_full_resolution_costs_about_the_same() -> None:
    half, full = (gigaflops(made(name), patches()) for name in ("full", "full_resolution"))
    assert 0.7 < full / half < 1.3


def test_without_normalisation_the_network_sees_unit_values() -> None:
    contestant, seen = made("no_normalisation"), []
    contestant.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    batch = patches()
    restored(contestant, batch)
    assert torch.equal(seen[0], torch.cat((batch.degraded, batch.observed - batch.degraded), 1))


GIVEN = {"haze": 20.0, "denoise": 21.0}


def result(name: str, mean: float, **changes: object) -> Result:
    plain = Result(name, "llars-tiny", 10, 4, 1e-3, 0, 1, "a machine", 80.0, 0, 1234, 5.0, {})
    return replace(plain, psnr={"haze": mean + 1, "denoise": mean - 1}, **changes)


def test_the_page_says_what_the_numbers_say() -> None:
    means = {"full": 30.0, "full_again": 30.1, "no_sinkhorn": 29.5, "no_text": 30.05, "no_scene": 30.4}
    text = page({name: result(name, mean) for name, mean in means.items()}, GIVEN)
    assert "| initial estimate | 20.50 | 20.00 | 21.00 |" in text
    assert "| **full** | 30.00 | 31.00 | 29.00 |" in text
    assert "| without Sinkhorn | **-0.50** | -0.50 | -0.50 |" in text
    assert "the spread is 0.10 dB" in " ".join(text.split())
    assert "**without Sinkhorn**: -0.50 dB; the part helps by more than the spread" in text
    assert "**without text**: +0.05 dB; the difference is within the spread" in text
    assert "**without scene conditioning**: +0.40 dB; the part does not help here" in text
    assert "| full | 1,234 | 5 | 0.5 | 1.3 | 0 |" in text


def test_means_that_agree_by_luck_do_not_make_chance_small() -> None:
    again = replace(result("full_again", 30.0), psnr={"haze": 31.4, "denoise": 28.6})
    # Differences of 0.4 and -0.4: their mean is 0, the mean of two such is off by 0.4 / sqrt(2).
    assert spread_of({"full": result("full", 30.0), "full_again": again}) == pytest.approx(0.4 / 2**0.5)


def test_the_page_compares_like_with_like() -> None:
    with pytest.raises(DataError, match="the table needs full"):
        page({"no_text": result("no_text", 30.0)}, GIVEN)
    with pytest.raises(DataError, match="no_text had 20 steps of 4 patches, full had 10"):
        page({"full": result("full", 30.0), "no_text": result("no_text", 30.0, steps=20)}, GIVEN)
    with pytest.raises(DataError, match="full has scores that are not finite"):
        page({"full": result("full", float("nan"))}, GIVEN)
    alone = page({"full": result("full", 30.0), "no_text": result("no_text", 29.0)}, GIVEN)
    assert "the effect of chance is not known" in alone


def write(folder: Path, found: Result) -> None:
    (folder / found.name).mkdir(parents=True)
    (folder / found.name / "result.json").write_text(json.dumps(asdict(found)))


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    done = result("no_text", 29.0)
    write(tmp_path, done)
    nowhere = Settings(tmp_path / "no-corpus", 10)
    assert run("no_text", nowhere, tmp_path) == done


def test_results_and_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, where in {"KEPT": "kept", "WEIGHTS": "kept/weights.csv", "PAGE": "page.md"}.items():
        monkeypatch.setattr(report, name, tmp_path / where)
    with pytest.raises(DataError, match="train there first"):
        keep(tmp_path / "runs")
    write(tmp_path / "runs", result("full", 30.0))
    with pytest.raises(DataError, match=r"no .*inputs\.json; train first"):
        keep(tmp_path / "runs")
    (tmp_path / "runs" / "inputs.json").write_text(json.dumps(GIVEN))
    (tmp_path / "runs" / "full" / "log.csv").write_text("step,loss,weight_haze,weight_sr\n20,0.3,1.1,\n")
    keep(tmp_path / "runs")
    assert read_results(tmp_path / "kept") == {"full": result("full", 30.0)}
    assert (tmp_path / "kept" / "weights.csv").read_text() == "step,haze,sr\n20,1.1,\n"
    assert "| initial estimate | 20.50 |" in write_page().read_text()


def test_the_command_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--report", "--out", str(tmp_path)]) == 1
    assert "train there first" in capsys.readouterr().err
