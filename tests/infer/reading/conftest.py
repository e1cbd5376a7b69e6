"""A scene of two bands, and a panchromatic one twice as fine over the same ground."""

import pytest
from tests.infer.reading.places import PAN, RED_NIR, at


@pytest.fixture
def scene(textured, placed):
    return placed(textured(2, 60, 70), RED_NIR, at(20.0), units="reflectance")


@pytest.fixture
def pan(textured, placed):
    return placed(textured(1, 120, 140, seed=2), (PAN,), at(10.0), units="reflectance")
