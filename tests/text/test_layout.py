"""Lines, lists and bare names set requests apart; a sentence that goes on in the next line stays whole."""

import pytest

from llars.text.layout import set_apart, takes_back


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("denoise\nsharpen", ["denoise", "sharpen"]),
        ("denoise\tsharpen", ["denoise", "sharpen"]),
        ("- remove the noise\n- sharpen it\n", ["remove the noise", "sharpen it"]),
        ("1) remove the noise\n2) sharpen it", ["remove the noise", "sharpen it"]),
        ("\u2022 denoise it \u2022 sharpen it", ["denoise it", "sharpen it"]),
        ("Please:\n* denoise it", ["Please", "denoise it"]),
        ("remove the noise\nfrom the image", ["remove the noise from the image"]),
        ("1) destripe it 2) stretch it", ["1) destripe it 2) stretch it"]),
        ("brighten and darken", ["brighten and darken"]),
        ("remove the\nnoise", ["remove the noise"]),
        ("denoise sharpen", ["denoise", "sharpen"]),
        ("destripe, denoise and sharpen x2", ["destripe", "denoise", "sharpen", "x2"]),
        ("x2, remove the noise", ["x2", "remove the noise"]),
        ("remove the noise, x3, then sharpen it", ["remove the noise", "x3", "sharpen it"]),
        ("denoise it; 10 m -> 5 m", ["denoise it", "10 m -> 5 m"]),
        ("brighten x2", ["brighten x2"]),
        ("make it brighter, 2x", ["make it brighter, 2x"]),
        ("x2 after denoising", ["x2 after denoising"]),
        ("remove the noise, then sharpen it", ["remove the noise, then sharpen it"]),
        ("upscale it x2", ["upscale it x2"]),
        ("", [""]),
    ],
)
def test_requests_are_set_apart(text: str, pieces: list[str]) -> None:
    assert set_apart(text) == pieces


def test_what_takes_a_part_back_is_found() -> None:
    assert all(map(takes_back, ("denoise, no wait, sharpen", "sharpen. Scratch that, denoise", "never mind, denoise")))
    assert not any(map(takes_back, ("wait with sharpening till it is denoised", "never mind the stripes", "denoise")))
