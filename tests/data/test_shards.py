"""A shard gives back what was put in: by itself, in any order, and through the library that gave it its layout."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llars.bands import Role
from llars.data.manifest import Tally
from llars.data.records import Record, bands_from, describe
from llars.data.shards import Shard, ShardWriter
from llars.errors import DataError
from llars.sample import Sample
from llars.sensors import get_sensor

RGB = get_sensor("rgb-aerial").bands
SAR = tuple(replace(band, role=Role.SAR) for band in get_sensor("sentinel1-grd-db").bands[:2])


def sample(seed: int, holes: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    valid = np.ones((9, 7), dtype=bool)
    valid[:3, :2] = not holes
    values = rng.integers(0, 255, (3, 9, 7)).astype(np.uint8)
    box = (10.0, 45.0, 10.1, 45.2)
    look = {"day": 12.5, "footprint": box, "source": "made up", "licence": "CC0-1.0"}
    return Sample(f"scene{seed}", "train", "rgb-aerial", RGB, values, 1 / 255, 0.0, valid, group="g", **look)  # type: ignore[arg-type]


def radar(seed: int) -> Sample:
    values = np.random.default_rng(seed).normal(-12, 3, (len(SAR), 9, 7)).astype(np.float32)
    return replace(
        sample(seed), sensor="sentinel1-grd-db", bands=SAR, values=values, scale=1.0, value_range=(-35.0, 5.0)
    )


@pytest.fixture
def records() -> list[Record]:
    return [
        Record("plain", "clean", "a", {"image": sample(0)}),
        Record("with.dots and/slash", "denoise", "b", {"target": sample(1, holes=True)}, severity=0.25),
        Record("pair" * 30, "cloud_sar", "c", {"sar": radar(2), "target": sample(3)}, citation="Somebody (2020)"),
    ]


@pytest.fixture
def path(records: list[Record], tmp_path: Path) -> Path:
    writer = ShardWriter(tmp_path / "one.tar")
    for number, record in enumerate(records):
        writer.add(record, number)
    assert not (tmp_path / "one.tar").exists()
    said = writer.close()
    raw = (tmp_path / "one.tar").read_bytes()
    assert (said["bytes"], said["sha256"], said["samples"]) == (len(raw), hashlib.sha256(raw).hexdigest(), 3)
    assert [one.name for one in tmp_path.iterdir()] == ["one.tar"]
    return tmp_path / "one.tar"


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_records_come_back(path: Path, records: list[Record], scheme: str) -> None:
    if scheme:
        pytest.importorskip("fsspec")
    shard = Shard(f"{scheme}{path}")
    assert len(shard) == 3
    for index in (2, 0, 1):
        found, given = shard[index], records[index]
        assert (found.key, found.task, found.place) == (given.key, given.task, given.place)
        assert (found.severity, found.citation, found.sensor) == (given.severity, given.citation, "rgb-aerial")
        assert list(found.images) == list(given.images)
        for name, image in given.images.items():
            back = found.images[name]
            np.testing.assert_array_equal(back.values, image.values)
            np.testing.assert_array_equal(back.valid, image.valid)
            assert back.values.dtype == image.values.dtype
            blank = {"values": np.empty(0), "valid": np.empty(0)}
            assert repr(replace(back, **blank)) == repr(replace(image, **blank))


def test_the_library_reads_it_too(path: Path, records: list[Record]) -> None:
    webdataset = pytest.importorskip("webdataset")
    found = list(webdataset.WebDataset(str(path), shardshuffle=False).decode())
    assert [one["json"]["key"] for one in found] == [record.key for record in records]
    np.testing.assert_array_equal(found[2]["sar.npy"], records[2].images["sar"].values)
    np.testing.assert_array_equal(found[1]["target.valid.npy"], records[1].images["target"].valid)


def test_a_plain_tar_of_arrays_is_inside(path: Path, records: list[Record]) -> None:
    import tarfile

    with tarfile.open(path, "r:") as archive:
        names = archive.getnames()
        member = archive.extractfile("plain.image.npy")
        assert member is not None
        np.testing.assert_array_equal(np.load(io.BytesIO(member.read())), records[0].images["image"].values)
        text = archive.extractfile("plain.json")
        assert text is not None and json.loads(text.read())["task"] == "clean"
    assert len(names) == 3 + 4 + 1
    assert len({name.partition(".")[0] for name in names}) == 3


@pytest.mark.parametrize("keep", [-1024, -512 * 5, 700, 0])
def test_a_shard_cut_short_is_told(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="build the corpus again"):
        Shard(path)


@pytest.mark.parametrize("fault", ["bands", "valid"])
def test_an_image_that_says_nothing_is_refused(tmp_path: Path, fault: str) -> None:
    good = sample(0)
    changed = {"bands": replace(good, bands=RGB[:2]), "valid": replace(good, valid=np.zeros((9, 7), dtype=bool))}
    writer = ShardWriter(tmp_path / "one.tar")
    with pytest.raises(DataError, match={"bands": "3 bands are stored, 2 described", "valid": "no valid"}[fault]):
        writer.add(Record("x", "clean", "x", {"image": changed[fault]}))
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_tallies_pool_to_the_statistics_of_all_pixels(path: Path, records: list[Record]) -> None:
    shard, total = Shard(path), Tally()
    for index in range(len(shard)):
        one = Tally()
        one.add(shard.metadata(index))
        total.merge(Tally.from_json(json.loads(json.dumps(one.to_json()))))
    images = [records[0].images["image"], records[1].images["target"], records[2].images["target"]]
    held = np.concatenate([image.values[1][image.valid] / 255 for image in images])
    found = total.statistics()["rgb-aerial"][RGB[1].name]
    # To the digits that ten sums in double precision keep.
    assert found["mean"] == pytest.approx(held.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(held.std(), rel=1e-12)
    assert (found["min"], found["max"]) == pytest.approx((held.min(), held.max()))
    assert found["pixels"] == held.size == 63 + 57 + 63
    assert total.severities == {"denoise": [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]}
    assert total.sensors == {"rgb-aerial": 3, "sentinel1-grd-db": 1}


def test_bands_are_read_by_the_names_of_their_fields() -> None:
    described = describe(radar(0), whole=True)
    reordered = [dict(reversed(band.items())) for band in described["bands"]]
    assert list(reordered[0]) != list(described["bands"][0])
    assert bands_from({"bands": reordered}) == bands_from(described) == SAR
