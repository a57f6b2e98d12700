import os
import pickle
from pathlib import Path

import cifar_files
import numpy as np
import pytest
import torchvision.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision_cifar import expect

from cnnviz import datasets
from cnnviz.datasets import DatasetDamagedError, DatasetMissingError, reading

INFO = datasets.get("cifar10")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    return cifar_files.write(tmp_path)


def test_reads_what_torchvision_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = datasets.load("cifar10")
    expect(monkeypatch, cifar_files.files())
    for train, images, labels in (
        (True, data.train_images, data.train_labels),
        (False, data.test_images, data.test_labels),
    ):
        theirs = torchvision.datasets.CIFAR10(str(folder.parent), train=train, download=False)
        np.testing.assert_array_equal(images.permute(0, 2, 3, 1).numpy(), theirs.data)
        assert labels.tolist() == theirs.targets
        assert list(data.classes) == theirs.classes


@pytest.mark.parametrize("name", reading.CIFAR_FILES)
def test_a_missing_file_says_where_it_was_looked_for_and_how_to_get_it(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert not datasets.is_available("cifar10")
    with pytest.raises(DatasetMissingError) as caught:
        datasets.load("cifar10")
    for part in (str(folder / name), "CNNVIZ_DATA_DIR", cifar_files.FOLDER, "170 MB", "--download"):
        assert part in str(caught.value)


def batch(images: np.ndarray, labels: list[int]) -> bytes:
    return cifar_files.batch(images, labels)


IMAGES = np.zeros((4, 3, 32, 32))
DAMAGES = {
    "truncated": ("data_batch_3", lambda data: data[:-1], "is not a valid CIFAR-10 file"),
    "empty": ("test_batch", lambda data: b"", "is not a valid CIFAR-10 file"),
    "a web page": ("data_batch_1", lambda data: b"<html>" * 9, "is not a valid CIFAR-10 file"),
    "a list": ("data_batch_1", lambda data: pickle.dumps([1, 2]), "contains no batch of images"),
    "no data": ("data_batch_5", lambda data: cifar_files.dictionary(), "not stored as 3,072 bytes each"),
    "size": (
        "data_batch_2",
        lambda data: cifar_files.dictionary(
            data=cifar_files.table(np.zeros((4, 784))), labels=cifar_files.numbers([1, 2, 3, 4])
        ),
        "not stored as 3,072 bytes each",
    ),
    "no images": ("test_batch", lambda data: batch(IMAGES[:0], []), "not stored as 3,072 bytes each"),
    "count": ("test_batch", lambda data: batch(IMAGES, [1, 2, 3]), "4 images but 3 labels"),
    "label": ("test_batch", lambda data: batch(IMAGES, [1, 2, 3, 10]), "label 10, but the largest is 9"),
    "negative": ("test_batch", lambda data: batch(IMAGES, [1, 2, 3, -1]), "label -1, but the largest is 9"),
    "other classes": (
        "batches.meta",
        lambda data: data.replace(b"automobile", b"locomotive"),
        "class names airplane, automobile",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_the_reason(folder: Path, damage: str) -> None:
    name, spoil, reason = DAMAGES[damage]
    path = folder / name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DatasetDamagedError, match=reason) as caught:
        datasets.load("cifar10")
    assert caught.value.path == path
    assert "download the data set again" in str(caught.value)


def test_a_pickle_that_would_run_a_program_runs_nothing(folder: Path, tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    (folder / "data_batch_4").write_bytes(pickle.dumps({b"data": Program()}))
    with pytest.raises(DatasetDamagedError, match=r"data_batch_4.*\.system"):
        datasets.load("cifar10")
    assert not (tmp_path / "ran").exists()


@given(cut=st.integers(0, len(cifar_files.files(1)["test_batch"]) - 1))
@settings(max_examples=30, deadline=None)
def test_no_cut_of_a_file_is_taken_for_a_file(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = cifar_files.write(tmp_path_factory.mktemp("cifar"), count=1)
    assert len(reading.read_cifar_folder(INFO, folder).test_labels) == 1
    path = folder / "test_batch"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetDamagedError):
        reading.read_cifar_folder(INFO, folder)
