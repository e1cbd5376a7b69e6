"""The share of the network's change that brings results nearest to the truth is found."""

from types import SimpleNamespace

import numpy as np
import pytest

from llars.bench.calibration import trust
from llars.bench.cases import Scene
from llars.sensors import get_sensor

BANDS = tuple(get_sensor("sentinel2-l2a").bands[1:4])
VALUES = np.random.default_rng(3).random((3, 64, 64)).astype(np.float32)
SCENE = Scene("made", "sentinel2-l2a / made", BANDS, VALUES, np.ones((64, 64), bool), (0.0, 1.0), True)


class Restorer:
    """An initial estimate that is too bright, and a network that changes it by ``change``."""

    def __init__(self, change: float) -> None:
        self.change, self.engine = change, SimpleNamespace(trust={"sr": 0.1})

    def __call__(self, *_, **__):
        (share,) = self.engine.trust.values()
        return VALUES + np.float32(0.1 + share * self.change)


@pytest.mark.parametrize(("change", "best"), [(-0.1, 1.0), (-0.2, 0.5), (-0.4, 0.25), (0.1, 0.0)])
def test_the_share_that_is_nearest_to_the_truth_is_found(change, best, monkeypatch) -> None:
    monkeypatch.setattr(trust, "TRUSTED", ("denoise",))
    restorer = Restorer(change)
    assert trust.fitted_trust(restorer, [SCENE]) == {"denoise": best}
    assert restorer.engine.trust == {"sr": 0.1}, "its own shares are kept"
