"""The initial estimate is found once for a scene, and is the same in every window."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tests.initial.test_motion import rough_ground
from tests.initial.test_stripes import ground

from llars.bands import Band, plain_bands
from llars.degrade import get
from llars.errors import RasterError
from llars.infer.initial.destriping import Destriped
from llars.infer.initial.estimates import Deblurred, Fused, initial_estimate
from llars.infer.reading import sampling
from llars.infer.tiles import Window


@dataclass(frozen=True)
class Memory:
    """Layers that lie in memory."""

    values: np.ndarray
    valid: np.ndarray

    @property
    def bands(self) -> tuple[Band, ...]:
        return plain_bands(len(self.values))

    @property
    def size(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[2]

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        part = (slice(None), *window.slices)
        return self.values[part].copy(), self.valid[part].copy()

    def valid_count(self, window: Window) -> float:
        return float(self.valid[(slice(None), *window.slices)].sum())


def layers(image: torch.Tensor) -> Memory:
    values = np.ascontiguousarray(image[0].numpy())
    return Memory(values, np.ones(values.shape, bool))


def smeared(side: int) -> Memory:
    return layers(get("motion_blur")(rough_ground(9, side), 0.4, generator=torch.Generator().manual_seed(7)))


def faulty(task: str) -> tuple[Memory, list[Memory]]:
    image = ground(7, side=160)
    if task == "stf":
        return layers(0.9 * image + 0.05), [layers(ground(8, side=160)), layers(image)]
    name = {"destripe": "detector_stripes", "deblur": "gaussian_blur"}[task]
    return layers(get(name)(image, 0.6, generator=torch.Generator().manual_seed(7))), []


STARTS = {"destripe": Destriped, "deblur": Deblurred, "stf": Fused}


def test_edges_of_a_smeared_scene_show_no_windows() -> None:
    start = initial_estimate("deblur", smeared(700), [])
    assert isinstance(start, Deblurred) and start.optics.motion is not None
    whole, _ = start.read(Window(0, 0, 700, 700))
    for window in (
        Window(0, 0, 60, 60),
        Window(300, 0, 340, 20),
        Window(320, 320, 360, 350),
        Window(660, 600, 700, 700),
    ):
        part, _ = start.read(window)
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=2e-5)


@pytest.mark.parametrize("task", STARTS)
def test_windows_do_not_show(task: str) -> None:
    target, guides = faulty(task)
    start = initial_estimate(task, target, guides)
    assert isinstance(start, STARTS[task])
    whole, valid = start.read(Window(0, 0, 160, 160))
    assert bool(valid.all())
    for window in (Window(0, 0, 50, 160), Window(33, 70, 97, 131), Window(150, 150, 160, 160)):
        part, _ = start.read(window)
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=1e-5)


@pytest.mark.parametrize("task", ["destripe", "deblur"])
def test_the_start_is_nearer_to_the_truth(task: str) -> None:
    target, _ = faulty(task)
    truth = ground(7, side=160)[0].numpy()
    start, _ = initial_estimate(task, target, []).read(Window(0, 0, 160, 160))
    assert np.square(start - truth).mean() < np.square(target.values - truth).mean()


def test_gaps_stay_and_tell_nothing() -> None:
    target, _ = faulty("destripe")
    target.valid[:, :48] = False
    spoilt = Memory(np.where(target.valid, target.values, np.float32(5.0)), target.valid)
    start = initial_estimate("destripe", spoilt, [])
    values, valid = start.read(Window(0, 0, 160, 160))
    np.testing.assert_array_equal(valid, target.valid)
    clean = initial_estimate("destripe", Memory(target.values[:, 48:], target.valid[:, 48:]), [])
    # In use, gaps are filled before; here the network sees them as far as it reaches (32 px, in whole cells of 4).
    # Where it computes in bfloat16, what differs in the last digit may be rounded apart.
    np.testing.assert_allclose(values[:, 88:], clean.read(Window(40, 0, 112, 160))[0], atol=3e-4)


def test_scenes_with_many_lines_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    target, _ = faulty("destripe")
    truth = ground(7, side=160)[0].numpy()
    monkeypatch.setattr("llars.infer.initial.destriping.MAX_LINES", 64)
    monkeypatch.setattr("llars.infer.initial.destriping.LINES_PER_READ", 16)
    start, _ = initial_estimate("destripe", target, []).read(Window(0, 0, 160, 160))
    assert np.square(start - truth).mean() < 0.3 * np.square(target.values - truth).mean()


def test_other_tasks_set_out_from_the_scene_itself() -> None:
    target, _ = faulty("deblur")
    assert initial_estimate("haze", target, []) is target
    three, two = layers(ground(9)), layers(ground(9, bands=2))
    assert initial_estimate("stf", three, [two, three]) is three


def only(image: Memory, rows: slice, columns: slice) -> Memory:
    """The image with data in one place alone, and unlikely values elsewhere."""
    valid = np.zeros(image.valid.shape, bool)
    valid[:, rows, columns] = True
    return Memory(np.where(valid, image.values, np.float32(5.0)), valid)


def test_a_fusion_is_learned_from_an_island_between_the_sample_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 2**12)
    monkeypatch.setattr(sampling, "SAMPLE_BLOCK", 8)
    target, guides = faulty("stf")
    here = slice(10, 20)
    found = initial_estimate("stf", only(target, here, here), guides)
    crops = [Memory(image.values[:, here, here], image.valid[:, here, here]) for image in (target, *guides)]
    expected = initial_estimate("stf", crops[0], crops[1:])
    assert isinstance(found, Fused) and isinstance(expected, Fused)
    torch.testing.assert_close(found.gain, expected.gain)
    assert np.isfinite(found.read(Window(0, 0, 40, 40))[0]).all()


def test_images_of_a_fusion_without_a_common_pixel_are_refused() -> None:
    target, (fine, coarse) = faulty("stf")
    with pytest.raises(RasterError, match=r"found no pixel with data in every band .*, expected some .*; give images"):
        initial_estimate(
            "stf", only(target, slice(0, 80), slice(None)), [only(fine, slice(80, None), slice(None)), coarse]
        )
