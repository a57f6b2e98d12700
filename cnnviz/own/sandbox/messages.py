"""What the server and a process of the sandbox say to one another: a kind of one byte, a length, and so many bytes."""

from __future__ import annotations

import socket
import struct
import time

READY = b"R"
"""The template says that it can fork."""
NEXT = b"N"
"""With it the template gets the end of a connection."""

REQUEST = b"?"
DONE = b"="
"""The answer; its bytes are the job's result."""
REFUSED = b"!"
"""The job raised an error of cnnviz; the bytes are its sentence."""
ENDED = b"~"
"""There is no answer; the bytes tell why: one of the words below, or what ended the process."""

PATIENCE = 4
"""On a busy machine a request may last so many times as long as it may use a processor."""

TIME = b"time"
MEMORY = b"memory"
UNFINISHED = b"unfinished answer"

_HEAD = struct.Struct("!cI")


def framed(kind: bytes, data: bytes) -> bytes:
    """A message as it is sent."""
    return _HEAD.pack(kind, len(data)) + data


def unframed(data: bytes) -> tuple[bytes, bytes] | None:
    """The kind and the bytes of the one message that ``data`` is; None where it is none."""
    if len(data) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack_from(data)
    rest = data[_HEAD.size :]
    return (kind, rest) if len(rest) == length else None


def receive(connection: socket.socket, most: int, seconds: float) -> tuple[bytes, bytes]:
    """The next message, of at most ``most`` bytes.

    Raises:
        TimeoutError: it is not complete within so many ``seconds``.
        ConnectionError: the other side ended before that, or says too much.
    """
    deadline = time.monotonic() + seconds
    kind, length = _HEAD.unpack(_exactly(connection, _HEAD.size, deadline))
    if length > most:
        raise ConnectionError("the message is too long")
    return kind, _exactly(connection, length, deadline)


def _exactly(connection: socket.socket, length: int, deadline: float) -> bytes:
    parts, missing = [], length
    while missing:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        part = connection.recv(min(missing, 1 << 20))
        if not part:
            raise ConnectionError("the other side is gone")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
