"""Raster files that are read in parts."""

import numpy as np
from tests.commands import write
from tests.infer.rasters import opened

from llars.infer.tiles import Window


def test_thinning_takes_pixels_as_they_are_and_gaps_stay(tmp_path):
    numbers = np.arange(3 * 40 * 60, dtype=np.uint16).reshape(3, 40, 60)
    path = write(tmp_path / "scene.tif", numbers, nodata=0)
    file = opened(path)
    thin = file.decimated(20, 30)
    assert thin.shape == (3, 20, 30)
    whole = file.read(Window(0, 0, 40, 60))
    assert np.isin(thin[np.isfinite(thin)], whole[np.isfinite(whole)]).all()
    assert np.array_equal(file.only([2, 0]).decimated(40, 60), whole[[2, 0]], equal_nan=True)
