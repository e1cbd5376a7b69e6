"""What `degrade` writes, beyond the pixels."""

import numpy as np
import pytest
import rasterio
from tests.commands import plain, write

from llars.infer import job

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_bytes_without_a_nodata_number_become_coarser(tmp_path):
    source = write(tmp_path / "in.tif", plain())
    job.degrade_file(source, tmp_path / "out.tif", "sr", 1 / 3, sensor="rgb")
    with rasterio.open(tmp_path / "out.tif") as file:
        pixels = file.read()
        assert (file.dtypes[0], file.nodata) == ("uint8", None)
    means = plain().reshape(3, 24, 2, 20, 2).mean(axis=(2, 4))
    # Rounded to whole numbers, from means in float32 of values in [0, 1].
    np.testing.assert_allclose(pixels, means, atol=0.5 + 1e-4)
