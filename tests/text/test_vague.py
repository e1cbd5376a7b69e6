"""Requests without a fault are told from those that name one."""

import pytest

from llars.tasks import TASKS
from llars.text.vague import refers_back, vague


@pytest.mark.parametrize(
    "text",
    [
        "auto", "automatic", "Auto enhance!", "auto-enhance", "autocorrect", "fix all faults", "improve quality",
        "improve the image quality", "enhance the image", "enhance", "please enhance it", "image enhancement",
        "default", "default settings", "fix everything", "correct all defects", "make it better",
        "make the picture look nicer", "restore the image automatically", "clean up the scene", "optimise it",
        "remove all artefacts", "improve it as much as possible", "do everything",
    ],
)  # fmt: skip
def test_requests_that_name_no_fault(text: str) -> None:
    assert "names no fault; leave out -p (Python: call the restorer without words)" in str(vague(text))


@pytest.mark.parametrize(
    "text", ["normalize", "normalise the image", "radiometric normalization", "standardize it", "image normalisation"]
)
def test_requests_that_could_mean_several_things(text: str) -> None:
    assert "could mean several things; say 'linear 2-98 % stretch'" in str(vague(text))


@pytest.mark.parametrize(
    "text",
    [
        "enhance the contrast", "auto contrast", "auto levels", "enhance the resolution", "enhance the edges",
        "normalise to full range", "normalize the histogram", "fix the stripes", "clean up the noise",
        "improve the sharpness", "make it better visible through the haze", "correct the striping", "all the noise",
        "improve the quality by removing the noise", "enhance it for display", "restore the image under the clouds",
        *(task.instruction for task in TASKS),
    ],
)  # fmt: skip
def test_requests_that_name_something(text: str) -> None:
    assert vague(text) is None


def test_a_remark_about_what_was_named_before_is_known() -> None:
    assert all(map(refers_back, ("Improve it.", "please improve", "please correct that", "fix this")))
    assert not any(map(refers_back, ("normalize it", "enhance it", "improve the image", "fix everything")))
