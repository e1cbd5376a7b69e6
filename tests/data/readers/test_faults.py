"""What is wrong with a set is named in one line, and the rest is read."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from llars.data.readers import read_set
from llars.errors import DataError

Make = Callable[[str], Path]


def read(name: str, folder: Path) -> tuple[list[str], list[str]]:
    """Names of the scenes that can be read, and the faults."""
    faults: list[str] = []
    scenes = [one.scene for split in ("train", "val", "test") for one in read_set(name, folder, split, faults.append)]
    assert all("\n" not in fault and fault.startswith(f"{name}: ") for fault in faults)
    return scenes, faults


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def test_a_set_that_is_not_there(tmp_path: Path) -> None:
    scenes, faults = read("rice1", tmp_path)
    assert not scenes
    assert set(faults) == {
        f"rice1: nothing under {tmp_path} is named like RICE1/cloud/{{id}}.png; give the folder into which "
        "RICE1, thin clouds in Google Earth was unpacked (https://github.com/BUPTLdy/RICE_DATASET)"
    }


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    scenes, faults = read("stf-cia", tmp_path / "nowhere")
    assert not scenes
    assert "nowhere is named like CIA/Landsat" in faults[0]


def test_without_a_listener_the_first_fault_is_raised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^rsid: nothing under"):
        next(read_set("rsid", tmp_path, "train"))


def test_unknown_names_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown set 'rise1'; the sets are cuhk-cr1"):
        read_set("rise1", tmp_path, "train", print)
    with pytest.raises(DataError, match="unknown split 'valid'; the splits are train, val, test"):
        read_set("rice1", tmp_path, "valid", print)


def test_a_role_that_was_not_unpacked(miniature: Make) -> None:
    folder = miniature("sen12mscr-spring")
    shutil.rmtree(folder / "SEN12MSCR" / "ROIs1158_spring_s1")
    scenes, faults = read("sen12mscr-spring", folder)
    assert not scenes
    assert (
        "ROIs1158_spring_s1/s1_{roi}/ROIs1158_spring_s1_{roi}_p{patch}.tif (sar); the set is half unpacked" in faults[0]
    )
    scenes, faults = read("sen12mscr-spring-optical", folder)
    assert len(scenes) == 6 and not faults, "without radar the same pairs are whole"


def test_single_counterparts_that_are_missing(miniature: Make) -> None:
    folder = miniature("haze1k-thin")
    root = folder / "Haze1k" / "Haze1k_thin" / "train"
    (root / "target" / " (2).png").unlink()
    (root / "target" / " (3).png").unlink()
    (root / "input" / " (1).png").unlink()
    scenes, faults = read("haze1k-thin", folder)
    assert scenes == ["train_-4", "valid_-1", "valid_-2", "test_-1", "test_-2"]
    missing, alone = faults
    assert "2 of 3 train inputs have no target, the first" in missing and "input/ (2).png; they are left out" in missing
    assert "1 train files of target have no input, the first" in alone and "target/ (1).png" in alone


def test_a_published_part_that_is_missing(miniature: Make) -> None:
    folder = miniature("oli2msi")
    for kind in ("lr", "hr"):
        shutil.rmtree(folder / "OLI2MSI" / f"test_{kind}")
    scenes, faults = read("oli2msi", folder)
    assert len(scenes) == 9
    assert faults == [
        f"oli2msi: {folder} holds no test images; unpack that part of OLI2MSI, Landsat 8 to Sentinel-2",
    ]


@pytest.mark.parametrize(
    ("name", "file", "left", "whole"),
    [
        ("rsid", "RSID/hazy/41.png", 14, 15),
        ("dhid", "DHID/TrainingSet/hazy/5_10_t1_0.8025.jpg", 25, 26),
        ("dhid", "DHID/TrainingSet/clear/5.jpg", 24, 26),
        ("oli2msi", "OLI2MSI/test_hr/L8_126038_20190923_S2B_20190923_T48RYQ_N0000.TIF", 9, 10),
        ("sar-despeckle", "SAR-despeckle-Dataset/81.mat", 14, 15),
        ("sar-despeckle", "SAR-despeckle-Dataset/41.mat", 14, 15),
        ("pancollection-qb", "PanCollection/train_qb.h5", 5, 10),
        ("sen2venus-x2", "sen2venus/ARM/ARM_C_14SPF_2018-02-14_05m_b2b3b4b8.pt", 17, 20),
    ],
)
def test_a_damaged_file_in_the_middle(name: str, file: str, left: int, whole: int, miniature: Make) -> None:
    folder = miniature(name)
    assert len(read(name, folder)[0]) == whole
    truncate(folder / file)
    scenes, faults = read(name, folder)
    assert len(scenes) == left
    assert faults
    assert all(f"{folder / file} cannot be read (" in fault and "fetch it again" in fault for fault in faults)


def test_a_damaged_date_takes_its_neighbours_along(miniature: Make) -> None:
    folder = miniature("stf-tianjin")
    (folder / "Datasets/Tianjin/MODIS/M-2013-9-1.tif").write_bytes(b"")
    scenes, faults = read("stf-tianjin", folder)
    assert scenes == ["2014-04-29_train", "2014-04-29_val", "2014-04-29_test"]
    assert len(faults) == 3 and "M-2013-9-1.tif cannot be read" in faults[0]


def test_a_date_without_its_coarse_image(miniature: Make) -> None:
    folder = miniature("stf-cia")
    next((folder / "CIA/MODIS").rglob("*A2001290*.int")).unlink()
    scenes, faults = read("stf-cia", folder)
    assert len(scenes) == 6
    assert "1 fine images have no coarse one of the date, the first" in faults[0] and "20011016" in faults[0]


def test_a_wrong_number_of_bands(miniature: Make) -> None:
    folder = miniature("sen12mscr-fall")
    roots = folder / "SEN12MSCR"
    shutil.copy(
        roots / "ROIs1970_fall_s1/s1_65/ROIs1970_fall_s1_65_p30.tif",
        roots / "ROIs1970_fall_s2/s2_65/ROIs1970_fall_s2_65_p30.tif",
    )
    scenes, faults = read("sen12mscr-fall", folder)
    assert len(scenes) == 5 and "65_30" not in scenes
    assert len(faults) == 1
    assert "ROIs1970_fall_s2_65_p30.tif has 2 bands, expected 13 (B01, B02," in faults[0]


def test_mixed_sizes(miniature: Make) -> None:
    folder = miniature("oli2msi")
    name = "L8_126038_20190923_S2B_20190923_T48RYQ_N0000.TIF"
    shutil.copy(folder / "OLI2MSI/test_lr" / name, folder / "OLI2MSI/test_hr" / name)
    scenes, faults = read("oli2msi", folder)
    assert len(scenes) == 9
    assert faults == [
        f"oli2msi: {folder}/OLI2MSI/test_hr/{name} is 16 x 16, expected 48 x 48 "
        f"beside {folder}/OLI2MSI/test_lr/{name}; left out"
    ]


def test_stacks_of_different_length(miniature: Make) -> None:
    folder = miniature("sen2venus-x4")
    stack = folder / "sen2venus/ALSACE/ALSACE_C_32ULU_2018-02-14_20m_b4b5b6b8a.pt"
    torch.save(torch.load(stack, weights_only=True)[:2].clone(), stack)
    scenes, faults = read("sen2venus-x4", folder)
    assert len(scenes) == 17
    assert "20m_b4b5b6b8a.pt holds 2 images, expected 3 as in" in faults[0]


def test_an_array_that_is_called_otherwise(miniature: Make, tmp_path: Path) -> None:
    import scipy.io

    folder = miniature("nbu-ikonos")
    path = folder / "NBU_PansharpRSData/1_Satellite_Dataset/Dataset/1_IKONOS/MS_256/41.mat"
    scipy.io.savemat(path, {"image": np.zeros((16, 16, 4), np.uint16)})
    scenes, faults = read("nbu-ikonos", folder)
    assert len(scenes) == 12
    assert "41.mat holds image, expected imgMS or I_MS" in faults[0]


class Code:
    """Does harm when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("harm"),)


