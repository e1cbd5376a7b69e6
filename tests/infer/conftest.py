"""A restorer with random weights: it restores nothing, but every law of tiles, gaps and files must hold for it."""

import numpy as np
import pytest
import rioxarray  # noqa: F401  (registers the .rio accessor)
import torch
import xarray as xr
from tests.infer.scenes import RED_NIR

from llars.errors import InstructionError
from llars.infer.instructions import Interpretation
from llars.infer.restorer import Restorer
from llars.model.config import preset
from llars.model.network import Network
from llars.tasks import TASK_KEYS, Step
from llars.weights.registry import WeightsInfo

TASKS = ("haze", "denoise", "deblur", "destripe", "sr", "brightness")
WORDS = {
    "noise": "denoise",
    "stripes": "destripe",
    "radar": "cloud_sar",
    "clouds": "cloud",
    "panchromatic": "pansharpen",
    "blur": "deblur",
    "later": "stf",
}


class KeywordReader:
    """Understands one keyword per clause."""

    def interpret(self, text):
        steps = [Step(task, 0.5, text) for word, task in WORDS.items() if word in text]
        if not steps:
            raise InstructionError("nothing to do")
        doubts = ("perhaps otherwise",) if "maybe" in text else ()
        return Interpretation(tuple(steps), doubts)


class SeededEncoder:
    """A vector of unit length per text, the same for the same text."""

    def encode(self, texts):
        vectors = [np.random.default_rng(len(text)).normal(size=384) for text in texts]
        return np.stack([vector / np.linalg.norm(vector) for vector in vectors]).astype(np.float32)


@pytest.fixture(scope="session")
def random_network():
    """Parameters that start at zero are moved, or the network would give its input back."""
    torch.manual_seed(7)
    network = Network(preset("llars-tiny"))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    return network.eval()


@pytest.fixture(scope="session")
def make_restorer(random_network):
    def make(precision="float32", tasks=TASKS):
        info = WeightsInfo(random_network.config, tasks, "0", {}, 1, "0" * 64)
        return Restorer(random_network, info, KeywordReader(), SeededEncoder(), device="cpu", precision=precision)

    return make


@pytest.fixture(scope="session")
def restorer(make_restorer):
    return make_restorer()


@pytest.fixture(scope="session")
def fuser(make_restorer):
    """A restorer that takes every task."""
    return make_restorer(tasks=TASK_KEYS)


@pytest.fixture(scope="session")
def placed():
    """A function that makes a DataArray like those of ``open_scene`` of values, bands and a grid."""

    def make(values, bands, transform, crs="EPSG:32633", value_range=(0.0, 1.0), **attrs):
        attrs = {"bands": tuple(bands), "value_range": value_range, **attrs}
        scene = xr.DataArray(np.asarray(values, dtype=np.float32), dims=("band", "y", "x"), attrs=attrs)
        if crs is not None:
            scene = scene.rio.write_crs(crs)
        return scene.rio.write_transform(transform)

    return make


@pytest.fixture(scope="session")
def textured():
    """A function that makes a scene in [0, 1]: smooth relief, fine texture, the same for the same arguments."""

    def make(bands, height, width, seed=0):
        rng = np.random.default_rng(seed)
        relief = np.cumsum(np.cumsum(rng.normal(size=(bands, height, width)), axis=1), axis=2)
        relief -= relief.min(axis=(1, 2), keepdims=True)
        relief /= relief.max(axis=(1, 2), keepdims=True)
        return (0.1 + 0.6 * relief + 0.05 * rng.normal(size=relief.shape)).astype(np.float32)

    return make


@pytest.fixture
def data_array(textured):
    values = textured(2, 40, 48)
    values[:, 5:9, 7:30] = np.nan
    y, x = 5_000_000.0 - 10.0 * (np.arange(40) + 0.5), 300_000.0 + 10.0 * (np.arange(48) + 0.5)
    mapping = xr.DataArray(0, attrs={"GeoTransform": "300000.0 10.0 0.0 5000000.0 0.0 -10.0", "crs_wkt": "EPSG:32633"})
    return xr.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": [1, 2], "y": y, "x": x, "spatial_ref": mapping},
        attrs={"bands": RED_NIR, "value_range": (0.0, 1.0), "units": "reflectance"},
    )
