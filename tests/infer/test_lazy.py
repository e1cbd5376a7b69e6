"""Scenes that Dask holds: a graph, and the numbers of the scene in memory."""

import copy
import pickle

import numpy as np
import pytest
import torch
import xarray as xr
from tests.infer.scenes import RED_NIR

from llars.errors import BandError, InstructionError
from llars.infer.restorer import load
from llars.infer.tiles import TileGrid, Window
from llars.infer.tiling import column_pass
from llars.infer.tiling.stream import Options
from llars.tasks import Step

pytest.importorskip("dask")


@pytest.fixture
def scene(textured):
    values = textured(2, 150, 130)
    values[:, 60:80, 40:100] = np.nan
    return xr.DataArray(values, dims=("band", "y", "x"), attrs={"bands": RED_NIR, "value_range": (0.0, 1.0)})


@pytest.fixture
def lazy(scene):
    """The same, and how often a chunk of it was read."""
    reads = []

    def read(block):
        reads.append(block.shape)
        return block

    return scene.chunk(y=50, x=60).copy(data=scene.chunk(y=50, x=60).data.map_blocks(read, dtype=np.float32)), reads


def test_nothing_is_read_before_the_result_is_asked_for_and_it_is_that_of_memory(restorer, scene, lazy):
    dask, reads = lazy
    reads.clear()
    steps = [Step("denoise", 0.5, "noise"), Step("sr", 1 / 3, "double the resolution", 2)]
    result, sigma = restorer(dask, steps, uncertainty=True, tile=96)
    assert not reads
    assert result.chunks is not None and result.data.numblocks == (1, 4, 3)
    expected, spread = restorer(scene, steps, uncertainty=True)
    assert result.sizes == expected.sizes and result.attrs == expected.attrs
    # 1e-3 of the data range, the contract for tiles.
    np.testing.assert_allclose(result.values, expected.values, atol=1e-3)
    np.testing.assert_allclose(sigma.values, spread.values, atol=1e-3)
    assert reads


def test_a_part_that_is_asked_for_is_that_part(restorer, scene, lazy):
    expected = restorer(scene, "noise").isel(y=slice(100, 120), x=slice(0, 30))
    found = restorer(lazy[0], "noise", tile=64).isel(y=slice(100, 120), x=slice(0, 30))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-3)


def test_a_block_looks_at_no_other(restorer, scene, monkeypatch):
    expected = restorer(scene, "noise").values
    restored = restorer.stream(scene, "noise").prepared(64)
    # The grid is laid already; whoever went through it for each block would take the square of their number.
    monkeypatch.setattr(TileGrid, "__iter__", lambda _: pytest.fail("went through the grid"))
    window = Window(64, 64, 128, 128)
    np.testing.assert_allclose(restored(window).values, expected[:, 64:128, 64:128], atol=1e-3)


def test_a_block_too_large_for_the_memory_is_halved(restorer, scene, monkeypatch):
    expected, spread = restorer(scene, "noise", uncertainty=True)
    rolling, full = column_pass.Rolling, [torch.OutOfMemoryError("out of memory")]

    def once(dense):
        if full:
            raise full.pop()
        return rolling(dense)

    restored = restorer.stream(scene, "noise", options=Options(uncertainty=True)).prepared(128)
    monkeypatch.setattr(column_pass, "Rolling", once)
    part = restored(Window(0, 0, 128, 128))
    assert not full
    np.testing.assert_allclose(part.values, expected[:, :128, :128], atol=1e-3)
    np.testing.assert_allclose(part.deviation, spread[:, :128, :128], atol=1e-3)


def test_mistakes_are_told_at_once_and_no_step_changes_nothing(restorer, scene, lazy):
    with pytest.raises(InstructionError):
        restorer(lazy[0], "bake a cake")
    with pytest.raises(BandError):
        restorer(lazy[0], "noise", bands="naip")
    same = restorer(lazy[0], [])
    assert same.chunks is not None
    np.testing.assert_array_equal(same.values, scene.values)
    assert all(lines.dtype == np.float32 for lines in restorer(lazy[0].astype(np.float64), [], uncertainty=True))
    brighter = [Step("brightness", 0.5, "brighten")]
    np.testing.assert_allclose(restorer(lazy[0], brighter).values, restorer(scene, brighter).values, atol=1e-6)


@pytest.fixture(scope="module")
def bundled():
    return load(device="cpu", precision="float32")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda restorer: pickle.loads(pickle.dumps(restorer))])
def test_a_copy_of_a_restorer_gives_the_same(bundled, scene, copied):
    again = copied(bundled)
    np.testing.assert_array_equal(again(scene, "reduce the noise").values, bundled(scene, "reduce the noise").values)


@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_a_cluster_computes_what_memory_does(bundled, scene):
    distributed = pytest.importorskip("distributed")
    steps = [Step("denoise", 0.5, "reduce the noise"), Step("sr", 1 / 3, "double the resolution", 2)]
    scene[:, 5:7, 5:7] = -9999.0
    result = bundled(scene.chunk(y=50, x=60), steps, tile=96)
    expected = bundled(scene, steps).values
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        np.testing.assert_allclose(result.values, expected, atol=1e-3)


def test_graph_and_prepared_steps_go_to_other_processes(bundled, scene):
    steps = [Step("sr", 1 / 3, "double the resolution", 2), Step("destripe", 0.5, "remove the stripes")]
    window = Window(0, 0, 64, 64)
    prepared = bundled.stream(scene, steps, options=Options(uncertainty=True)).prepared(64)
    there = pickle.loads(pickle.dumps(prepared))(window)
    np.testing.assert_array_equal(there.values, prepared(window).values)
    np.testing.assert_array_equal(there.deviation, prepared(window).deviation)
    result = bundled(scene.chunk(y=50, x=60), steps)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(result)).values, result.values)
