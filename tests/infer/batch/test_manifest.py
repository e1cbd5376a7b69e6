"""Manifests: what is restored, and what the results are called."""

import json
from datetime import datetime
from pathlib import PurePosixPath

import pytest

from llars.errors import ConfigError
from llars.infer.batch.manifest import read_manifest


@pytest.fixture
def place(tmp_path):
    for name in ("a.tif", "deep/b.TIF", "deep/c.cog.tif", ".hidden/x.tif", "out/old.tif", "notes.md", "sar.tif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def outputs(entries):
    return [str(entry.output) for entry in entries]


def test_a_folder_is_taken_with_those_below_but_for_hidden_ones_and_the_results(place):
    entries = read_manifest(place, place / "out", "denoise")
    assert outputs(entries) == ["a.tif", "deep/b.tif", "deep/c.cog.tif", "sar.tif"]
    assert [entry.source for entry in entries][:2] == [place / "a.tif", place / "deep" / "b.TIF"]
    assert {entry.prompt for entry in entries} == {"denoise"}


def test_a_glob_keeps_the_places_below_its_fixed_part(place):
    entries = read_manifest(f"{place}/deep/*.tif", place / "out", "denoise", cog=True)
    assert outputs(entries) == ["c.cog.tif"]
    entries = read_manifest(f"{place}/**/*.[tT][iI][fF]", place / "out", "denoise")
    assert outputs(entries) == ["a.tif", "deep/b.tif", "deep/c.cog.tif", "sar.tif"]


def test_a_glob_may_begin_in_the_first_folder_or_be_relative(place, monkeypatch):
    first = place.parts[1]
    entries = read_manifest(f"/{first[:-1]}?/{place.relative_to('/' + first)}/deep/*.tif", place / "out", "denoise")
    assert outputs(entries) == [f"{place.relative_to('/')}/deep/c.cog.tif"]
    assert [entry.source for entry in entries] == [place / "deep" / "c.cog.tif"]
    monkeypatch.chdir(place)
    assert outputs(read_manifest("a*.tif", place / "out", "denoise")) == ["a.tif"]
    assert outputs(read_manifest("deep/*.tif", place / "out", "denoise")) == ["c.cog.tif"]


def test_scenes_without_a_prompt_are_left_to_the_diagnosis(place):
    (place / "m.csv").write_text("input,prompt\na.tif,\ndeep/b.TIF,deblur\n")
    assert [entry.prompt for entry in read_manifest(place / "m.csv", place / "out")] == ["", "deblur"]


def test_a_list_names_files_relative_to_itself(place):
    (place / "list.txt").write_text("# scenes\n\na.tif\n" + str(place / "deep/b.TIF") + "\n")
    entries = read_manifest(place / "list.txt", place / "out", "denoise", cog=True)
    assert outputs(entries) == ["a.cog.tif", "b.cog.tif"]
    assert entries[0].source == place / "a.tif"


def test_a_table_says_prompt_result_guide_and_time_of_each(place):
    (place / "t.csv").write_text(
        "input,output,prompt,sar,datetime\na.tif,new/one.tif,use the radar,sar.tif,2024-05-01T10:00:00Z\n"
        "deep/b.TIF,,,,\n"
    )
    one, two = read_manifest(place / "t.csv", place / "out", "reduce the noise")
    assert (one.output, one.prompt, one.acquired) == (
        PurePosixPath("new/one.tif"),
        "use the radar",
        "2024-05-01T10:00:00Z",
    )
    assert one.guides == (("sar", place / "sar.tif"),)
    assert (two.output, two.prompt, two.guides, two.acquired) == (PurePosixPath("b.tif"), "reduce the noise", (), None)


def test_stac_items_and_plain_geojson(place):
    stac = {
        "type": "Feature",
        "id": "S2_X",
        "properties": {"datetime": "2024-05-01T10:00:00Z"},
        "assets": {
            "image": {"href": "a.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]},
            "sar": {"href": (place / "sar.tif").as_uri(), "type": "image/tiff"},
            "thumbnail": {"href": "a.png", "type": "image/png", "roles": ["thumbnail"]},
        },
    }
    plain = {"type": "Feature", "geometry": None, "properties": {"input": "deep/b.TIF", "prompt": "deblur", "id": 7}}
    path = place / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [stac, plain]}))
    one, two = read_manifest(path, place / "out", "denoise")
    assert (one.source, one.output, one.acquired) == (
        place / "a.tif",
        PurePosixPath("S2_X.tif"),
        "2024-05-01T10:00:00Z",
    )
    assert one.guides == (("sar", place / "sar.tif"),)
    assert (two.source, two.prompt) == (place / "deep/b.TIF", "deblur")
    path.write_text(json.dumps(stac))
    assert outputs(read_manifest(path, place / "out", "denoise")) == ["S2_X.tif"]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-06-01", "2024-06-01T00:00:00Z"),
        ("2024-06-01 10:30", "2024-06-01T10:30:00Z"),
        ("2024-06-01T10:30:00.5+02:00", "2024-06-01T08:30:00.500000Z"),
        ("20240601T103000Z", "2024-06-01T10:30:00Z"),
    ],
)
def test_times_are_written_as_stac_wants_them(place, text, time):
    (place / "m.csv").write_text(f"input,datetime\na.tif,{text}\n")
    (entry,) = read_manifest(place / "m.csv", place / "out", "denoise")
    assert entry.acquired == time


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("none.csv", None, "cannot read"),
        ("m.csv", "input,promt\na.tif,x\n", "promt"),
        ("m.csv", "output\na.tif\n", "expected input"),
        ("m.csv", "input\n", "names no scenes"),
        (
            "m.csv",
            "input,prompt\na.tif,reduce the noise, then sharpen\n",
            "line 2 has 3 cells for 2 columns; put quotes",
        ),
        ("m.csv", "input,input\na.tif,sar.tif\n", "several columns called input"),
        ("m.csv", "input,prompt\n,denoise\n", "scene 1 has no input"),
        ("m.csv", "input,output,prompt\na.tif,../a.tif,x\n", "below the folder"),
        ("m.csv", "input,output,prompt\na.tif,a.png,x\n", "ending in .tif"),
        ("m.csv", "input,output,prompt\na.tif,x.tif,p\ndeep/b.TIF,x.cog.tif,p\n", "would both be"),
        ("m.csv", "input,prompt\nhttps://x.org/a.tif,p\n", "download it first"),
        ("m.csv", "input,datetime\na.tif,\ndeep/b.TIF,yesterday\n", "scene 2 has the datetime 'yesterday'; expected"),
        ("m.csv", "input,datetime\na.tif,0001-01-01T00:00+05:00\n", "expected one as"),
        ("m.json", "{", "no STAC item collection"),
        ("m.json", '{"type": "FeatureCollection"}', "features"),
    ],
)
def test_what_is_of_no_use_is_said_in_one_line(place, name, text, says):
    if text is not None:
        (place / name).write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        read_manifest(place / name, place / "out")
    assert "\n" not in str(caught.value)


