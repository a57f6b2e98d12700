"""One way to ask what a text is: in this process, or, in a server, in the separate one that it has said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from cnnviz.bounded import kept
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own.definition import Definition

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading
    from cnnviz.tracing.trace import Trace


class Reader(Protocol):
    """Reads a text, as :func:`cnnviz.own.reading.read` does."""

    def __call__(self, definition: Definition, edits: Mapping[str, object] | None = None) -> Reading:
        """Everything about a network as text that needs no weights."""
        ...


class ProblemError(CnnvizError):
    """There is no trace of a text; ``line`` (from 1) is where it goes wrong."""

    def __init__(self, message: Message, line: int | None) -> None:
        super().__init__(
            message if line is None else Message("Line {line}: {problem}", line=line, problem=message)
        )
        self.line = line


_READER: list[Reader] = []


def use(reader: Reader) -> None:
    """Ask ``reader`` from now on, in the whole process: a server does not read texts itself."""
    _READER[:] = [reader]


def read(definition: Definition, edits: Mapping[str, object] | None = None) -> Reading:
    """The reading of ``definition`` with ``edits``, arguments of its layers by path.

    It is known again the next time, unless it met a limit: then the next time may be better.
    """
    try:
        return _read(definition, json.dumps(dict(edits or {}), sort_keys=True), *_READER)
    except _NotToBeKept as found:
        return found.reading


def trace_of(definition: Definition, edits: Mapping[str, object] | None = None) -> Trace:
    """The trace in the reading of ``definition`` with ``edits``.

    Raises:
        ProblemError: there is none.
    """
    reading = read(definition, edits)
    if reading.trace is None:
        assert reading.problem is not None
        raise ProblemError(reading.problem.message, reading.problem.line)
    return reading.trace


class _NotToBeKept(Exception):  # noqa: N818 - no error, but a way around the cache
    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading


@kept
def _read(definition: Definition, edits: str, reader: Reader | None = None) -> Reading:
    if reader is not None:
        found = reader(definition, json.loads(edits) or None)
        if found.problem is not None and found.problem.kind == "limit":
            raise _NotToBeKept(found)
        return found
    from cnnviz.own.reading import read as read_here

    return read_here(definition, json.loads(edits) or None)
