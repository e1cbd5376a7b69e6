"""Composites follow nature's order and say what they did."""

import pytest
import torch

from llars.degrade.composites import ORDER, compose
from llars.errors import ConfigError

PLACE = {task: place for place, tasks in enumerate(ORDER) for task in tasks}


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene() -> torch.Tensor:
    return 0.2 + 0.4 * torch.rand(2, 3, 24, 24, generator=seeded())


def test_two_or_three_faults_in_physical_order() -> None:
    drawn = [compose(scene(), seeded(seed)) for seed in range(40)]
    assert {len(one.operators) for one in drawn} == {2, 3}
    for one in drawn:
        places = [PLACE[task] for task in one.tasks]
        assert places == sorted(set(places))
    assert {task for one in drawn for task in one.tasks} == set(PLACE)


def test_the_record_repeats_the_image() -> None:
    drawn = (compose(scene(), seeded(seed), tasks=("deblur", "sr")) for seed in range(40))
    # Without random numbers of its own, each operator can be run again.
    composite = next(one for one in drawn if "motion_blur" not in [operator.name for operator in one.operators])
    image = scene()
    for operator, severity, before in zip(composite.operators, composite.severities, composite.before, strict=True):
        assert torch.equal(image, before)
        image = operator(image, severity)
    assert torch.equal(image, composite.image)


def test_tasks_are_put_in_order() -> None:
    assert compose(scene(), seeded(), tasks=("denoise", "haze")).tasks == ("haze", "denoise")
    assert compose(scene(), seeded(), tasks=("denoise", "destripe", "deblur")).tasks == (
        "deblur",
        "destripe",
        "denoise",
    )


def test_every_image_has_severities_of_its_own() -> None:
    composite = compose(scene(), seeded(), count=3)
    assert composite.severities.shape == (3, 2)
    assert composite.severities.unique().numel() == 6
    assert composite.severities.min() >= 0.1 and composite.severities.max() <= 0.8
    single = compose(scene()[0], seeded(), count=2)
    assert single.image.shape == (3, 24, 24) and single.severities.shape == (2, 1)


def test_the_seed_decides() -> None:
    first, again, other = (compose(scene(), seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.image, again.image) and first.tasks == again.tasks
    assert not torch.equal(first.image, other.image)


def test_no_data_stays_no_data() -> None:
    image = scene()
    image[:, 1, 3:9, 4:8] = torch.nan
    result = compose(image, seeded(), count=3).image
    assert torch.equal(result.isnan(), image.isnan())


@pytest.mark.parametrize(
    "tasks", [("haze",), ("haze", "haze"), ("haze", "stretch"), ("haze", "sr", "deblur", "denoise")]
)
def test_what_is_no_composite(tasks: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="expected 2 or 3 different ones of haze, cloud"):
        compose(scene(), seeded(), tasks=tasks)


@pytest.mark.parametrize("count", [1, 4])
def test_counts_out_of_range(count: int) -> None:
    with pytest.raises(ConfigError, match=f"composite of {count} faults"):
        compose(scene(), seeded(), count=count)
