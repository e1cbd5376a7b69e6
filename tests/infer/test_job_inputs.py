"""No job replaces a file that it reads, except the input by its own result."""

import numpy as np
import pytest
import rasterio
from tests.commands import plain, write

from llars.errors import OutputError
from llars.infer import job
from llars.infer.raster import outputs

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_no_other_file_that_is_read_is_replaced(tmp_path):
    source, guide, picture = (tmp_path / name for name in ("in.tif", "guide.tif", "picture.png"))
    for path in (source, guide):
        write(path, plain())
    with rasterio.open(picture, "w", driver="PNG", width=40, height=40, count=3, dtype="uint8") as target:
        target.write(np.full((3, 40, 40), 90, np.uint8))
    link = tmp_path / "link.tif"
    link.symlink_to(source)
    before = {path: path.read_bytes() for path in (source, guide, picture)}
    for read_from, output, extra, says in (
        (source, "a.tif", {"uncertainty": source}, "the uncertainty .* would replace the input"),
        (source, "a.tif", {"invented": link}, "the invented .* would replace the input"),
        (picture, "a.tif", {"preview": picture}, "the preview .* would replace the input"),
        (source, "guide.tif", {"guides": {"sar": guide}}, "the image .* would replace the guide sar"),
        (source, "a.tif", {"uncertainty": guide, "guides": {"sar": guide}}, "would replace the guide sar"),
    ):
        with pytest.raises(OutputError, match=f"{says}.*; choose another name"):
            job.restore_file(read_from, tmp_path / output, "noise", overwrite=True, **extra)
    with pytest.raises(OutputError, match=r"the picture .* would replace the input"):
        job.diagnose_file(picture, picture=picture, overwrite=True)
    assert {path: path.read_bytes() for path in before} == before


def test_a_band_of_a_product_is_not_replaced(tmp_path, monkeypatch):
    product = tmp_path / "scene"
    product.mkdir()
    for name in ("B4.tif", "old_result.tif"):
        (product / name).write_bytes(b"pixels")
    monkeypatch.setattr(outputs, "virtual_raster", lambda _: "<SourceFilename>B4.tif</SourceFilename>")
    outputs.check_inputs({"image": product / "old_result.tif"}, product, {})
    with pytest.raises(OutputError, match="would replace the input"):
        outputs.check_inputs({"image": product / "B4.tif"}, product, {})
