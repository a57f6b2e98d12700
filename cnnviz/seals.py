"""Seals: the checksum that a file carries of itself, so that damage to any of its bytes is noticed.

A file that can be read without its seal (safetensors, JSON) holds it as one text among its others, under the name
:data:`NAME`. Files of earlier versions have none, and are read as they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.files import json_bytes
from cnnviz.language import Message

NAME = "seal"
_KIND = "sha256:"
UNSEALED = _KIND + 64 * "0"
"""What stands in the seal's place until the checksum is known; the checksum is that of all other bytes."""


class SealError(CnnvizError):
    """A file is not what was written."""

    def __init__(self) -> None:
        super().__init__(Message("the file was damaged or changed since it was written"))


def sealed(data: bytes) -> bytes:
    """``data``, in which :data:`UNSEALED` stands, with its checksum in that place."""
    begin, end = _around(data, UNSEALED)
    return b"".join((begin, _checksum(begin, end).encode(), end))


def check(data: bytes, seal: object) -> None:
    """Check that ``data`` are what :func:`sealed` gave; ``seal`` is what was found in them.

    Raises:
        SealError: they are not.
    """
    if not isinstance(seal, str) or _checksum(*_around(data, seal)) != seal:
        raise SealError


def sealed_json(content: dict[str, Any]) -> bytes:
    """``content`` as a readable JSON file with a seal."""
    return sealed(json_bytes({**content, NAME: UNSEALED}))


def read_json(data: bytes) -> Any:
    """What a JSON file holds, without its seal; a text editor may have changed how its lines end, and nothing else.

    Raises:
        SealError: it has a seal, and is not what was written.
        ValueError: it is no JSON.
    """
    content = json.loads(data.decode("utf-8"))
    if isinstance(content, dict) and NAME in content:
        check(data.replace(b"\r\n", b"\n"), content.pop(NAME))
    return content


def _around(data: bytes, seal: str) -> tuple[memoryview, memoryview]:
    """What stands before and after the seal, without a copy: a state may be large."""
    view, place = memoryview(data), data.find(seal.encode())
    if place < 0:
        raise SealError
    return view[:place], view[place + len(seal) :]


def _checksum(begin: memoryview, end: memoryview) -> str:
    checksum = hashlib.sha256(begin)
    checksum.update(end)
    return _KIND + checksum.hexdigest()
