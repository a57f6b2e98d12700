"""The mean that a network subtracts from its input, as a normalisation inside of it does.

A pass on the meta device knows no values, so a network that subtracts a constant is run once more with data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.operations.op import MODEL_INPUT, Op, Shape
from cnnviz.tracing.inputs import prepared
from cnnviz.tracing.recorder import Recorder

_COPIES = frozenset(("clone", "contiguous", "to", "float", "type", "detach", "Identity"))
_MOST_VALUES = 16
"""Of a mean: one for each channel, and not one for each pixel."""


@dataclass(frozen=True)
class SubtractedMean:
    """What the op at the index ``op`` subtracts from the model's input: a value, or one for each channel."""

    op: int
    values: tuple[float, ...]


def subtracted_mean(model: nn.Module, shapes: Sequence[Shape], ops: Sequence[Op]) -> SubtractedMean | None:
    """The first constant that ``model``, whose trace has these ``ops``, subtracts from an input; else None."""
    wanted = next((op for op in ops if op.base == "sub" and _of_input(op, ops)), None)
    if wanted is None:
        return None
    try:
        copy, inputs = prepared(model, shapes, 1, real=True)
        with torch.no_grad(), _Subtractions(copy, inputs, wanted.index) as recorder:
            copy(*inputs)
    except CnnvizError:  # too large an input for a pass with data
        return None
    except Exception:  # a person's forward may raise anything; what was seen before that counts
        pass
    values = recorder.subtracted
    return None if values is None else SubtractedMean(wanted.index, values)


def _of_input(op: Op, ops: Sequence[Op]) -> bool:
    """Whether the first thing that ``op`` was given is the model's input, or a copy of that."""
    while op.inputs and op.inputs[0] != MODEL_INPUT:
        op = ops[op.inputs[0]]
        if op.base not in _COPIES:
            return False
    return bool(op.inputs)


class _Subtractions(Recorder):
    """Reads what the op at ``wanted`` subtracts."""

    def __init__(self, model: nn.Module, inputs: Sequence[Tensor], wanted: int) -> None:
        super().__init__(model, inputs)
        self.subtracted: tuple[float, ...] | None = None
        self._wanted = wanted

    def _record_function(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
    ) -> None:
        if len(self.ops) == self._wanted and name == "sub" and len(args) > 1:
            self.subtracted = _numbers(args[1])
        super()._record_function(func, name, args, kwargs, outputs)


def _numbers(value: Any) -> tuple[float, ...] | None:
    if isinstance(value, (int, float)):
        return (float(value),)
    if isinstance(value, Tensor) and value.numel() <= _MOST_VALUES and not value.is_complex():
        with torch._C.DisableTorchFunction():
            return tuple(float(number) for number in value.flatten().tolist())
    return None
