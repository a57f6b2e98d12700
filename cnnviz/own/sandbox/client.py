"""The server's side of the sandbox: the jobs as functions, and sentences for whatever can go wrong."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own.definition import Definition
from cnnviz.own.sandbox.fresh import FreshProcesses
from cnnviz.own.sandbox.messages import DONE, ENDED, MEMORY, REFUSED, TIME
from cnnviz.own.sandbox.pool import BusyError, Pool, UnavailableError

if TYPE_CHECKING:
    from cnnviz.own.changes import Change
    from cnnviz.own.reading import Reading
    from cnnviz.shapes.torchinfo_report import TorchinfoReport

Edits = Mapping[str, object]
Asked = Pool | FreshProcesses


class LimitError(CnnvizError):
    """A network that takes more than it gets here, or that could not be looked at; the message says what to do."""


_POOL: Asked = Pool() if hasattr(os, "fork") else FreshProcesses()
"""The one of this process; nothing is started before it is asked."""
atexit.register(_POOL.close)


def start() -> None:
    """Start the process that reads, in the background: it takes seconds, which need not be waited for first."""
    _POOL.start()


def read(definition: Definition, edits: Edits | None = None, pool: Asked | None = None) -> Reading:
    """As :func:`cnnviz.own.reading.read`, in the sandbox; what goes wrong there is a problem of the kind ``limit``.

    A trace that comes back has no ``raised``.
    """
    from cnnviz.own.reading import Problem, Reading

    try:
        found: Reading = _done("read", definition, edits, {}, pool)
    except CnnvizError as error:
        return Reading(problem=Problem("limit", error.message))
    return found


def changes(definition: Definition, pool: Asked | None = None) -> tuple[Change, ...]:
    """As :func:`cnnviz.own.changes.changes`, in the sandbox; empty where something goes wrong there."""
    return _changes("changes", definition, None, pool)


def trial_written(definition: Definition, edits: Edits, pool: Asked | None = None) -> tuple[Change, ...]:
    """As :func:`cnnviz.own.changes.trial_written`, in the sandbox; empty where something goes wrong there."""
    return _changes("trial_written", definition, edits, pool)


def _changes(job: str, definition: Definition, edits: Edits | None, pool: Asked | None) -> tuple[Change, ...]:
    try:
        found: tuple[Change, ...] = _done(job, definition, edits, {}, pool)
    except CnnvizError:
        return ()
    return found


def editable(definition: Definition, pool: Asked | None = None) -> dict[str, dict[str, object]]:
    """The layers of the network that edits can change, with their arguments.

    Raises:
        CnnvizError: there is no such network.
    """
    found: dict[str, dict[str, object]] = _done("editable", definition, None, {}, pool)
    return found


def torchinfo_report(
    definition: Definition,
    edits: Edits | None,
    input_shape: tuple[int, ...],
    pool: Asked | None = None,
) -> TorchinfoReport:
    """What torchinfo says of the network, edited.

    Raises:
        CnnvizError: there is no such network, or torchinfo raises.
    """
    found: TorchinfoReport = _done("torchinfo_report", definition, edits, {"input_shape": input_shape}, pool)
    return found


def autograd_dot(
    definition: Definition,
    edits: Edits | None,
    input_shape: tuple[int, ...],
    colours: Mapping[str, tuple[str, str]],
    ink: str,
    pool: Asked | None = None,
) -> str:
    """Autograd's graph of the network, edited, as DOT; see :func:`cnnviz.shapes.graph.autograd_dot`.

    Raises:
        CnnvizError: there is no such network, or no such graph.
    """
    values = {"input_shape": input_shape, "colours": dict(colours), "ink": ink}
    found: str = _done("autograd_dot", definition, edits, values, pool)
    return found


def _done(
    job: str,
    definition: Definition,
    edits: Edits | None,
    values: Mapping[str, object],
    pool: Asked | None,
) -> Any:
    """The result of a job.

    Raises:
        CnnvizError: the job raised it, or there is no result.
    """
    from cnnviz.own.sandbox.jobs import JOBS, request
    from cnnviz.own.sandbox.plain import decoded

    pool = pool or _POOL
    try:
        kind, data = pool.ask(request(job, definition, edits, values))
    except BusyError:
        raise LimitError(
            Message("Many networks are being read at the moment. Try again in a few seconds.")
        ) from None
    except UnavailableError as error:
        raise LimitError(
            Message("The process that reads networks does not start: {words}.", words=str(error))
        ) from None
    if kind == DONE:
        return decoded(data, JOBS[job].result)
    if kind == REFUSED:
        raise CnnvizError(decoded(data, Message))
    raise LimitError(_sentence(data if kind == ENDED else b"", pool.seconds))


def _sentence(reason: bytes, seconds: float) -> Message:
    if reason == TIME:
        return Message(
            "Reading this network took more than {seconds:g} seconds, which is the limit here. "
            "Make its loops shorter, or the network smaller.",
            seconds=seconds,
        )
    if reason == MEMORY:
        return Message(
            "Reading this network took more memory than the limit here allows. Make the network smaller."
        )
    return Message(
        "Reading this network ended unexpectedly ({reason}). Undo the last change and try again.",
        reason=reason[:40].decode("ascii", "replace"),
    )