def test_code_in_a_tensor_file_is_refused(miniature: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = miniature("sen2venus-x2")
    path = folder / "sen2venus/ARM/ARM_C_14SPF_2018-02-14_05m_b2b3b4b8.pt"
    path.write_bytes(pickle.dumps(Code(), protocol=2))
    scenes, faults = read("sen2venus-x2", folder)
    assert len(scenes) == 17 and len(faults) == 1
    assert not Path("harm").exists()


def test_copies_and_what_archives_leave_behind(miniature: Make) -> None:
    folder = miniature("cuhk-cr2")
    source = folder / "C-CUHK"
    whole = read("cuhk-cr2", folder)
    (source / "CUHK-CR2/train/cloud/._1.png").write_bytes(b"x")
    shutil.copytree(source, folder / "__MACOSX" / "C-CUHK")
    assert read("cuhk-cr2", folder) == whole == (whole[0], [])
    shutil.copytree(source / "CUHK-CR2/test", folder / "copy/CUHK-CR2/test")
    scenes, faults = read("cuhk-cr2", folder)
    assert scenes == whole[0]
    assert "2 files of input are there twice, the first" in faults[0] and "the copy is left out" in faults[0]


def test_the_folder_of_the_set_itself_will_do(miniature: Make) -> None:
    folder = miniature("rrshid-thick")
    assert read("rrshid-thick", folder / "RRSHID" / "thick_fog") == read("rrshid-thick", folder)