def test_an_item_of_many_images_is_refused_by_its_name(place):
    assets = {band: {"href": f"{band}.tif", "roles": ["data"]} for band in ("B02", "B03")}
    item = {"type": "Feature", "id": "S2_Y", "properties": {}, "assets": assets}
    (place / "m.json").write_text(json.dumps(item))
    with pytest.raises(ConfigError, match=r"S2_Y has 2 images \(B02, B03\)"):
        read_manifest(place / "m.json", place / "out", "denoise")


def test_results_never_replace_inputs(place):
    (place / "m.txt").write_text("a.tif\n")
    with pytest.raises(ConfigError, match="would replace an input"):
        read_manifest(place / "m.txt", place, "denoise")


def test_a_parquet_table_says_what_a_csv_says(place):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    taken = [datetime(2024, 5, 1, 10), None]
    columns = {"input": ["a.tif", "deep/b.TIF"], "prompt": ["dehaze", None], "sar": ["sar.tif", None]}
    parquet.write_table(pyarrow.table({**columns, "datetime": taken}), place / "table.parquet")
    rows = ["input,prompt,sar,datetime", "a.tif,dehaze,sar.tif,2024-05-01T10:00:00Z", "deep/b.TIF,,,"]
    (place / "table.csv").write_text("\n".join(rows))
    entries = read_manifest(place / "table.parquet", place / "out", "denoise")
    assert entries == read_manifest(place / "table.csv", place / "out", "denoise")
    assert [entry.acquired for entry in entries] == ["2024-05-01T10:00:00Z", None]
    # As pandas writes a selection of rows.
    indexed = pyarrow.table({**columns, "datetime": taken, "__index_level_0__": [4, 7]})
    parquet.write_table(indexed, place / "indexed.parquet")
    assert read_manifest(place / "indexed.parquet", place / "out", "denoise") == entries
    (place / "bad.parquet").write_bytes(b"no table")
    with pytest.raises(ConfigError, match="is it Parquet"):
        read_manifest(place / "bad.parquet", place / "out", "denoise")


def test_results_do_not_go_among_the_scenes(place):
    with pytest.raises(ConfigError, match="give another folder for them"):
        read_manifest(place / "deep", place / "out" / ".." / "deep")
