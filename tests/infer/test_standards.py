"""What others' validators say of our outputs: `rio cogeo validate` of Cloud Optimized GeoTIFFs, pystac of items."""

import json

import numpy as np
import pytest
from tests.infer.archives import write_scene
from tests.scene.files import S2, write

from llars.infer import job
from llars.infer.batch import restore_batch

PROMPT = "reduce the noise"


def test_a_cog_has_overviews_and_is_valid(restorer, textured, tmp_path, monkeypatch):
    cogeo = pytest.importorskip("rio_cogeo.cogeo")
    monkeypatch.setattr(job, "load", lambda *_, **__: restorer)
    numbers = np.rint(textured(4, 530, 1030, seed=5).clip(0.0) * 10_000).astype(np.uint16) + 1
    numbers[:, :100, :200] = 0
    source = write(tmp_path / "scene.tif", numbers, S2, scale=1e-4, nodata=0, tags={"SENSOR": "sentinel2-l2a"})
    outputs = [tmp_path / "a.cog.tif", tmp_path / "sigma.cog.tif"]
    job.restore_file(source, outputs[0], "noise", uncertainty=outputs[1])
    for output in outputs:
        valid, errors, warnings = cogeo.cog_validate(output, strict=True)
        assert (valid, errors, warnings) == (True, [], [])
        assert [level.Decimation for level in cogeo.cog_info(output).IFD][1:] == [2, 4]


def test_what_a_batch_leaves_is_valid(tmp_path, tiny_weights):
    cogeo = pytest.importorskip("rio_cogeo.cogeo")
    validation = pytest.importorskip("pystac.validation")
    pytest.importorskip("jsonschema")
    write_scene(tmp_path / "in" / "a.tif", 1)
    write_scene(tmp_path / "in" / "nowhere.tif", 2, place={})
    out = tmp_path / "out"
    restore_batch(tmp_path / "in", out, PROMPT, model=str(tiny_weights), device="cpu", workers=1, cog=True)
    items = sorted(out.glob("*.json"))
    assert [path.name for path in items] == ["a.json", "nowhere.json"]
    validator = validation.stac_validator.JsonSchemaSTACValidator()
    for path in items:
        item = json.loads(path.read_text())
        # The schemas of the core come with pystac; those of extensions lie on a network.
        validator.validate_core(item, "Feature", item["stac_version"])
        valid, errors, _ = cogeo.cog_validate(out / item["assets"]["image"]["href"])
        assert (valid, errors) == (True, [])


def test_a_collection_of_our_own_items_is_a_manifest(tmp_path, tiny_weights):
    write_scene(tmp_path / "in" / "a.tif", 1)
    options = {"model": str(tiny_weights), "device": "cpu", "workers": 1}
    restore_batch(tmp_path / "in", tmp_path / "out", PROMPT, **options)
    items = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")]
    collection = tmp_path / "out" / "items.json"
    collection.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    summary = restore_batch(collection, tmp_path / "again", "remove the haze", **options)
    assert (summary.done, summary.failed) == (1, ())
    taken = items[0]["properties"]["datetime"]
    assert json.loads((tmp_path / "again" / "a.json").read_text())["properties"]["datetime"] == taken
