"""Downloads through torchvision, whole or not at all."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import tarfile
import tempfile
import threading
import urllib.error
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from cnnviz.datasets import reading
from cnnviz.datasets.reading import DatasetDamagedError, DownloadError
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.files import StorageError
from cnnviz.language import Message

_one_at_a_time = threading.Lock()

# Most are kinds of OSError too, like a full disk, which has another remedy.
_FAILURES = (
    RuntimeError,  # torchvision's own
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
    EOFError,
    zlib.error,
    tarfile.TarError,
    DatasetDamagedError,
)


class _Bar:
    """Stands in for the progress bar that torchvision prints, and counts the bytes instead."""

    def __init__(self, count: Callable[[int], None]) -> None:
        self.update = count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


@contextlib.contextmanager
def _counting(count: Callable[[int], None]) -> Iterator[None]:
    """Call ``count`` with the size of each piece that torchvision downloads.

    torchvision tells its progress to a tqdm bar and to nobody else, so that bar is replaced for the time
    being; the lock keeps two downloads from replacing each other's.
    """
    import torchvision.datasets.utils as downloads

    with _one_at_a_time:
        original = downloads.tqdm
        downloads.tqdm = lambda *_, **__: _Bar(count)
        try:
            yield
        finally:
            downloads.tqdm = original


def download(info: DatasetInfo, root: Path, progress: Callable[[float], None]) -> None:
    """Fetch ``info`` into ``root`` as torchvision lays it out; ``progress`` is called with 0..1.

    The files arrive in a folder beside their place and are moved there once they are complete and
    checked: torchvision itself takes a half-written file for a whole one ever after.

    Raises:
        DownloadError: no server could be reached, or what it sent is not the data set.
        StorageError: the disk is full or ``root`` cannot be written.
    """
    import torchvision.datasets

    received = 0

    def count(size: int) -> None:
        nonlocal received
        received += size
        progress(min(received / info.download_bytes, 0.99))

    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as temporary, _counting(count):
            progress(0.0)
            if not _is_whole(info, root):  # another session may have fetched it while this one waited
                getattr(torchvision.datasets, str(info.torchvision))(temporary, download=True)
                _move(info, Path(temporary), root)
    except _FAILURES as error:
        raise _failed(info, root, error) from error
    except OSError as error:
        raise StorageError(root, error) from error
    progress(1.0)


def _is_whole(info: DatasetInfo, root: Path) -> bool:
    try:
        reading.read_folder(info, reading.folder(info, root))
    except (OSError, DatasetDamagedError):
        return False
    return True


def _move(info: DatasetInfo, temporary: Path, root: Path) -> None:
    source, target = reading.folder(info, temporary), reading.folder(info, root)
    reading.read_folder(info, source)
    target.mkdir(parents=True, exist_ok=True)
    for name in reading.FORMATS[info.file_format].files:
        (source / name).replace(target / name)


def _failed(info: DatasetInfo, root: Path, error: Exception) -> DownloadError:
    return DownloadError(
        Message(
            "{title} could not be downloaded ({reason}). Check the connection and try again, or copy the "
            "files into {folder}.",
            title=info.title,
            reason=" ".join(str(error).split()),
            folder=reading.folder(info, root),
        )
    )
