"""An object store below one address, by way of fsspec: its objects are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import fsspec

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.storage.storage import Entry, SilentError

T = TypeVar("T")

_PIECE_BYTES = 16 * 2**20
_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    # A store that does not answer must not hold up a page for long; its caller asks again.
    "s3": {
        "use_listings_cache": False,
        "max_concurrency": 1,  # what is large comes piece after piece, not ten at a time
        "config_kwargs": {"connect_timeout": 3, "read_timeout": 20, "retries": {"max_attempts": 1}},
    }
}
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
_TRIES = 2
_SILENT_SECONDS = 2.0


class Bucket:
    """An object store below one address. Its errors are :class:`SilentError`; after one, it is asked again in two seconds.

    Raises:
        UsageError: the package for such an address is missing, or nobody knows it.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        scheme = url.partition("://")[0]
        try:
            self._files, self._root = fsspec.core.url_to_fs(
                self.url, skip_instance_cache=True, **_OPTIONS.get(scheme, {})
            )
        except ValueError as problem:
            raise UsageError(
                Message(
                    "CNNVIZ_RUNS_URL={url} cannot be used ({problem}). Write a folder or s3://bucket/prefix.",
                    url=url,
                    problem=str(problem).rstrip("."),
                )
            ) from problem
        except ImportError as problem:
            raise UsageError(
                Message(
                    "CNNVIZ_RUNS_URL={url} cannot be used ({problem}). Install the package for it: pip install {package}",
                    url=url,
                    problem=str(problem).rstrip("."),
                    package=_PACKAGES.get(scheme, "fsspec"),
                )
            ) from problem
        if hasattr(self._files, "retries"):  # s3fs's own, beside those of _OPTIONS
            self._files.retries = _TRIES
        self._failed: tuple[float, str] | None = None

    def names(self, below: str) -> Mapping[str, Entry]:
        """The objects below a name, by what follows it."""
        begin = f"{self._root}/{below}/"
        found = self._asked(lambda: self._files.find(begin, detail=True, refresh=True), must_be_there=True)
        return {
            path.removeprefix(begin): Entry(int(known["size"] or 0), _version(known))
            for path, known in found.items()
            if path.startswith(begin)
        }

    def get(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            FileNotFoundError: there is none of this name.
        """
        return bytes(self._asked(lambda: self._files.cat_file(f"{self._root}/{name}")))

    def fetch(self, name: str, path: Path) -> None:
        """Write an object's bytes into a file of this machine, a piece at a time.

        Raises:
            FileNotFoundError: there is none of this name.
            StorageError: the disk is full, or cannot be written.
        """

        def ask() -> None:
            try:
                self._files.get_file(f"{self._root}/{name}", str(path))
            except OSError as error:
                if error.filename == str(path) or error.errno in _OF_A_DISK:
                    raise StorageError(path, error) from error
                raise

        self._asked(ask)

    def put(self, name: str, data: bytes) -> None:
        """Make an object, or replace it: whole."""
        self._asked(lambda: self._files.pipe_file(f"{self._root}/{name}", data), must_be_there=True)

    def send(self, name: str, file: BinaryIO) -> None:
        """Make an object of what ``file`` has from here on, or replace it, a piece at a time: there may be more of it than
        memory. Until all of it has arrived, nothing has changed.

        Raises:
            StorageError: the file cannot be read.
        """

        def ask() -> None:
            target = self._files.open(f"{self._root}/{name}", "wb", block_size=_PIECE_BYTES, autocommit=False)
            try:
                while piece := _read(file):
                    target.write(piece)
                target.close()
            except BaseException:
                target.forced = True  # nothing more is sent, also not when it is closed
                with contextlib.suppress(Exception):  # the store may be what fails
                    target.discard()
                target.close()
                raise
            target.commit()

        self._asked(ask, must_be_there=True)

    def make(self, name: str, data: bytes) -> None:
        """Make an object, unless there is one; a store that knows no condition replaces it."""
        path = f"{self._root}/{name}"

        def ask() -> None:
            try:
                self._files.pipe_file(path, data, mode="create")
            except Exception:  # each kind of store says in its own way that there is one
                if not self._files.exists(path):
                    raise

        self._asked(ask, must_be_there=True)

    def drop(self, names: list[str]) -> None:
        """Remove objects; those that are not there are no problem."""
        if names:
            with contextlib.suppress(FileNotFoundError):
                self._asked(lambda: self._files.rm([f"{self._root}/{name}" for name in names]))

    def _asked(self, ask: Callable[[], T], must_be_there: bool = False) -> T:
        """The answer. Where it ``must_be_there``, only a bucket can be what is not found."""
        if self._failed is not None and time.monotonic() - self._failed[0] < _SILENT_SECONDS:
            raise SilentError(self.url, self._failed[1])
        try:
            answer = ask()
        except CnnvizError:  # it is about this machine
            raise
        except Exception as problem:  # each kind of store has its own
            if isinstance(problem, FileNotFoundError) and not must_be_there:
                raise
            reason = str(problem).rstrip(".") or type(problem).__name__
            self._failed = time.monotonic(), reason
            raise SilentError(self.url, reason) from problem
        self._failed = None
        return answer


def _version(known: Mapping[str, Any]) -> str:
    marks = (known.get(name) for name in ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created"))
    return str(next((mark for mark in marks if mark), known.get("size")))


def _read(file: BinaryIO) -> bytes:
    """The next piece."""
    try:
        return file.read(_PIECE_BYTES)
    except OSError as error:
        raise StorageError(Path(str(getattr(file, "name", ""))), error) from error
