"""What a forward pass returned: each tensor in it, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from cnnviz.operations.batch_axis import WITHOUT
from cnnviz.operations.op import MODEL_INPUT, Shape
from cnnviz.tracing.provenance import Provenance


@dataclass(frozen=True)
class Output:
    """One tensor that a model returned.

    ``name`` says where it is in what came back (``logits``, ``0``, ``features.1``); it is empty where a single tensor
    was returned. ``op`` is the index of the op that gave it: -1 for the model's input itself, None for a tensor that
    no op made. ``shape`` is that of one image.
    """

    name: str
    op: int | None
    shape: Shape


def outputs_of(returned: Any, provenance: Provenance) -> tuple[Output, ...]:
    """The tensors in what a model ``returned``, in order; empty where there is none."""
    found = []
    for name, tensor in named_tensors(returned):
        op = provenance.op_of(tensor)
        layout = WITHOUT if op is None else provenance.layout_of(tensor)
        found.append(Output(name, op, layout.shown(tuple(tensor.shape))))
    return tuple(found)


def named_tensors(returned: Any) -> Iterator[tuple[str, Tensor]]:
    """Each tensor in nested tuples, lists, dicts and objects with attributes, with the path that leads to it."""
    return _inside(returned, "", set())


def _inside(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif id(value) not in seen:
        seen.add(id(value))
        for name, entry in _entries(value):
            yield from _inside(entry, f"{path}.{name}" if path else name, seen)


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """What ``value`` consists of, by name."""
    if isinstance(value, Mapping):
        yield from ((str(key), entry) for key, entry in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (tuple, list)):
        yield from ((str(number), entry) for number, entry in enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((field.name, getattr(value, field.name, None)) for field in fields(value))
    elif (
        hasattr(value, "__dict__")
        and not isinstance(value, (nn.Module, type, ModuleType))
        and not callable(value)
    ):
        yield from vars(value).items()


def main_op(outputs: tuple[Output, ...]) -> int | None:
    """The index of the op that gave the first output that an op gave; None where there is none."""
    return next((output.op for output in outputs if output.op not in (None, MODEL_INPUT)), None)
