"""Files of the known data sets, damaged at random places: none is taken for the data set that was published."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import sys
from pathlib import Path

import pytest

from cnnviz import datasets
from cnnviz.datasets import DatasetDamagedError, reading
from cnnviz.datasets.registry import DatasetInfo

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import cifar_files
import idx_files


def known(key: str, place: Path) -> DatasetInfo:
    """The data set of that key, as if the small files in ``place`` were the published ones."""
    info = datasets.get(key)
    arrays = reading.read_folder(info, place)
    sizes = {"train_images": len(arrays.train_labels), "test_images": len(arrays.test_labels)}
    return dataclasses.replace(info, digest=arrays.digest, **sizes)


@pytest.mark.parametrize("key", ["mnist", "cifar10"])
def test_none_is_taken_for_the_published_one(tmp_path: Path, key: str) -> None:
    place = idx_files.write(tmp_path) if key == "mnist" else cifar_files.write(tmp_path)
    info, chance = known(key, place), random.Random(18)
    for name in reading.FORMATS[info.file_format].files:
        whole = (place / name).read_bytes()
        for _ in range(20):
            spoiled = bytearray(whole)
            spoiled[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
            (place / name).write_bytes(spoiled)
            read = None
            with contextlib.suppress(DatasetDamagedError):
                read = reading.read_folder(info, place)
            if (
                read is not None
            ):  # what no network sees: the names of CIFAR-10's pictures, and how its pickles are made
                assert key == "cifar10"
                assert read.digest == info.digest
        (place / name).write_bytes(whole)
    images = place / reading.FORMATS[info.file_format].files[0]
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DatasetDamagedError, match="download the data set again"):
        reading.read_folder(info, place)


def test_one_wrong_pixel_is_told(tmp_path: Path) -> None:
    place = idx_files.write(tmp_path)
    info = known("mnist", place)
    images = bytearray((place / reading.IDX_FILES[0]).read_bytes())
    images[-1] ^= 1
    (place / reading.IDX_FILES[0]).write_bytes(images)
    with pytest.raises(DatasetDamagedError, match="not those that were published"):
        reading.read_folder(info, place)


def test_a_part_that_somebody_has_cut_out_is_no_damage(tmp_path: Path) -> None:
    place = idx_files.write(tmp_path)
    assert len(reading.read_folder(datasets.get("mnist"), place).train_labels) == 30
