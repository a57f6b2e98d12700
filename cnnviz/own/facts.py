"""What must be known of an own network before it is built. Importing this imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from cnnviz.errors import UsageError, shortened
from cnnviz.language import Message
from cnnviz.own.definition import Definition, is_size

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading


_CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Facts:
    """A definition, and what reading it has told.

    ``name`` is the name of its class; of a text that cannot be read, of the last one in it. ``input_shape`` is the
    input that it is traced with, without the batch, (C, H, W) for images; None where it could not be traced.
    ``classes`` is the length of the vector that it ends in, None where it ends in anything else. With ``log_softmax``
    that vector holds the logarithms of probabilities. ``runs`` tells whether its forward pass succeeds.
    """

    definition: Definition
    name: str
    input_shape: tuple[int, ...] | None
    classes: int | None
    log_softmax: bool
    runs: bool

    @property
    def key(self) -> str:
        """The key of the definition."""
        return self.definition.key

    @property
    def takes_images(self) -> bool:
        """Whether it runs, for inputs (C, H, W), and ends in one vector of classes."""
        return self.runs and self.classes is not None and len(self.input_shape or ()) == 3

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values; :meth:`from_dict` reads them."""
        return {
            "definition": self.definition.to_dict(),
            "name": self.name,
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "classes": self.classes,
            "log_softmax": self.log_softmax,
            "runs": self.runs,
        }

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """The facts that :meth:`to_dict` wrote; whether they are true of the text is not looked at.

        Raises:
            UsageError: they are none; the message names the field at fault.
        """
        known = fields_of(values)
        return cls(**{name: known[name] for name in _KINDS})


def facts_of(definition: Definition, reading: Reading) -> Facts:
    """The facts about a ``definition`` that its ``reading`` tells."""
    trace = reading.trace
    ran = trace is not None and trace.failure is None
    shape, classes, log_softmax = definition.input_shape, None, False
    if trace is not None and not trace.further_inputs:
        shape = trace.input_shape
    if trace is not None and ran and len(trace.outputs) == 1:
        output = trace.outputs[0].shape
        classes = output[0] if len(output) == 1 and trace.mixing_op is None else None
        last = trace.output
        log_softmax = last is not None and last.type.lower().replace("_", "") == "logsoftmax"
    name = reading.chosen or definition.class_name or (_CLASS.findall(definition.text) or [""])[-1]
    return Facts(definition, name, shape, classes, log_softmax and classes is not None, ran)


def fields_of(values: object) -> dict[str, Any]:
    """The fields of the facts among plain JSON ``values``, each of its kind.

    Raises:
        UsageError: one is missing, or of another kind.
    """
    if not isinstance(values, Mapping):
        raise UsageError(Message("The network's code is missing in this file."))
    shape, classes = values.get("input_shape"), values.get("classes")
    found = {
        "definition": Definition.from_dict(values.get("definition")),
        "name": values.get("name"),
        "input_shape": None if shape is None else tuple(shape) if isinstance(shape, list) else shape,
        "classes": classes,
        "log_softmax": values.get("log_softmax"),
        "runs": values.get("runs"),
    }
    sizes = [*(found["input_shape"] or ())] if isinstance(found["input_shape"], tuple) else []
    sizes += [] if classes is None else [classes]
    wrong = [name for name, kinds in _KINDS.items() if not isinstance(found[name], kinds)]
    if not (found["name"] == "" or str(found["name"]).isidentifier()):  # scripts write it down as code
        wrong.append("name")
    if wrong or not all(map(is_size, sizes)):
        name = wrong[0] if wrong else "input_shape"
        raise UsageError(
            Message(
                "{field} of the network cannot be {value}.", field=name, value=shortened(values.get(name))
            )
        )
    return found


_KINDS: Mapping[str, Any] = {
    "definition": Definition,
    "name": str,
    "input_shape": (tuple, type(None)),
    "classes": (int, type(None)),
    "log_softmax": bool,
    "runs": bool,
}
