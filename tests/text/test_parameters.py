"""Parameters and methods are found by their names."""

import pytest

from llars.text.parameters import method_in, parameter_in


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("denoise with sigma 10", "sigma 10"), ("denoise sigma=0.05", "sigma=0.05"),
        ("clahe with clip limit 2", "clip limit 2"), ("sharpen with radius 2 px", "radius 2 px"),
        ("lee filter 7x7", "7x7"), ("a 3 x 3 median", "3 x 3"), ("Richardson-Lucy, 20 iterations", "20 iterations"),
        ("a kernel of 5 px", "kernel of 5 px"), ("denoise", None), ("denoise band 4", None),
        ("denoise strength 0.5", None), ("the noise is 10 %", None), ("10 m x 10 m pixels", None), ("in 2 steps", None),
    ],
)  # fmt: skip
def test_a_parameter_with_its_value(text: str, parameter: str | None) -> None:
    assert parameter_in(text) == parameter


@pytest.mark.parametrize(
    ("task", "text", "method"),
    [
        ("equalize", "CLAHE", "CLAHE"), ("equalize", "adaptive histogram equalisation", "adaptive"),
        ("denoise", "refined Lee filter", "refined Lee"), ("denoise", "non-local means", "non-local means"),
        ("denoise", "denoise with BM3D", "BM3D"), ("pansharpen", "Gram-Schmidt fusion", "Gram-Schmidt"),
        ("deblur", "Richardson-Lucy", "Richardson-Lucy"), ("sr", "bicubic, x2", "bicubic"),
        ("stretch", "square root stretch", "square root"), ("equalize", "equalise the histogram", None),
        ("denoise", "remove Gaussian noise", None), ("denoise", "despeckle", None), ("brightness", "brighten it", None),
    ],
)  # fmt: skip
def test_a_method_of_its_task(task: str, text: str, method: str | None) -> None:
    assert method_in(task, text) == method
