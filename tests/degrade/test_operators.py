"""Laws that every degradation obeys."""

import numpy as np
import pytest
import torch

from llars import degrade
from llars.bands import Band
from llars.errors import BandError, ConfigError, DataError

NAMES = degrade.names()
RANDOM_TASKS = ("denoise", "destripe", "haze", "cloud")
DETERMINISTIC = tuple(name for name in NAMES if degrade.get(name).task not in RANDOM_TASKS and name != "motion_blur")
TASKS = ("denoise", "deblur", "destripe", "haze", "sr", "brightness", "cloud", "equalize", "stretch")
UNDRAWN = {"clahe"}


def seeded(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(batch: int = 3, bands: int = 4, height: int = 40, width: int = 48) -> torch.Tensor:
    """Fractal fields, as rough as landscapes (amplitude ~ 1 / frequency), from 0.05 to 0.95."""
    y, x = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    spectrum = torch.fft.rfft2(torch.randn(batch, bands, height, width, generator=seeded(1)))
    field = torch.fft.irfft2(spectrum / torch.hypot(y, x).clamp(min=1 / 48), s=(height, width))
    low, high = field.amin(dim=(2, 3), keepdim=True), field.amax(dim=(2, 3), keepdim=True)
    return 0.05 + 0.9 * (field - low) / (high - low)


@pytest.mark.parametrize("name", NAMES)
def test_severity_zero_is_the_identity(name: str) -> None:
    image = scene()
    assert torch.equal(degrade.get(name)(image, 0.0, seeded()), image)
    mixed = degrade.get(name)(image, [0.0, 0.8, 0.0], seeded())
    assert torch.equal(mixed[0], image[0])
    assert torch.equal(mixed[2], image[2])
    assert not torch.equal(mixed[1], image[1])


@pytest.mark.parametrize("name", NAMES)
def test_little_severity_changes_little(name: str) -> None:
    image = scene()
    assert (degrade.get(name)(image, 1e-3, seeded()) - image).abs().mean() < 2e-3


@pytest.mark.parametrize("name", NAMES)
def test_more_severity_is_never_better(name: str) -> None:
    image = scene(batch=8)
    errors = [
        float((degrade.get(name)(image, severity, seeded()) - image).square().mean())
        for severity in (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name: str) -> None:
    image, operator = scene(), degrade.get(name)
    first = operator(image, 0.5, seeded(3))
    torch.manual_seed(0)  # the global generator has no say
    assert torch.equal(first, operator(image, 0.5, seeded(3)))
    assert torch.equal(first, operator(image, 0.5, seeded(4))) == (name in DETERMINISTIC)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(DETERMINISTIC)))
def test_without_a_generator_no_two_are_alike(name: str) -> None:
    image = scene()
    assert not torch.equal(degrade.get(name)(image, 0.5), degrade.get(name)(image, 0.5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_shape_and_dtype_are_kept(name: str, dtype: torch.dtype) -> None:
    image = scene(batch=2, height=33, width=21).to(dtype)
    before = image.clone()
    for given in (image, image[0]):
        result = degrade.get(name)(given, 0.7, seeded())
        assert result.shape == given.shape
        assert result.dtype == dtype
        assert torch.isfinite(result).all()
    assert torch.equal(image, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 5), (2, 150, 7)])
def test_any_size_will_do(name: str, shape: tuple[int, int, int]) -> None:
    assert torch.isfinite(degrade.get(name)(torch.full(shape, 0.4), 1.0, seeded())).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [1, 13])
def test_any_number_of_bands_will_do(name: str, bands: int) -> None:
    image = scene(batch=4, bands=bands, height=40, width=20)
    result = degrade.get(name)(image, 0.8, seeded())
    assert torch.isfinite(result).all()
    assert (result != image).any(dim=3).any(dim=2).any(dim=0).all()  # every band, in one image at least


@pytest.mark.parametrize("name", NAMES)
def test_numpy_in_numpy_out(name: str) -> None:
    image = scene()[0]
    array = image.numpy().copy()
    array.flags.writeable = False
    result = degrade.get(name)(array, 0.5, seeded())
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, degrade.get(name)(image, 0.5, seeded()).numpy())


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_images_of_a_batch_do_not_touch(name: str) -> None:
    image, severities = scene(batch=3), (0.2, 0.55, 1.0)
    together = degrade.get(name)(image, torch.tensor(severities), seeded())
    for one, severity, result in zip(image, severities, together, strict=True):
        torch.testing.assert_close(degrade.get(name)(one, severity, seeded()), result, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_bands_of_a_batch_do_not_touch(name: str) -> None:
    image = scene(bands=4)
    other = image.clone()
    other[:, 2] = 0.5
    first, second = (degrade.get(name)(one, 0.6, seeded()) for one in (image, other))
    kept = [0, 1, 3]
    torch.testing.assert_close(first[:, kept], second[:, kept], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_no_data_stays_no_data_and_does_not_spread(name: str) -> None:
    image = scene()
    image[:, 1, 10:20, 5:9] = torch.nan
    image[0, 2] = torch.nan
    result = degrade.get(name)(image, 0.5, seeded())
    assert torch.equal(torch.isnan(result), torch.isnan(image))


@pytest.mark.parametrize("name", ["gaussian_blur", "defocus_blur", "motion_blur", "sr"])
def test_what_is_missing_is_made_up_from_its_surroundings(name: str) -> None:
    image = torch.zeros(1, 1, 48, 64)
    image[..., 32:] = 1.0
    image[..., :8] = torch.nan
    image[..., 56:] = torch.nan
    result = degrade.get(name)(image, 0.5, seeded())
    torch.testing.assert_close(result[..., 8:16], torch.zeros(1, 1, 48, 8), atol=1e-6, rtol=0)
    torch.testing.assert_close(result[..., 48:56], torch.ones(1, 1, 48, 8), atol=1e-6, rtol=0)


# Noise in proportion to the signal has no upper end.
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"poisson_noise", "speckle", "correlated_speckle"}))
def test_values_stay_within_what_the_detector_records(name: str) -> None:
    image = scene()
    for severity in (0.3, 1.0):
        result = degrade.get(name)(image, severity, seeded())
        assert result.min() >= 0.0
        assert result.max() <= 1.0


