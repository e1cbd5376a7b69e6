"""STAC items: valid, in the right place, and honest about time and model."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
import rasterio
from rasterio.warp import transform_bounds
from tests.infer.archives import UTM, write_scene

from llars.infer.batch.stac import Origin, item_of
from llars.tasks import Step
from llars.weights.registry import find, read_info


@pytest.fixture
def make(tmp_path, tiny_weights):
    """A function that makes the item of a scene, taken for its own result."""

    def item(name="deep/a.cog.tif", taken=None, tags=None, georeferenced=True):
        scene = write_scene(tmp_path / "scene.tif", place=UTM if georeferenced else {})
        with rasterio.open(scene, "r+") as dataset:
            dataset.update_tags(**(tags or {}))
        steps = (Step("sr", 1 / 3, "double the resolution", 2),)
        model = Path(find(tiny_weights))
        origin = Origin(scene, (), taken, "double the resolution", steps, ("a note",), model, read_info(model))
        return item_of(scene, Path(name).name, "deep_a", origin, "a.png"), scene

    return item


@pytest.mark.parametrize("georeferenced", [True, False])
def test_an_item_is_valid_stac(make, georeferenced):
    validation = pytest.importorskip("pystac.validation")
    pytest.importorskip("jsonschema")
    item, _ = make(georeferenced=georeferenced)
    assert ("bbox" in item) == georeferenced
    validator = validation.stac_validator.JsonSchemaSTACValidator()
    validator.validate_core(item, "Feature", item["stac_version"])
    with pytest.raises(Exception, match="id"):
        validator.validate_core({key: value for key, value in item.items() if key != "id"}, "Feature", "1.1.0")


def test_the_footprint_is_that_of_the_file_counter_clockwise(make):
    item, scene = make()
    with rasterio.open(scene) as dataset:
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        assert item["assets"]["image"]["proj:transform"] == list(dataset.transform)[:6]
    # A hundredth of a pixel of 10 m.
    assert item["bbox"] == pytest.approx(bounds, abs=1e-6)
    ring = item["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    area = sum(x * there - across * y for (x, y), (across, there) in pairwise(ring)) / 2
    assert area > 0
    assert item["assets"]["image"]["proj:code"] == "EPSG:32633"


def test_it_says_what_was_done_with_which_model(make, tiny_weights):
    item, scene = make()
    facts = item["properties"]
    assert facts["llars:prompt"] in facts["processing:lineage"]
    assert facts["llars:steps"] == [{"task": "sr", "severity": 0.333, "scale": 2}]
    assert facts["llars:weights_sha256"] == read_info(tiny_weights).sha256
    assert facts["mlm:name"] == "llars-tiny" and "super-resolution" in facts["mlm:tasks"]
    assert {"mlm:architecture", "mlm:input", "mlm:output"} <= set(facts)
    assert item["assets"]["model"]["roles"] == ["mlm:model"]
    # The extension wants one wherever that role is.
    assert item["assets"]["model"]["mlm:artifact_type"]
    image = item["assets"]["image"]
    assert image["href"] == "./a.cog.tif" and "cloud-optimized" in image["type"]
    assert [band["name"] for band in image["bands"]] == ["B02", "B03", "B04", "B08"]
    assert item["links"][0] == {"rel": "derived_from", "href": scene.as_uri(), "title": "input"}


def test_the_time_is_the_manifests_else_the_tags_else_the_files_which_is_said(make):
    item, _ = make(taken="2024-05-01T10:00:00Z")
    assert item["properties"]["datetime"] == "2024-05-01T10:00:00Z"
    assert "llars:datetime_from" not in item["properties"]
    item, _ = make(tags={"TIFFTAG_DATETIME": "2021:06:26 10:00:00"})
    assert item["properties"]["datetime"] == "2021-06-26T10:00:00Z"
    item, scene = make()
    changed = datetime.fromisoformat(item["properties"]["datetime"]).timestamp()
    assert changed == pytest.approx(scene.stat().st_mtime, abs=1.0)
    assert "changed" in item["properties"]["llars:datetime_from"]
