"""What an instruction forbids is taken out of it, and complaints are not taken for prohibitions."""

import pytest

from llars.text.negation import leaves_open, without_negated


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("denoise but don't sharpen", "denoise"),
        ("denoise, but please do not sharpen it, then destripe", "denoise, then destripe"),
        ("don't sharpen, just denoise", "just denoise"),
        ("denoise without blurring the edges", "denoise"),
        ("remove the noise but leave the stripes", "remove the noise"),
        ("remove the noise, not the stripes", "remove the noise"),
        ("denoise instead of sharpening", "denoise"),
        ("sharpen; no denoising please", "sharpen"),
        ("no dehazing, only destriping", "only destriping"),
        ("denoise without any contrast stretch afterwards", "denoise"),
        ("denoise without a sharpening filter", "denoise"),
        ("don't sharpen", ""),
        ("never sharpen unless it is denoised", "never sharpen unless it is denoised"),
        ("keep the clouds, remove the haze", "remove the haze"),
        ("remove the noise, leave the clouds", "remove the noise"),
        ("keep the clouds and the stripes, remove the haze", "remove the haze"),
        ("remove the haze and keep the clouds", "remove the haze"),
        ("the noise must stay", ""),
        ("the noise is fine, remove the stripes", "remove the stripes"),
        ("the haze doesn't matter but remove the stripes", "remove the stripes"),
        ("leave the stripes alone and remove the noise", "remove the noise"),
        ("not denoise", ""),
        ("sharpen, not denoise", "sharpen"),
        ("rather sharpen than denoise", "sharpen"),
        ("I would rather remove the stripes than sharpen it", "I would remove the stripes"),
        ("remove the artefacts except the noise", "remove the artefacts"),
    ],
)
def test_what_is_forbidden_is_left_out(text: str, left: str) -> None:
    assert without_negated(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "neighbouring columns don't match",
        "the columns are off and don't line up",
        "I can't see the ground because of the clouds",
        "I want to see it without the fog",
        "no clouds",
        "make it without striping",
        "I want it without any noise",
        "we have MODIS for July but no Landsat",
        "dehaze but keep it subtle",
        "it is not sharp",
        "keep the noise down",
        "keep the image free of clouds",
        "the noise should not be there",
        "the noise is fine-grained, remove it",
        "nothing but denoising",
    ],
)
def test_complaints_are_not_forbidden(text: str) -> None:
    assert without_negated(text) == text


def test_an_exception_alone_leaves_open_what_to_do() -> None:
    for text in ("do anything but denoise", "remove everything except the noise", "everything other than sharpening"):
        assert leaves_open(text), text
    assert not any(map(leaves_open, ("nothing but denoise", "remove all the noise", "denoise all bands but not B4")))
