import numpy as np
import pytest


@pytest.fixture
def scene() -> np.ndarray:
    """Two bands of hills with edges, 64 x 80."""
    y, x = np.mgrid[:64, :80]
    hills = [0.5 + 0.2 * np.sin(x / k) * np.cos(y / k) for k in (5, 7)]
    return (np.stack(hills) + 0.15 * ((x + y) % 37 < 9)).astype(np.float32)
