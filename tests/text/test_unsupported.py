"""What sounds like a task of llars and asks for its opposite is told from the task."""

import pytest

from llars.text.unsupported import unsupported


@pytest.mark.parametrize(
    ("task", "text", "said"),
    [
        ("stretch", "lower the contrast", "less contrast"),
        ("stretch", "reduce contrast", "less contrast"),
        ("equalize", "less contrast", "less contrast"),
        ("stretch", "flatten the contrast", "less contrast"),
        ("stretch", "the contrast is too high", "less contrast"),
        ("deblur", "less sharp", "less sharp"),
        ("deblur", "reduce the sharpness", "less sharp"),
        ("deblur", "de-sharpen", "less sharp"),
        ("deblur", "undo the sharpening", "undo"),
        ("cloud", "cloud mask", "where the clouds are"),
        ("cloud", "find the clouds", "where the clouds are"),
        ("cloud", "mask the clouds", "where the clouds are"),
        ("cloud", "cloud masking", "where the clouds are"),
        ("none", "detect clouds", "where the clouds are"),
        ("none", "cloud and shadow detection", "where the clouds are"),
        ("cloud", "masking of the clouds", "where the clouds are"),
        ("brightness", "adjust the exposure", "which way"),
        ("destripe", "fill the gaps", "missing pixels"),
        ("none", "fill the nodata", "missing pixels"),
        ("denoise", "denoise at 0 %", "no change"),
    ],
)
def test_opposites_and_other_work_are_told(task: str, text: str, said: str) -> None:
    assert said in str(unsupported(task, text))


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("stretch", "reduce the low contrast"),
        ("stretch", "the image has lower contrast than the other"),
        ("stretch", "more contrast"),
        ("deblur", "sharpen with an unsharp mask"),
        ("deblur", "undo the blurring"),
        ("cloud", "fill the cloud mask"),
        ("cloud", "mask and fill the clouds"),
        ("cloud", "detect the clouds and remove them"),
        ("cloud", "the cloud mask flags half of it"),
        ("cloud", "cloud detection and removal"),
        ("brightness", "adjust the exposure up"),
        ("stf", "fill the gaps between the dates"),
        ("cloud", "show the farm behind the clouds"),
        ("denoise", "remove the clouds"),
    ],
)
def test_requests_that_can_be_done_are_not_refused(task: str, text: str) -> None:
    assert unsupported(task, text) is None
