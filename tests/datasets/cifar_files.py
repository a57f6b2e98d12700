"""Small data sets in CIFAR-10's file format, for tests."""

import io
import tarfile
from pathlib import Path

import numpy as np

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
FOLDER = "cifar-10-batches-py"


def text(value: str) -> bytes:
    """A text as Python 2 pickled it (SHORT_BINSTRING)."""
    return b"U" + bytes([len(value)]) + value.encode()


def number(value: int) -> bytes:
    """BININT."""
    return b"J" + value.to_bytes(4, "little", signed=True)


def table(rows: np.ndarray) -> bytes:
    """A table of bytes as numpy pickles it under Python 2: rebuilt empty, then given its state."""
    data = rows.astype(np.uint8).tobytes()
    empty = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + number(0) + b"\x85" + text("b") + b"tR"
    )
    dtype = b"cnumpy\ndtype\n(" + text("u1") + number(0) + number(1) + b"tR"
    state = b"(" + number(3) + text("|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    shape = number(rows.shape[0]) + number(rows.shape[1]) + b"\x86"
    content = b"T" + len(data).to_bytes(4, "little") + data
    return empty + b"(" + number(1) + shape + dtype + state + b"\x89" + content + b"tb"


def dictionary(**entries: bytes) -> bytes:
    """A whole pickle of the protocol 2; the entries are pickled already."""
    items = b"".join(text(name) + value for name, value in entries.items())
    return b"\x80\x02}(" + items + b"u."


def numbers(values: list[int]) -> bytes:
    return b"](" + b"".join(map(number, values)) + b"e"


def batch(images: np.ndarray, labels: list[int]) -> bytes:
    """A file of images (N, 3, 32, 32) and their labels."""
    rows = images.reshape(len(images), 3 * 32 * 32)
    return dictionary(batch_label=text("a batch"), labels=numbers(labels), data=table(rows))


def files(count: int = 4) -> dict[str, bytes]:
    """The seven files: random images, ``count`` in each, with labels in turn."""
    generator = np.random.default_rng(0)
    found = {}
    for place, name in enumerate((*TRAIN, "test_batch")):
        images = generator.integers(0, 256, (count, 3, 32, 32))
        found[name] = batch(images, [(place + index) % 10 for index in range(count)])
    names = b"](" + b"".join(map(text, CLASSES)) + b"e"
    return {**found, "batches.meta": dictionary(num_vis=number(3072), label_names=names)}


def write(root: Path, count: int = 4) -> Path:
    """Write the files below ``root`` as torchvision lays them out; their folder."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, data in files(count).items():
        (folder / name).write_bytes(data)
    return folder


def archive(content: dict[str, bytes]) -> bytes:
    """The compressed archive that is downloaded."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
