"""Small data sets in MNIST's file format, for tests."""

from pathlib import Path

import numpy as np

from cnnviz.datasets.reading import IDX_FILES


def idx(array: np.ndarray) -> bytes:
    """``array`` as idx bytes, written here from the description of the format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def files(train: int = 30, test: int = 20) -> dict[str, bytes]:
    """The four files: random images, labels 0..9 in turn."""
    generator = np.random.default_rng(0)
    arrays = []
    for count in (train, test):
        arrays += [generator.integers(0, 256, (count, 28, 28)), np.arange(count) % 10]
    return {name: idx(array) for name, array in zip(IDX_FILES, arrays, strict=True)}


def write(root: Path, train: int = 30, test: int = 20, name: str = "MNIST") -> Path:
    """Write the files below ``root`` as torchvision lays them out; their folder."""
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, data in files(train, test).items():
        (folder / file).write_bytes(data)
    return folder
