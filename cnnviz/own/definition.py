"""What makes a person's own network: its text, and what was chosen beside it. Importing this imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cnnviz.errors import UsageError, shortened
from cnnviz.language import Message

PREFIX = "own-"
"""Begins the key of every network of one's own."""

MOST_BYTES = 100_000
"""A text may not be longer."""

_DIGITS = 16
_FIELDS = ("text", "class_name", "arguments", "input_shape")


@dataclass(frozen=True)
class Definition:
    """A network as text.

    ``class_name`` is the class that is the network; None: the one that probably is. ``arguments`` are values for its
    constructor by name, as JSON. ``input_shape`` is without the batch, (C, H, W) for images; None: a usual one that
    the network takes.
    """

    text: str
    class_name: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    input_shape: tuple[int, ...] | None = None

    @property
    def key(self) -> str:
        """``own-`` and the digest of the text, and of what was chosen beside it where something was."""
        chosen = [self.class_name, sorted(self.arguments), self.input_shape]
        data = self.text if chosen == [None, [], None] else json.dumps([self.text, *chosen])
        return PREFIX + hashlib.sha256(data.encode()).hexdigest()[:_DIGITS]

    @property
    def values(self) -> dict[str, Any]:
        """The values of the constructor's arguments by name."""
        return {name: json.loads(value) for name, value in self.arguments}

    def to_dict(self) -> dict[str, Any]:
        """The definition as plain JSON values; :meth:`from_dict` reads them."""
        shape = None if self.input_shape is None else list(self.input_shape)
        return {
            "text": self.text,
            "class_name": self.class_name,
            "arguments": dict(self.arguments),
            "input_shape": shape,
        }

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """The definition that :meth:`to_dict` wrote; whether its text is a network is not looked at.

        Raises:
            UsageError: it is none; the message names the field at fault.
        """
        if not isinstance(values, Mapping) or not isinstance(values.get("text"), str):
            raise UsageError(Message("The network's code is missing in this file."))
        name, arguments, shape = (values.get(field) for field in _FIELDS[1:])
        arguments = {} if arguments is None else arguments
        if not (name is None or isinstance(name, str)):
            raise _unusable("class_name", name)
        if not isinstance(arguments, Mapping) or not all(map(_is_argument, arguments.items())):
            raise _unusable("arguments", arguments)
        if not (shape is None or (isinstance(shape, (list, tuple)) and all(map(is_size, shape)))):
            raise _unusable("input_shape", shape)
        return cls(
            values["text"],
            name,
            tuple(sorted((str(key), value) for key, value in arguments.items())),
            None if shape is None else tuple(shape),
        )


def _unusable(field: str, value: object) -> UsageError:
    return UsageError(
        Message("{field} of the network cannot be {value}.", field=field, value=shortened(value))
    )


def _is_argument(pair: tuple[object, object]) -> bool:
    """Whether it is a name with a JSON value; scripts write the name down as code."""
    name, value = pair
    if not (isinstance(name, str) and name.isidentifier() and isinstance(value, str)):
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def is_size(value: object) -> bool:
    """Whether ``value`` can be the size of a dimension."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
