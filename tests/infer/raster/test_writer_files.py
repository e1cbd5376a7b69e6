"""Written files appear whole or not at all."""

import resource
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from tests.infer.rasters import facts, make, restore

from llars.errors import BandError, OutputError, RasterError
from llars.infer.raster import read_profile, write_like
from llars.infer.raster.outputs import check_outputs
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_a_cog_by_name(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    before, after = restore(source, tmp_path / "out.cog.tif")
    assert before.tobytes() == after.tobytes()
    uncopied = {"satellite", "shelves"}  # by GDAL, where bands have tags in the default domain
    kept = facts(tmp_path / "out.cog.tif")
    assert {key: kept[key] for key in kept.keys() - uncopied} == {
        key: fact for key, fact in facts(source).items() if key not in uncopied
    }
    with rasterio.open(tmp_path / "out.cog.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_a_cog_keeps_every_domain_of_bands_without_plain_tags(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    with rasterio.open(source, "r+") as file:
        for i in file.indexes:
            file.update_tags(i, DETECTOR="", STATISTICS_MEAN="")
    with rasterio.open(source) as file:
        assert not any(any(file.tags(i).values()) for i in file.indexes)
    restore(source, tmp_path / "out.cog.tif")
    assert facts(source) == facts(tmp_path / "out.cog.tif")


def test_a_write_protected_file_is_not_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "out.tif"
    kept.write_bytes(b"kept")
    kept.chmod(0o444)
    with pytest.raises(OutputError, match=r"out\.tif is write-protected; choose another name or make it writable"):
        check_outputs([kept], overwrite=True)
    kept.chmod(0o644)
    check_outputs([kept], overwrite=True)


def test_an_existing_output_is_safe(tmp_path: Path) -> None:
    source, target = make(tmp_path / "in.tif"), tmp_path / "out.tif"
    target.write_text("precious")
    with pytest.raises(OutputError, match="--overwrite"):
        restore(source, target)
    assert target.read_text() == "precious"
    restore(source, target, overwrite=True)
    assert facts(target) == facts(source)


def test_what_lies_beside_an_older_file_does_not_speak_for_the_new_one(tmp_path: Path) -> None:
    source, target = make(tmp_path / "in.tif"), tmp_path / "out.tif"
    beside = tmp_path / "out.tif.aux.xml"
    beside.write_text(
        '<PAMDataset><PAMRasterBand band="1"><Description>old</Description><NoDataValue>77</NoDataValue>'
        "</PAMRasterBand></PAMDataset>"
    )
    with pytest.raises(OutputError, match=r"out\.tif\.aux\.xml .* remove it or say --overwrite"):
        restore(source, target)
    assert beside.exists()
    assert not target.exists()
    restore(source, target, overwrite=True)
    assert facts(source) == facts(target)
    assert not beside.exists()


def test_an_image_can_replace_itself(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    before = facts(source)
    restore(source, source, lambda values: values + np.float32(0.1), overwrite=True)
    assert facts(source) == before


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    source, link = make(tmp_path / "in.tif"), tmp_path / "latest.tif"
    (tmp_path / "store").mkdir()
    link.symlink_to(tmp_path / "store" / "day.tif")
    restore(source, link)
    assert link.is_symlink()
    assert facts(tmp_path / "store" / "day.tif") == facts(source)
    restore(source, link, lambda values: values + np.float32(0.1), overwrite=True)
    assert link.is_symlink()
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["day.tif"]


def test_bad_outputs_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.tif").mkdir()
    for name, hint in {
        "missing/out.tif": "there is no folder",
        "file/out.tif": "there is no folder",
        "folder.tif": "is a folder",
    }.items():
        with pytest.raises(OutputError, match=hint) as caught:
            check_outputs([tmp_path / name], overwrite=False)
        assert "\n" not in str(caught.value)
    check_outputs([tmp_path / "good.tif"], overwrite=False)
    assert not (tmp_path / "good.tif").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(tmp_path: Path) -> None:
    """A link leads into a file as if that were a folder: unlike permissions, this stops root too."""
    (tmp_path / "file").touch()
    (tmp_path / "out.tif").symlink_to(tmp_path / "file" / "day.tif")
    with pytest.raises(OutputError, match=r"cannot write to .*file: .*; choose another folder"):
        check_outputs([tmp_path / "out.tif"], overwrite=False)


@pytest.mark.parametrize("name", ["out.tif", "out.cog.tif"])
@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, name: str, limit: int) -> None:
    source = make(tmp_path / "in.tif")
    scene, profile = open_scene(source, "sentinel2-l1c"), read_profile(source, "sentinel2-l1c")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(OutputError, match="disk"):
            write_like(tmp_path / name, scene.values, profile)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.tif"]


def test_a_source_that_breaks_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    scene, profile = open_scene(source, "sentinel2-l1c"), read_profile(source, "sentinel2-l1c")
    source.write_bytes(source.read_bytes()[:5_000])
    with pytest.raises(RasterError):
        write_like(tmp_path / "out.tif", scene.values, profile)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.tif"]


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif")
    values = open_scene(source, "sentinel2-l1c").values
    with pytest.raises(BandError, match=r"\(4, 120, 140\)"):
        write_like(tmp_path / "out.tif", values, read_profile(source, "sentinel2-l1c"), scale=2)


def test_writing_warns_of_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "in.tif", place="nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        write_like(
            tmp_path / "out.tif", open_scene(source, "sentinel2-l1c").values, read_profile(source, "sentinel2-l1c")
        )
