"""Real outputs of every op, from a model that several sessions may be using at the same moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.shapes.naming import function_type
from cnnviz.shapes.provenance import tensors_in
from cnnviz.shapes.recorder import PASSED_THROUGH
from cnnviz.shapes.trace import Trace


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
    _verify(trace, watcher, outputs)
    return outputs


class _Watcher(TorchFunctionMode):
    """Counts the calls that return tensors, as the recorder did, and keeps those that end an op."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.calls = 0
        self.outputs: dict[int, Tensor] = {}
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
        result = func(*args, **(kwargs or {}))
        first = next(iter(tensors_in(result)), None)
        if first is None or function_type(func) in PASSED_THROUGH:
            return result
        for index in self._ops_of_call.get(self.calls, ()):
            self.outputs[index] = first.clone()  # a later call may work in place
        self.calls += 1
        return result


def _verify(trace: Trace, watcher: _Watcher, outputs: Sequence[Tensor]) -> None:
    same_shapes = all(
        tuple(output.shape[1:]) == op.output_shape for op, output in zip(trace.ops, outputs, strict=True)
    )
    if watcher.calls != trace.calls or not same_shapes:
        raise CnnvizError(
            Message(
                "This pass through {model} ran {calls} operations where its trace has {expected}; a network that "
                "decides by its data has no fixed list of feature maps.",
                model=trace.model,
                calls=watcher.calls,
                expected=trace.calls,
            )
        )
