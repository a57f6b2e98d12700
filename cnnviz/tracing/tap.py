"""The output of one op, taken out of a pass: to look at it and stop there, or to differentiate by it.

No hook is put on anything, so that a model may be shared between threads. The op is found by its position
in the pass, as :mod:`cnnviz.tracing.capture` does: functions, modules that are called several times and ops
that work in place are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.names import function_type
from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.tracing.provenance import tensors_in
from cnnviz.tracing.recorder import PASSED_THROUGH
from cnnviz.tracing.trace import Trace

_SOFTMAX = frozenset({"Softmax", "LogSoftmax", "softmax", "log_softmax"})


def output_of(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> Tensor:
    """Run ``model`` on ``x`` up to ``op`` and return what it gives, (B, *op.output_shape), without gradients.

    Args:
        model: in eval mode; it is only called.
        x: (B, *trace.input_shape) float32, normalised.
        trace: the model's own trace.
        op: one of its ops.

    Raises:
        CnnvizError: the pass differs from the trace.
    """
    call = _call(trace, op)
    if call is None:
        return x.clone()

    def stop(output: Tensor) -> Tensor:
        raise _Reached(output.clone())

    private = x.clone()  # the first op may work in place
    try:
        with torch.inference_mode(), _Tap({call: stop}):
            model(private)
    except _Reached as reached:
        return _checked(op.layout.by_image(reached.output, len(x)), trace, op)
    raise _not_reached(trace, op)


def scores_of(model: nn.Module, x: Tensor, trace: Trace) -> Tensor:
    """The class scores of ``model`` for ``x``, to be differentiated by ``x``, whatever works in place inside.

    Scores are what goes into a softmax, where the network ends in one: behind it all classes hang together.
    Arguments and errors are those of :func:`output_of`.
    """
    return _scores(model, x.clone(), trace, {})


def scores_and_output(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> tuple[Tensor, Tensor]:
    """The class scores, as :func:`scores_of`, and the output of ``op`` by which they can be differentiated.

    Where the scores do not depend on the op their gradient is None (``allow_unused``).

    Returns:
        The scores, and a leaf (B, *op.output_shape) that requires a gradient.
    """
    leaves: list[Tensor] = []

    def begin_here(output: Tensor) -> Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1].clone()  # a leaf itself could not be worked on in place

    call = _call(trace, op)
    if call is None:
        scores = _scores(model, begin_here(x), trace, {})
    else:
        scores = _scores(model, x.clone(), trace, {call: begin_here})
    if not leaves:
        raise _not_reached(trace, op)
    return scores, _checked(leaves[0], trace, op)


def score_op(trace: Trace) -> Op:
    """The op that gives the class scores: the last one, or what goes into the softmax at the end."""
    op = trace.ops[-1]
    while op.type in _SOFTMAX and op.inputs and op.inputs[0] != MODEL_INPUT:
        op = trace.ops[op.inputs[0]]
    return op


def _scores(
    model: nn.Module, x: Tensor, trace: Trace, changes: Mapping[int, Callable[[Tensor], Tensor]]
) -> Tensor:
    op = score_op(trace)
    call = _call(trace, op)
    found: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        output = changes[call](output) if call is not None and call in changes else output
        found.append(output)
        return output.clone()

    with torch.enable_grad(), _Tap({**changes, call: keep} if call is not None else changes, True):
        output: Tensor = model(x)
    if call is None:
        return output
    if not found:
        raise _not_reached(trace, op)
    return _checked(found[0], trace, op)


def _call(trace: Trace, op: Op) -> int | None:
    """The number of the function call that computed ``op``; None where it is the model's input."""
    while op.call is None and op.inputs:  # the op returned its input, as Identity does
        if op.inputs[0] == MODEL_INPUT:
            return None
        op = trace.ops[op.inputs[0]]
    return op.call


class _Reached(Exception):  # noqa: N818  not an error: it ends a pass that has gone far enough
    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


class _Tap(TorchFunctionMode):
    """Counts the calls that return tensors, as the recorder does, and puts ``changes`` of their results through.

    With ``out_of_place`` what a call returns is a copy: a later one that works in place does not change what
    the gradient needs.
    """

    def __init__(self, changes: Mapping[int, Callable[[Tensor], Tensor]], out_of_place: bool = False) -> None:
        super().__init__()
        self._changes = changes
        self._out_of_place = out_of_place
        self._calls = 0

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
        change = self._changes.get(self._calls)
        self._calls += 1
        with torch._C.DisableTorchFunction():
            if change is not None:
                changed = change(first)
            elif self._out_of_place and first.requires_grad and not first._is_view():
                changed = first.clone()
            else:
                return result
        return changed if isinstance(result, Tensor) else type(result)([changed, *result[1:]])


def _checked(output: Tensor, trace: Trace, op: Op) -> Tensor:
    if tuple(output.shape[1:]) != op.output_shape:
        raise _not_reached(trace, op)
    return output


def _not_reached(trace: Trace, op: Op) -> CnnvizError:
    return CnnvizError(
        Message(
            "This pass through {model} did not come to {name} as its trace has it; a network that decides by its "
            "data has no fixed list of operations.",
            model=trace.model,
            name=op.name,
        )
    )
