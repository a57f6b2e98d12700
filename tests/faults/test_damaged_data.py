"""Files of the known data sets, damaged at random places: none is taken for the data set that was published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnnviz import datasets
from cnnviz.datasets import DatasetDamagedError, reading
from tests.datasets import idx_files
from tests.faults.damage import as_published, of_data_sets, refused

ROUNDS = 200 if os.environ.get("CNNVIZ_LONG_FAULTS") else 20


def test_none_is_taken_for_the_published_one(tmp_path: Path) -> None:
    counts = {kind.title: refused(kind, ROUNDS) for kind in of_data_sets(tmp_path)}
    assert counts == dict.fromkeys(counts, ROUNDS)
    assert len(counts) == 4 + 7


def test_a_file_without_its_end_is_told(tmp_path: Path) -> None:
    place = idx_files.write(tmp_path)
    info = as_published("mnist", place)
    images = place / reading.IDX_FILES[0]
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DatasetDamagedError, match="download the data set again"):
        reading.read_folder(info, place)


def test_one_wrong_pixel_is_told(tmp_path: Path) -> None:
    place = idx_files.write(tmp_path)
    info = as_published("mnist", place)
    images = bytearray((place / reading.IDX_FILES[0]).read_bytes())
    images[-1] ^= 1
    (place / reading.IDX_FILES[0]).write_bytes(images)
    with pytest.raises(DatasetDamagedError, match="not those that were published"):
        reading.read_folder(info, place)


def test_a_part_that_somebody_has_cut_out_is_no_damage(tmp_path: Path) -> None:
    place = idx_files.write(tmp_path)
    assert len(reading.read_folder(datasets.get("mnist"), place).train_labels) == 30
