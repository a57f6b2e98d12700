"""Runs in a folder of this machine, or in one that several machines share."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cnnviz.files import StorageError, write_whole
from cnnviz.storage.storage import PATIENCE_SECONDS, Edition, Entry, Sending

TRASH_FOLDER = ".deleted"


class _AtOnce:
    """Files that are kept as soon as they are written."""

    def settle(self, patience: float = PATIENCE_SECONDS) -> None:
        """Nothing is under way."""


class Folder:
    """Runs in a folder of this machine, or one that machines share under the same path; see :class:`Storage`."""

    is_shared_by_address = False

    def __init__(self, around: Path) -> None:
        self._around = around

    def folder(self, run_id: str) -> Path:
        """A folder named like the run."""
        return self._around / run_id

    def file(self, run_id: str, name: str, edition: Edition | None = None) -> Path:
        """The file itself."""
        return self._around / run_id / name

    def files(self, wanted: Mapping[str, tuple[str, Edition]]) -> Mapping[str, Path]:
        """The files themselves."""
        return {run_id: self.file(run_id, name) for run_id, (name, _edition) in wanted.items()}

    def at_hand(self, path: Path) -> Path:
        """The file itself."""
        return path

    def bring(self, run_id: str) -> None:
        """They are there."""

    @contextlib.contextmanager
    def sending(
        self, run_id: str, attempt: int = 0, may_send: Callable[[], bool] = lambda: True
    ) -> Iterator[Sending]:
        """Nothing is to be sent."""
        yield _AtOnce()

    def entries(self, run_id: str, within: str, edition: Edition | None = None) -> Mapping[str, Entry]:
        """See :meth:`Storage.entries`."""
        found: dict[str, Entry] = {}
        with contextlib.suppress(OSError), os.scandir(self._around / run_id / within) as inside:
            for one in inside:
                with contextlib.suppress(OSError):  # removed at this very moment
                    status = one.stat()
                    found[one.name] = Entry(status.st_size, str(status.st_mtime_ns))
        return found

    def size(self, run_id: str) -> int:
        """See :meth:`Storage.size`."""
        return _size(self._where(run_id))

    def put_aside(self, run_id: str) -> None:
        """Into the trash."""
        _move(self.folder(run_id), self._trash(run_id))

    def bring_back(self, run_id: str) -> None:
        """Out of the trash."""
        _move(self._trash(run_id), self.folder(run_id))

    def remove(self, run_id: str) -> None:
        """See :meth:`Storage.remove`."""
        for folder in (self._trash(run_id), self.folder(run_id)):
            shutil.rmtree(folder, ignore_errors=True)

    def mark(self, run_id: str, name: str) -> None:
        """See :meth:`Storage.mark`."""
        with contextlib.suppress(OSError):  # without a folder there is nothing to mark
            (self._where(run_id) / name).touch()

    def unmark(self, run_id: str, name: str) -> None:
        """See :meth:`Storage.unmark`."""
        with contextlib.suppress(OSError):
            (self._where(run_id) / name).unlink()

    def is_marked(self, run_id: str, name: str) -> bool:
        """See :meth:`Storage.is_marked`."""
        return (self._where(run_id) / name).exists()

    def shared(self, name: str) -> Path:
        """The file itself."""
        return self._around / name

    def share(self, name: str, data: bytes | None) -> None:
        """See :meth:`Storage.share`."""
        path = self._around / name
        if data is not None:
            write_whole(path, data)
        else:
            with contextlib.suppress(OSError):
                path.unlink()

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """See :meth:`Storage.secret`; nobody but the server's own user can read the file."""
        path = self._around / name
        try:
            if not path.exists():
                _make_secret(path, make())
            return path.read_bytes()
        except OSError as error:
            raise StorageError(path, error) from error

    def tidy(self) -> None:
        """There are no copies."""

    def _trash(self, run_id: str) -> Path:
        return self._around / TRASH_FOLDER / run_id

    def _where(self, run_id: str) -> Path:
        """The run's folder, in the trash or not."""
        trash = self._trash(run_id)
        return trash if trash.is_dir() else self.folder(run_id)


def _make_secret(path: Path, data: bytes) -> None:
    """Write a file that is not there, unless somebody is faster."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_whole(new, data)
    try:
        new.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink()


def _size(folder: Path) -> int:
    """Bytes of all files in the folder; 0 where there is none."""
    size = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # removed meanwhile
                size += _size(Path(entry.path)) if entry.is_dir() else entry.stat().st_size
    return size


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # a run that never began has no folder
            source.rename(target)
    except OSError as error:
        raise StorageError(target, error) from error
