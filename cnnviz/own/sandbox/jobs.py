"""What a process of the sandbox can be asked for: a table of jobs, each with the class of its result.

A job takes the definition of a network and plain values; what it returns is written by :mod:`cnnviz.own.sandbox.plain`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own.changes import Change
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Reading, chosen_class, network
from cnnviz.own.sandbox.messages import DONE, ENDED, MEMORY, REFUSED, framed
from cnnviz.own.sandbox.plain import encoded
from cnnviz.shapes.torchinfo_report import TorchinfoReport

Edits = Mapping[str, object]


@dataclass(frozen=True)
class Job:
    """A function and the annotation of what it returns."""

    run: Callable[..., Any]
    result: Any


def _model(definition: Definition, edits: Edits | None) -> Any:
    """The network on the meta device, edited.

    Raises:
        CnnvizError: the text, its constructor or an edit makes that impossible.
    """
    from cnnviz.own.program import load
    from cnnviz.tracing.edits import edited

    model = network(chosen_class(load(definition.text), definition.class_name), definition.values)
    return edited(model, edits) if edits else model


def _read(definition: Definition, edits: Edits | None) -> Reading:
    from cnnviz.own.reading import read

    return read(definition, edits)


def _editable(definition: Definition, edits: Edits | None) -> Mapping[str, Mapping[str, object]]:
    from cnnviz.tracing.edits import editable

    return editable(_model(definition, edits))


def _torchinfo_report(definition: Definition, edits: Edits | None, input_shape: list[int]) -> TorchinfoReport:
    from cnnviz.shapes.torchinfo_report import report

    return report(_model(definition, edits), tuple(input_shape))


def _autograd_dot(
    definition: Definition,
    edits: Edits | None,
    input_shape: list[int],
    colours: dict[str, list[str]],
    ink: str,
) -> str:
    from cnnviz.shapes.graph import autograd_dot

    pairs = {name: (fill, text) for name, (fill, text) in colours.items()}
    return autograd_dot(_model(definition, edits), tuple(input_shape), pairs, ink)


def _changes(definition: Definition, edits: Edits | None) -> tuple[Change, ...]:
    from cnnviz.own.changes import changes

    return changes(definition)


def _trial_written(definition: Definition, edits: Edits | None) -> tuple[Change, ...]:
    from cnnviz.own.changes import trial_written

    return trial_written(definition, edits or {})


JOBS: Mapping[str, Job] = {
    "read": Job(_read, Reading),
    "changes": Job(_changes, tuple[Change, ...]),
    "trial_written": Job(_trial_written, tuple[Change, ...]),
    "editable": Job(_editable, Mapping[str, Mapping[str, object]]),
    "torchinfo_report": Job(_torchinfo_report, TorchinfoReport),
    "autograd_dot": Job(_autograd_dot, str),
}


def request(job: str, definition: Definition, edits: Edits | None, values: Mapping[str, object]) -> bytes:
    """A job as it is sent."""
    words = {"job": job, "definition": definition.to_dict(), "edits": edits, "values": values}
    return json.dumps(words).encode()


def answer(data: bytes, jobs: Mapping[str, Job]) -> bytes:
    """The message that answers a :func:`request`; nothing is raised."""
    try:
        words = json.loads(data)
        job = jobs[words["job"]]
        definition = Definition.from_dict(words["definition"])
        result = job.run(definition, words["edits"], **words["values"])
        return framed(DONE, encoded(result, job.result))
    except CnnvizError as error:
        return framed(REFUSED, encoded(error.message, Message))
    except MemoryError:
        return framed(ENDED, MEMORY)
    except Exception as error:  # a fault of cnnviz, whatever it is, ends this request alone
        return framed(ENDED, type(error).__name__.encode())
