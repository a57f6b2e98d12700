"""Where the tensors of a forward pass come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from cnnviz.shapes.op import MODEL_INPUT, Shape


class Provenance:
    """Remembers which op, and which function call, every tensor of one pass came from.

    A tensor is known by its id, so it is kept alive as long as this object.
    """

    def __init__(self, model_input: Tensor) -> None:
        self._alive: list[Tensor] = [model_input]
        self._ops: dict[int, int] = {id(model_input): MODEL_INPUT}
        self._calls: dict[int, int] = {}

    def from_op(self, tensors: Sequence[Tensor], index: int) -> None:
        """Note that the op at ``index`` returned ``tensors``."""
        for tensor in tensors:
            self._ops[id(tensor)] = index
        self._alive.extend(tensors)

    def from_call(self, tensors: Sequence[Tensor], number: int) -> None:
        """Note that the function call of that ``number`` returned ``tensors``."""
        for tensor in tensors:
            self._calls[id(tensor)] = number
        self._alive.extend(tensors)

    def same(self, source: Tensor, other: Tensor) -> None:
        """Note that ``other`` is ``source`` by another name, as ``source.data`` is."""
        for known in (self._ops, self._calls):
            if id(source) in known:
                known[id(other)] = known[id(source)]
        self._alive.append(other)

    def call_of(self, tensor: Tensor) -> int | None:
        """The call that returned ``tensor``; None for one that was there before."""
        return self._calls.get(id(tensor))

    def links(self, tensors: Sequence[Tensor]) -> tuple[tuple[int, ...], tuple[Shape, ...]]:
        """Op indices and shapes (without the batch) of those of ``tensors`` that an op returned."""
        indices, shapes = [], []
        for tensor in tensors:
            index = self._ops.get(id(tensor))
            if index is not None:
                indices.append(index)
                shapes.append(tuple(tensor.shape)[1:])
        return tuple(indices), tuple(shapes)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        return []
    found: list[Tensor] = []
    for entry in value:
        if isinstance(entry, Tensor):
            found.append(entry)
        elif isinstance(entry, (tuple, list, dict)):
            found += tensors_in(entry)
    return found


def tensors_given(function: str, args: Sequence[Any], result: Any) -> list[Tensor]:
    """The tensors that a call gives: those in its result; ``setitem`` gives the one that it writes into."""
    if function == "setitem":
        return tensors_in(args[:1])
    return tensors_in(result)
