from pathlib import Path

import idx_files
import numpy as np
import pytest
import torchvision.datasets
from hypothesis import given
from hypothesis import strategies as st

from cnnviz import datasets
from cnnviz.datasets import DatasetDamagedError, DatasetMissingError, reading

INFO = datasets.get("mnist")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    return idx_files.write(tmp_path)


def test_reads_what_torchvision_reads(folder: Path) -> None:
    data = datasets.load("mnist")
    for train, images, labels in (
        (True, data.train_images, data.train_labels),
        (False, data.test_images, data.test_labels),
    ):
        theirs = torchvision.datasets.MNIST(str(folder.parents[1]), train=train, download=False)
        assert images[:, 0].equal(theirs.data)
        assert labels.equal(theirs.targets)


def test_fashion_mnist_has_the_same_format_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetMissingError, match=r"Fashion-MNIST is missing.*31 MB.*FashionMNIST/raw"):
        datasets.load("fashion-mnist")
    idx_files.write(tmp_path, name="FashionMNIST")
    data = datasets.load("fashion-mnist")
    theirs = torchvision.datasets.FashionMNIST(str(tmp_path), download=False)
    assert data.train_images[:, 0].equal(theirs.data)
    assert data.train_labels.equal(theirs.targets)
    assert list(data.classes) == theirs.classes


def test_is_loaded_once_and_shared(folder: Path) -> None:
    assert datasets.load("mnist") is datasets.load("mnist")


def test_digest_tells_data_apart(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = datasets.load("mnist").digest
    other = tmp_path / "other"
    labels = idx_files.write(other) / "t10k-labels-idx1-ubyte"
    data = bytearray(labels.read_bytes())
    data[-1] ^= 1
    labels.write_bytes(data)
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(other))
    assert datasets.load("mnist").digest != first


def test_missing_files_say_where_they_were_looked_for_and_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    assert not datasets.is_available("mnist")
    with pytest.raises(DatasetMissingError) as caught:
        datasets.load("mnist")
    for part in (str(tmp_path), "CNNVIZ_DATA_DIR", "MNIST/raw", "12 MB", "--download"):
        assert part in str(caught.value)


DAMAGES = {
    "truncated": ("train-images-idx3-ubyte", lambda data: data[:-1], r"23,535 bytes instead of 23,536"),
    "too long": ("t10k-labels-idx1-ubyte", lambda data: data + b"\0", r"29 bytes instead of 28"),
    "empty": ("train-labels-idx1-ubyte", lambda data: b"", r"starts with the bytes - instead of 00 00 08 01"),
    "a web page": ("t10k-images-idx3-ubyte", lambda data: b"<html>" * 9, "starts with the bytes 3c 68 74 6d"),
    "compressed": ("t10k-images-idx3-ubyte", lambda data: b"\x1f\x8b\x08" + data, "starts with the bytes"),
    "label": ("t10k-labels-idx1-ubyte", lambda data: data[:-1] + b"\x0a", "label 10, but the largest is 9"),
    "size": (
        "train-images-idx3-ubyte",
        lambda data: idx_files.idx(np.zeros((30, 14, 56))),
        "30 x 14 x 56 pixels instead of 28 x 28 images",
    ),
    "count": (
        "train-images-idx3-ubyte",
        lambda data: idx_files.idx(np.zeros((29, 28, 28))),
        "29 images but 30 labels",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_the_reason(folder: Path, damage: str) -> None:
    name, spoil, reason = DAMAGES[damage]
    path = folder / name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DatasetDamagedError, match=reason) as caught:
        reading.read_idx_folder(INFO, folder)
    assert caught.value.path == path
    assert str(path) in str(caught.value)


@given(array=st.lists(st.integers(0, 255), min_size=12, max_size=12), cut=st.integers(0, 27))
def test_no_cut_of_a_file_is_taken_for_a_file(
    tmp_path_factory: pytest.TempPathFactory, array: list[int], cut: int
) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    whole = idx_files.idx(np.array(array).reshape(2, 2, 3))
    path.write_bytes(whole)
    assert reading.read_idx(path, 3).flatten().tolist() == array
    path.write_bytes(whole[:cut])
    with pytest.raises(DatasetDamagedError):
        reading.read_idx(path, 3)
