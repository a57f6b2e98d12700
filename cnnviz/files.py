"""Writing files so that they are whole or not there, also when the disk fills up or the power fails."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

_RANDOM_BYTES = 6
_UNFINISHED = re.compile(rf"\..+\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.part")


class StorageError(CnnvizError):
    """A file could not be written; what was there before is untouched."""

    def __init__(self, path: Path, error: OSError) -> None:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = Message(
                "The disk is full: {path} was not written. Free some space and try again.", path=path
            )
        else:
            message = Message(
                "Cannot write {path} ({reason}). Check the folder and its permissions.",
                path=path,
                reason=error.strerror or error,
            )
        super().__init__(message)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one piece, creating its folder where needed.

    Readers see the old file or the new one, never a part: the bytes go to a temporary file beside it,
    reach the disk, and take the name's place in one step.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """:func:`write_whole` for files that belong together: none is replaced before all of them are on the disk.

    They then take their names in the order of ``files``, one moment after the other.

    Raises:
        StorageError: the disk is full or a folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        written = [(path, stack.enter_context(_beside(path, data))) for path, data in files.items()]
        for path, temporary in written:
            try:
                temporary.replace(path)
                _sync_folder(path.parent)
            except OSError as error:
                raise StorageError(path, error) from error


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is one that somebody is writing, or was when they were killed."""
    return _UNFINISHED.fullmatch(name) is not None


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files in ``folder`` of processes that were killed while they wrote.

    Those of processes that still write look the same: this is for whoever alone writes there.
    """
    with contextlib.suppress(OSError):  # there is no such folder
        for entry in folder.iterdir():
            if is_unfinished(entry.name):
                entry.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as readable JSON to ``path``, whole.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    write_whole(path, json_bytes(content))


def json_bytes(content: object) -> bytes:
    """``content`` as the bytes of a readable JSON file.

    Raises:
        ValueError: it holds a number that is not finite.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    return (text + "\n").encode()


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A temporary file beside ``path`` with ``data``, on the disk; the block may rename it."""
    # Not tempfile: its files are readable by their owner alone, and servers of two users may share a folder.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}.part")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(path, error) from error
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; a system that cannot sync folders (Windows) renames durably by itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
