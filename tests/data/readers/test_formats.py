"""Files of each format become the same arrays, whatever the order of their axes."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import torch
from rasterio.enums import ColorInterp

from llars.data.readers.description import Layer
from llars.data.readers.formats import opened
from llars.errors import DataError

LAND = np.arange(4 * 6 * 5, dtype=np.int16).reshape(4, 6, 5)


def layer(**fields: object) -> Layer:
    return Layer(paths=("{id}",), **fields)  # type: ignore[arg-type]


def read(path: Path, description: Layer, index: int = 0) -> np.ndarray:
    with opened(path, description) as images:
        return images.read(index)


def test_both_versions_of_mat_are_read_alike(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "5.mat", {"img": LAND.transpose(1, 2, 0)})
    with h5py.File(tmp_path / "73.mat", "w", userblock_size=512) as file:
        file["img"] = LAND.transpose(1, 2, 0).T
    for name in ("5.mat", "73.mat"):
        values = read(tmp_path / name, layer(keys=("other", "img"), axes="yxb"))
        np.testing.assert_array_equal(values, LAND)
        assert values.dtype == np.int16


def test_a_single_band_may_lack_its_axis(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "1.mat", {"img": LAND[0]})
    np.testing.assert_array_equal(read(tmp_path / "1.mat", layer(keys=("img",), axes="yxb")), LAND[:1])


def test_stacks_are_read_one_by_one(tmp_path: Path) -> None:
    stack = np.stack([LAND, LAND + 1000])
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["gt"] = stack
    torch.save(torch.from_numpy(stack), tmp_path / "s.pt")
    torch.save(torch.from_numpy(stack), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("s.h5", "s.pt", "old.pt"):
        with opened(tmp_path / name, layer(keys=("gt",), axes="nbyx")) as images:
            assert images.count == 2
            np.testing.assert_array_equal(images.read(1), LAND + 1000)


def test_a_tensor_is_expected_and_nothing_else(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "d.pt")
    with pytest.raises(DataError, match=r"d\.pt holds a dict, expected one tensor"):
        read(tmp_path / "d.pt", layer(axes="nbyx"))


def write(path: Path, values: np.ndarray, driver: str, colours: tuple[ColorInterp, ...] = ()) -> None:
    profile = {"driver": driver, "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", dtype=values.dtype, **profile) as target:
            target.write(values)
            if colours == (ColorInterp.palette,):
                target.write_colormap(1, {i: (i, 2 * i, 255 - i, 255) for i in range(120)})


def test_pictures_of_256_colours_and_opaque_layers(tmp_path: Path) -> None:
    grey = LAND[:1].astype(np.uint8)
    write(tmp_path / "p.png", grey, "PNG", (ColorInterp.palette,))
    np.testing.assert_array_equal(read(tmp_path / "p.png", layer()), np.concatenate([grey, 2 * grey, 255 - grey]))
    four = np.concatenate([LAND[:3].astype(np.uint8), np.full((1, 6, 5), 255, np.uint8)])
    write(tmp_path / "a.png", four, "PNG")
    np.testing.assert_array_equal(read(tmp_path / "a.png", layer()), four[:3])


def test_some_channels_alone(tmp_path: Path) -> None:
    write(tmp_path / "t.tif", LAND, "GTiff")
    np.testing.assert_array_equal(read(tmp_path / "t.tif", layer(take=(2, 0))), LAND[[2, 0]])
    with pytest.raises(DataError, match="has 4 bands, expected at least 6"):
        read(tmp_path / "t.tif", layer(take=(5,)))


SMOOTH = np.int16(1000 * np.sin(np.mgrid[:3, :40, :30].sum(0) / 12.0) + 300 * np.arange(3)[:, None, None])


@pytest.mark.parametrize(
    ("name", "axes"), [("a.bil", (1, 0, 2)), ("a.int", (0, 1, 2)), ("b.int", (1, 2, 0)), ("c.int", (1, 0, 2))]
)
def test_bare_files_in_any_order(name: str, axes: tuple[int, int, int], tmp_path: Path) -> None:
    SMOOTH.astype("<i2").transpose(axes).tofile(tmp_path / name)
    np.testing.assert_array_equal(read(tmp_path / name, layer(raw=SMOOTH.shape)), SMOOTH)


def test_a_bare_file_of_another_size(tmp_path: Path) -> None:
    SMOOTH[:, :20].tofile(tmp_path / "a.bil")
    with pytest.raises(DataError, match=r"a\.bil has 1800 numbers, expected 3 x 40 x 30"):
        read(tmp_path / "a.bil", layer(raw=SMOOTH.shape))


def test_a_library_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name in ("a.mat", "a.h5"):
        with pytest.raises(DataError, match=r"a\.\w+ is read with h5py; pip install 'llars\[train\]'"):
            read(tmp_path / name, layer(keys=("gt",)))
