"""STAC items: valid, in the right place, and honest about time and model."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform_bounds
from tests.infer.archives import UTM, write_scene

from llars.infer.batch.stac import Origin, item_of
from llars.tasks import Step
from llars.weights.registry import find, read_info


@pytest.fixture
def make(tmp_path, tiny_weights):
    """A function that makes the item of a scene, taken for its own result."""

    def item(name="deep/a.cog.tif", taken=None, tags=None, place=UTM):
        scene = write_scene(tmp_path / "scene.tif", place=place)
        with rasterio.open(scene, "r+") as dataset:
            dataset.update_tags(**(tags or {}))
        steps = (Step("sr", 1 / 3, "double the resolution", 2),)
        model = Path(find(tiny_weights))
        origin = Origin(scene, (), taken, "double the resolution", steps, ("a note",), model, read_info(model))
        return item_of(scene, Path(name).name, "deep_a", origin, "a.png"), scene

    return item


def on(crs, left, top, pixel=10_000.0):
    """A place on a map, of pixels so large that a small scene is some degrees wide."""
    return {"crs": crs, "transform": Affine(pixel, 0.0, left, 0.0, -pixel, top)}


ACROSS = on("EPSG:32660", 600_000.0, 7_000_000.0)
"""In the last zone of UTM, across the antimeridian, which lies 152 km east of its middle there."""

SITE = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')


@pytest.mark.parametrize("place", [UTM, ACROSS, on("EPSG:3413", -120_000.0, 120_000.0), on(SITE, 0.0, 0.0), {}])
def test_an_item_is_valid_stac(make, place):
    validation = pytest.importorskip("pystac.validation")
    pytest.importorskip("jsonschema")
    item, _ = make(place=place)
    assert ("bbox" in item) == (place.get("crs") not in (SITE, None))
    validator = validation.stac_validator.JsonSchemaSTACValidator()
    validator.validate_core(item, "Feature", item["stac_version"])
    with pytest.raises(Exception, match="id"):
        validator.validate_core({key: value for key, value in item.items() if key != "id"}, "Feature", "1.1.0")


def area(ring):
    """Of a ring, in square degrees; negative where it runs clockwise."""
    return sum(x * there - across * y for (x, y), (across, there) in pairwise(ring)) / 2


def test_the_footprint_is_that_of_the_file_counter_clockwise(make):
    item, scene = make()
    with rasterio.open(scene) as dataset:
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        assert item["assets"]["image"]["proj:transform"] == list(dataset.transform)[:6]
    # A hundredth of a pixel of 10 m.
    assert item["bbox"] == pytest.approx(bounds, abs=1e-6)
    ring = item["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert area(ring) > 0
    assert item["assets"]["image"]["proj:code"] == "EPSG:32633"


def crossed(outline):
    """Rings of an outline that was cut at the antimeridian."""
    assert outline["type"] == "MultiPolygon"
    west, east = (ring for (ring,) in outline["coordinates"])
    for ring in (west, east):
        assert ring[0] == ring[-1] and area(ring) > 0
        assert all(abs(x - there) < 180 for (x, _), (there, _) in pairwise(ring))
    assert max(x for x, _ in west) == 180 and min(x for x, _ in east) == -180
    return west, east


@pytest.mark.parametrize(
    "place", [ACROSS, on("EPSG:3413", -1_100_000.0, 1_100_000.0), on("EPSG:4326", 170.0, 10.0, pixel=0.7)]
)
def test_across_the_antimeridian_the_footprint_is_cut_and_its_box_runs_from_west_to_east(make, place):
    item, scene = make(place=place)
    west, east = crossed(item["geometry"])
    left, south, right, north = item["bbox"]
    assert 0 < left == min(x for x, _ in west) < 180
    assert -180 < right == max(x for x, _ in east) < 0
    points = [*west, *east]
    assert (south, north) == (min(y for _, y in points), max(y for _, y in points))
    with rasterio.open(scene) as dataset:
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    # GDAL finds the bounds by other points along the sides; a hundredth of a degree is less than a pixel.
    assert [left, south, (right - bounds[2] + 180) % 360 - 180 + bounds[2], north] == pytest.approx(bounds, abs=0.01)


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_around_a_pole_the_footprint_is_all_longitudes_up_to_it(make, crs, pole):
    item, _ = make(place=on(crs, -150_000.0, 120_000.0))
    west, south, east, north = item["bbox"]
    assert (west, east) == (-180, 180) and pole in (south, north)
    # The farthest corner lies 192 km from the pole, and a degree is 111 km.
    assert min(abs(south), abs(north)) == pytest.approx(90 - 192 / 111.2, abs=0.1)
    (ring,) = item["geometry"]["coordinates"]
    assert ring[0] == ring[-1] and area(ring) > 0
    assert {(-180, pole), (180, pole)} <= {tuple(point) for point in ring}


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
