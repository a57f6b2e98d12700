"""Real outputs of every op, from a model that several sessions may be using at the same moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.arguments import bind
from cnnviz.operations.names import function_type
from cnnviz.operations.op import Op
from cnnviz.tracing.provenance import tensors_given
from cnnviz.tracing.recorder import PASSED_THROUGH
from cnnviz.tracing.trace import Trace


def capture(model: nn.Module, x: Tensor, trace: Trace) -> list[Tensor]:
    """Run ``model`` on ``x`` and return the output of every op of ``trace``, by index.

    Args:
        model: in eval mode; it is only called: no hook is put on it, nothing of it changes.
        x: (B, *trace.input_shape) float32, normalised.
        trace: the model's own trace; the ops are matched by their position in the pass.

    Returns:
        One tensor an op, (B, *op.output_shape), detached copies.

    Raises:
        CnnvizError: the pass differs from the trace (another mode, or a forward that decides by data).
    """
    watcher = _Watcher(trace)
    private = x.clone()  # the first op may work in place
    with torch.inference_mode(), watcher:
        model(private)
    outputs: list[Tensor] = []
    for op in trace.ops:
        if op.call is None and op.inputs:  # the op returned its input, as Identity does
            outputs.append(outputs[op.inputs[0]] if op.inputs[0] >= 0 else x)
        else:
            outputs.append(watcher.outputs.get(op.index, torch.empty(0)))
    outputs = [op.layout.by_image(output, len(x)) for op, output in zip(trace.ops, outputs, strict=True)]
    _verify(trace, watcher, outputs)
    return outputs


@dataclass(frozen=True, eq=False)
class Call:
    """The function call that computed an op: what it was given, and what it returned.

    ``arguments`` are by name; tensors in them, and the ``output``, are copies without gradients.
    """

    function: str
    arguments: Mapping[str, Any]
    output: Tensor


def capture_call(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> Call:
    """Run ``model`` on ``x`` and return the function call that ``op``'s output came from.

    A layer calls a function too: ``Conv2d`` calls ``conv2d`` with its input, weight and bias. Arguments and
    errors are those of :func:`capture`.

    Raises:
        CnnvizError: the pass differs from the trace, or the op returned its input without any call.
    """
    watcher = _Watcher(trace, op)
    private = x.clone()
    with torch.inference_mode(), watcher:
        model(private)
    call = watcher.call
    if call is None or tuple(op.layout.by_image(call.output, len(x)).shape[1:]) != op.output_shape:
        raise _differs(trace, watcher)
    return call


class _Watcher(TorchFunctionMode):
    """Counts the calls that return tensors, as the recorder did, and keeps those that end an op.

    Of the op ``only``, where there is one, it keeps the whole call, and of the others nothing.
    """

    def __init__(self, trace: Trace, only: Op | None = None) -> None:
        super().__init__()
        self.calls = 0
        self.outputs: dict[int, Tensor] = {}
        self.call: Call | None = None
        self._only = only
        self._ops_of_call: dict[int, list[int]] = defaultdict(list)
        for op in trace.ops:
            if op.call is not None:
                self._ops_of_call[op.call].append(op.index)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        wanted = self._only is not None and self._only.call == self.calls
        given = bind(function_type(func), args, kwargs or {}) if wanted else {}
        # A later call, or this one itself, may work in place: hence the copies.
        given = {name: value.clone() if isinstance(value, Tensor) else value for name, value in given.items()}
        result = func(*args, **(kwargs or {}))
        name = function_type(func)
        first = next(iter(tensors_given(name, args, result)), None)
        if first is None or name in PASSED_THROUGH:
            return result
        if wanted:
            self.call = Call(name, given, first.clone())
        elif self._only is None:
            for index in self._ops_of_call.get(self.calls, ()):
                self.outputs[index] = first.clone()
        self.calls += 1
        return result


def _verify(trace: Trace, watcher: _Watcher, outputs: Sequence[Tensor]) -> None:
    same_shapes = all(
        tuple(output.shape[1:]) == op.output_shape for op, output in zip(trace.ops, outputs, strict=True)
    )
    if watcher.calls != trace.calls or not same_shapes:
        raise _differs(trace, watcher)


def _differs(trace: Trace, watcher: _Watcher) -> CnnvizError:
    return CnnvizError(
        Message(
            "This pass through {model} ran {calls} operations where its trace has {expected}; a network that "
            "decides by its data has no fixed list of feature maps.",
            model=trace.model,
            calls=watcher.calls,
            expected=trace.calls,
        )
    )
