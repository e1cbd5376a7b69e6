"""Export: what ONNX Runtime makes of an exported network is what llars makes of the scene."""

import json

import numpy as np
import pytest
import rasterio
import torch
from tests.infer.archives import write_scene

import llars
from llars import cli
from llars.errors import InstructionError, OutputError, RasterError
from llars.infer import export
from llars.infer.restorer import load
from llars.model.config import preset
from llars.model.network import Network
from llars.tasks import TASK_KEYS
from llars.weights.registry import save_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of the smallest network, none of them zero: it changes everything that it sees."""
    torch.manual_seed(3)
    network = Network(preset("llars-tiny"))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    path = tmp_path_factory.mktemp("weights") / "moved.safetensors"
    save_weights(path, network.state_dict(), network.config, TASK_KEYS)
    return path


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", seed=2, side=48)


@pytest.fixture(scope="module")
def exported(weights, scene, tmp_path_factory):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("onnx") / "denoise.onnx"
    return export.export_file(scene, path, "reduce the noise", model=str(weights))


@pytest.fixture(scope="module")
def session(exported):
    from onnxruntime import InferenceSession

    return InferenceSession(str(exported.output), providers=["CPUExecutionProvider"])


def test_onnx_runtime_gives_what_the_restorer_gives(session, scene, weights):
    with rasterio.open(scene) as source:
        numbers = source.read()[None].astype(np.float32)
    (restored,) = session.run(["restored"], {"image": numbers})
    expected = load(str(weights), "cpu", precision="float32")(llars.open_scene(scene), "reduce the noise").values
    assert np.abs(expected - numbers[0] * 1e-4).max() > 0.05, "the network does something"
    # Reflectance from 0 to 1: a thousandth of the range is 10 stored numbers.
    np.testing.assert_allclose(restored[0] * 1e-4, expected, atol=1e-3)


def test_any_sides_that_are_multiples_will_do_and_tiles_agree_beyond_the_halo(session, exported):
    (shape,) = [one.shape for one in session.get_inputs()]
    assert shape == [1, 4, None, None] == session.get_outputs()[0].shape
    halo, multiple = exported.halo, exported.multiple
    numbers = np.random.default_rng(5).uniform(500, 4000, (1, 4, 160, 2 * halo + 9 * multiple)).astype(np.float32)
    (whole,) = session.run(None, {"image": numbers})
    assert whole.shape == numbers.shape
    (part,) = session.run(None, {"image": numbers[..., : 2 * halo + 4 * multiple]})
    inner = slice(0, halo + 4 * multiple)
    # Float32 over numbers of thousands.
    np.testing.assert_allclose(part[..., inner], whole[..., inner], atol=0.1)


def test_metadata_is_what_deepness_reads_and_makes_it_feed_stored_numbers(session, exported, weights):
    facts = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    assert facts["model_type"] == "Superresolution"
    assert facts["class_names"] == {"0": "B02", "1": "B03", "2": "B04", "3": "B08"}
    assert facts["resolution"] == 1000.0
    assert facts["tile_size"] == facts["tiles_size"] == 512 and 512 % exported.multiple == 0
    assert facts["tiles_overlap"] / 100 * 512 >= 2 * exported.halo
    mean, std = (np.array(facts[f"standardization_{name}"]) for name in ("mean", "std"))
    np.testing.assert_allclose((np.array([0.0, 1234.0])[:, None] / 255.0 - mean) / std, [[0.0] * 4, [1234.0] * 4])
    own = facts["llars"]
    assert own["step"]["task"] == exported.step.task == "denoise"
    assert (own["prompt"], own["model"], own["multiple"]) == ("reduce the noise", "llars-tiny", exported.multiple)
    assert [band["name"] for band in own["bands"]] == list(exported.bands) == ["B02", "B03", "B04", "B08"]


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("equalise the histogram", "no operator"),
        ("double the resolution", "sr brings grids together"),
        ("brighten the image", "plain gain"),
        ("remove the stripes", "destripe sets out"),
        ("sharpen the blurred image", "deblur sets out"),
        ("remove the clouds", "cloud sets out"),
        ("remove the stripes, then reduce the noise", "2 steps"),
    ],
)
def test_what_no_single_network_does_is_refused(prompt, says, weights, scene, tmp_path):
    with pytest.raises(InstructionError, match=says):
        export.export_file(scene, tmp_path / "a.onnx", prompt, model=str(weights))
    assert not list(tmp_path.iterdir())


def test_the_command_refuses_in_one_line(llars, scene, tmp_path):
    for output, extra, says in (("a.tif", (), ".onnx"), ("a.onnx", ("--format", "tflite"), "tflite")):
        result = llars("export", scene, tmp_path / output, "-p", "denoise", *extra)
        assert result.code == cli.MISTAKE
        assert result.err.startswith("llars: error: ") and says in result.err and result.err.count("\n") == 1
    (tmp_path / "there.onnx").touch()
    with pytest.raises(OutputError, match="exists already"):
        export.export_file(scene, tmp_path / "there.onnx", "denoise")


def test_linear_power_is_refused_as_no_affine_map_decodes_it(weights, tmp_path):
    path, shape = tmp_path / "power.tif", (1, 32, 32)
    values = np.random.default_rng(0).gamma(4.0, 0.02, shape).astype(np.float32)
    with rasterio.open(path, "w", "GTiff", 32, 32, 1, dtype="float32") as target:
        target.write(values)
        target.set_band_description(1, "VV")
    with pytest.raises(RasterError, match="linear power"):
        export.export_file(path, tmp_path / "o.onnx", "noise", sensor="sentinel1-grd-linear", model=str(weights))


def test_the_command_says_that_an_instruction_is_required(llars, scene, tmp_path):
    shown = " ".join(llars("export", "--help").out.split())
    assert "Required." in shown and "what the image needs" not in shown
    result = llars("export", scene, tmp_path / "x.onnx")
    assert result.code == cli.MISTAKE
    (line,) = result.err.splitlines()
    assert "found no instruction" in line and "-p" in line
    assert "what the image needs" in " ".join(llars("batch", "--help").out.split())
