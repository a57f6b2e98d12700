"""Writing files so that they are whole or not there, also when the disk fills up or the power fails."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from pathlib import Path

from cnnviz.errors import CnnvizError
from cnnviz.language import Message


class StorageError(CnnvizError):
    """A file could not be written; what was there before is untouched."""

    def __init__(self, path: Path, error: OSError) -> None:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = Message(
                "The disk is full: {path} was not written. Free some space and try again.", path=path
            )
        else:
            message = Message(
                "{path} cannot be written ({reason}). Check the folder and its permissions.",
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
    # Not tempfile: its files are readable by their owner alone, and servers of two users may share a folder.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as readable JSON to ``path``, whole.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    write_whole(path, (text + "\n").encode())


def _sync_folder(folder: Path) -> None:
    """Make a rename last; a system that cannot sync folders (Windows) renames durably by itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