@pytest.mark.parametrize("task", TASKS)
def test_a_task_names_its_usual_operator(task: str) -> None:
    assert degrade.get(task).task == task


def test_a_task_with_a_guide_names_the_same_fault() -> None:
    assert degrade.get("cloud_sar") is degrade.get("cloud")


@pytest.mark.parametrize("task", ["pansharpen", "stf"])
def test_a_task_that_mends_no_fault_says_so(task: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{task} joins several images.*denoise.*cloud_sar"):
        degrade.get(task)


@pytest.mark.parametrize("task", TASKS)
def test_training_draws_operators_of_the_task(task: str) -> None:
    generator = seeded()
    drawn = [degrade.sample_operator(task, generator) for _ in range(400)]
    assert {one.name for one in drawn} == {name for name in NAMES if degrade.get(name).task == task} - UNDRAWN
    usual = sum(one is degrade.get(task) for one in drawn) / len(drawn)
    assert usual > 0.5
    again = seeded()
    assert [degrade.sample_operator(task, again) for _ in range(400)] == drawn


def test_every_operator_describes_itself_and_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for name in NAMES:
        operator = degrade.get(name)
        assert operator.name == name
        assert operator.task in TASKS
        assert operator.summary
        assert operator.law


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'fog'.*gaussian_noise.*destripe"):
        degrade.get("fog")
    with pytest.raises(ConfigError, match=r"'stf'.*denoise"):
        degrade.sample_operator("stf", seeded())


@pytest.mark.parametrize("severity", [-0.1, 1.01, float("nan"), [0.5, 2.0, 0.1]])
def test_severity_out_of_range(severity: float | list[float]) -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        degrade.get("denoise")(scene(), severity)


@pytest.mark.parametrize("severity", ["much", None, ["much"]])
def test_severity_must_be_a_number(severity: object) -> None:
    with pytest.raises(ConfigError, match=r"gaussian_noise: severity .*; expected a number"):
        degrade.get("denoise")(scene(), severity)


def test_a_severity_is_told_as_it_was_given() -> None:
    with pytest.raises(ConfigError, match=r"severity -0\.1; expected"):
        degrade.get("denoise")(scene(), -0.1)


def test_a_generator_of_numpy_will_do() -> None:
    first, again, other = (degrade.get("denoise")(scene(), 0.5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("generator", [7, "seed"])
def test_what_draws_nothing_is_refused(generator: object) -> None:
    with pytest.raises(ConfigError, match=r"generator of type .* expected torch\.Generator"):
        degrade.get("denoise")(scene(), 0.5, generator)


@pytest.mark.parametrize("image", [[[[0.5]]], None])
def test_what_is_no_array_is_refused(image: object) -> None:
    with pytest.raises(DataError, match="expected a tensor or a NumPy array"):
        degrade.get("denoise")(image, 0.5)


def test_severities_must_match_the_batch() -> None:
    with pytest.raises(ConfigError, match="2 severities for 3 images"):
        degrade.get("denoise")(scene(batch=3), [0.1, 0.2])


def test_images_of_the_wrong_kind() -> None:
    with pytest.raises(DataError, match=r"\(8, 8\).*band, y, x"):
        degrade.get("denoise")(torch.zeros(8, 8), 0.5)
    with pytest.raises(DataError, match=r"int16.*unit values"):
        degrade.get("denoise")(torch.zeros(1, 8, 8, dtype=torch.int16), 0.5)


def test_bands_must_match_the_image() -> None:
    with pytest.raises(BandError, match=r"\[2\].*3 images of 4 bands"):
        degrade.get("haze")(scene(), 0.5, seeded(), bands=[Band("red"), Band("green")])


def test_what_a_numpy_array_masks_is_missing() -> None:
    values = scene(1)[0].numpy()
    mask = np.zeros(values.shape, dtype=bool)
    mask[:, 10:14, 20:25] = True
    filled = np.where(mask, np.float32(-9999.0), values)
    masked = np.ma.masked_array(filled, mask)
    result = degrade.get("gaussian_blur")(masked, 0.5, seeded())
    assert isinstance(result, np.ma.MaskedArray)
    np.testing.assert_array_equal(result.mask, mask)
    expected = degrade.get("gaussian_blur")(np.where(mask, np.float32(np.nan), values), 0.5, seeded())
    np.testing.assert_array_equal(result.filled(np.nan), expected)
    np.testing.assert_array_equal(masked.data, filled)


def test_arrays_of_either_byte_order_and_no_others_will_do() -> None:
    values = scene(1)[0].numpy()
    expected = degrade.get("gaussian_blur")(values, 0.5, seeded())
    for order in ("<f4", ">f4"):
        np.testing.assert_array_equal(degrade.get("gaussian_blur")(values.astype(order), 0.5, seeded()), expected)
    for kind in (np.longdouble, object, complex):
        with pytest.raises(DataError, match="expected floating point unit values"):
            degrade.get("gaussian_blur")(values.astype(kind), 0.5, seeded())
