"""Restrictions to bands, places and limits are found in the words."""

import re

import pytest

from llars.text.restrictions import names_only_bands, restrictions


@pytest.mark.parametrize(
    "text",
    [
        "denoise only band 4", "denoise band 4 only", "only the NIR band", "all bands except NIR",
        "all but the red band",
        "sharpen, but not the SWIR bands", "denoise the image without B8A", "just for channel 2",
    ],
)  # fmt: skip
def test_a_restriction_to_bands_is_found(text: str) -> None:
    assert names_only_bands(text)


@pytest.mark.parametrize(
    "text",
    [
        "denoise all bands",
        "the stripes in band 3",
        "only denoise",
        "sharpen only with the pan band",
        "the blue haze only",
    ],
)
def test_bands_alone_are_no_restriction_to_them(text: str) -> None:
    assert not names_only_bands(text)


@pytest.mark.parametrize(
    ("task", "text", "said"),
    [
        ("denoise", "denoise band 4", "band"),
        ("cloud", "remove the clouds in the upper half", "part of the image"),
        ("denoise", "denoise only over the sea", "part of the image"),
        ("denoise", "denoise at 5 m", "length"),
        ("denoise", "denoise two times", "repetition"),
        ("stretch", "stretch 5-95", "limits"),
        ("stretch", "stretch from 1 to 99 %", "limits"),
        ("stretch", "1 % linear stretch", "limits"),
        ("stretch", "min-max stretch", "limits"),
        ("stretch", "stretch 1 99", "limits"),
        ("stretch", "stretch 1,99", "limits"),
        ("stretch", "stretch p5 p95", "limits"),
        ("stretch", "clip 0 %", "limits"),
        ("equalize", "CLAHE", "method"),
        ("brightness", "brighten by 20", "amount"),
    ],
)
def test_what_is_not_done_is_named(task: str, text: str, said: str) -> None:
    (note,) = restrictions(task, text)
    assert re.match(f"names (an?|other) {said}", note)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("stretch", "linear 2-98 % stretch"), ("stretch", "2 % clip"), ("stretch", "stretch by 50 %"),
        ("stretch", "stretch 2 98"), ("brightness", "brightness=0.5"), ("brightness", "brighten by 20 %"),
        ("stretch", "the lower half of the histogram is empty"), ("pansharpen", "sharpen B5 with B8"),
        ("stretch", "spread the rest 100 %"),
        ("denoise", "remove the noise"),
    ],
)  # fmt: skip
def test_other_requests_are_not_restricted(task: str, text: str) -> None:
    assert restrictions(task, text) == []
