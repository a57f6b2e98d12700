"""What ops give on real data: every op's output, one op's call, or an output by which scores are differentiated.

No hook is put on anything and nothing of the model changes, so several sessions may share it. An op is found by
the number of its call (:mod:`cnnviz.tracing.tap`): functions, modules that are called several times and ops that
work in place are told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.calls import bind
from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.operations.operation import named, operation_of
from cnnviz.tracing.inputs import as_taken
from cnnviz.tracing.tap import Tap, mapped, tensors_in
from cnnviz.tracing.trace import Trace

# -- looking -------------------------------------------------------------------------------------


def capture(model: nn.Module, x: Tensor, trace: Trace) -> list[Tensor]:
    """Run ``model`` on ``x`` and return the output of every op of ``trace``, by index.

    Args:
        model: in eval mode; it is only called.
        x: (B, *trace.input_shape) float32, normalised.
        trace: the model's own trace; the ops are matched by their position in the pass.

    Returns:
        One tensor an op, (B, *op.output_shape), detached copies.

    Raises:
        CnnvizError: the pass differs from the trace (another mode, or a forward that decides by data).
    """
    x = as_taken(model, x)
    private = x.clone()  # the first op may work in place
    with torch.inference_mode(), _Outputs(trace) as tap:
        model(private)
    outputs = [
        op.layout.by_image(x if _is_input(op) else tap.outputs.get(op.index, torch.empty(0)), len(x))
        for op in trace.ops
    ]
    same_shapes = all(
        tuple(output.shape[1:]) == op.output_shape for op, output in zip(trace.ops, outputs, strict=True)
    )
    if tap.calls != trace.calls or not same_shapes:
        raise pass_differs(trace, tap.calls)
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
    private = as_taken(model, x).clone()
    with torch.inference_mode(), _OneCall(op) as tap:
        model(private)
    call = tap.call
    if call is None or tuple(op.layout.by_image(call.output, len(x)).shape[1:]) != op.output_shape:
        raise pass_differs(trace, tap.calls)
    return call


def output_of(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> Tensor:
    """Run ``model`` on ``x`` up to ``op`` and return what it gives, (B, *op.output_shape), without gradients.

    Arguments are those of :func:`capture`.

    Raises:
        CnnvizError: the pass differs from the trace.
    """
    if op.call is None:
        return checked(x.clone(), trace, op)
    private = as_taken(model, x).clone()
    try:
        with torch.inference_mode(), _Stop(op):
            model(private)
    except _Reached as reached:
        return checked(op.layout.by_image(reached.output, len(x)), trace, op)
    raise not_reached(trace, op)


# -- differentiating -----------------------------------------------------------------------------


def scores_of(model: nn.Module, x: Tensor, trace: Trace) -> Tensor:
    """The class scores of ``model`` for ``x``, to be differentiated by ``x``, whatever works in place inside.

    Scores are what goes into a softmax, where the network ends in one: behind it all classes hang together.
    Arguments and errors are those of :func:`output_of`.
    """
    return _scores(model, x.clone(), trace, None)[0]


def scores_and_output(model: nn.Module, x: Tensor, trace: Trace, op: Op) -> tuple[Tensor, Tensor]:
    """The class scores, as :func:`scores_of`, and the output of ``op`` by which they can be differentiated.

    Where the scores do not depend on the op their gradient is None (``allow_unused``).

    Returns:
        The scores, and a leaf (B, *op.output_shape) that requires a gradient.
    """
    if op.call is None:
        leaf: Tensor | None = x.detach().clone().requires_grad_()
        assert leaf is not None
        scores = _scores(model, leaf.clone(), trace, None)[0]
    else:
        scores, leaf = _scores(model, x.clone(), trace, op)
    if leaf is None:
        raise not_reached(trace, op)
    return scores, checked(leaf, trace, op)


def score_op(trace: Trace) -> Op:
    """The op that gives the class scores: the one whose output is returned, or what goes into the softmax at the end."""
    op = trace.output or trace.ops[-1]
    while operation_of(op).gives and op.inputs and op.inputs[0] != MODEL_INPUT:
        op = trace.ops[op.inputs[0]]
    return op


def _scores(model: nn.Module, x: Tensor, trace: Trace, start: Op | None) -> tuple[Tensor, Tensor | None]:
    """The class scores, and the leaf that stands for the output of ``start``."""
    tap = Differentiable(score_op(trace), start)
    return differentiable_scores(model, x, trace, tap), tap.leaf


def differentiable_scores(model: nn.Module, x: Tensor, trace: Trace, tap: Differentiable) -> Tensor:
    """The class scores of a pass that ``tap`` watches, to be differentiated by what it lets require a gradient."""
    op = score_op(trace)
    weights = {tensor.data_ptr() for tensor in (*model.parameters(), *model.buffers())}

    def saved(tensor: Tensor) -> Tensor:
        # What a gradient needs is kept as a copy, so that whatever works in place later does not change it.
        return tensor if tensor.data_ptr() in weights else tensor.detach().clone()

    with torch.enable_grad():
        given = as_taken(model, x)
    with torch.enable_grad(), saved_tensors_hooks(saved, lambda tensor: tensor), tap:
        output: Tensor = model(given)
    scores = output if op.call is None else tap.scores
    if scores is None:
        raise not_reached(trace, op)
    return checked(scores, trace, op)


# -- taps ----------------------------------------------------------------------------------------


class _Outputs(Tap):
    """Keeps a copy of what every op of a trace gives, by index."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.outputs: dict[int, Tensor] = {}
        self._ops: dict[int, list[Op]] = defaultdict(list)
        for op in trace.ops:
            if op.call is not None:
                self._ops[op.call].append(op)

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """Copy what comes out, before a later call works on it in place."""
        for op in self._ops.get(self.calls, ()):
            if op.call_part < len(outputs):
                self.outputs[op.index] = outputs[op.call_part].clone()
        return result


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


class _OneCall(Tap):
    """Keeps the call that gave the output of ``op``, with what it was given."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.call: Call | None = None
        self._op = op
        self._given: Mapping[str, Any] = {}

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Copy what goes in, as the call itself may work in place."""
        if self._op.call == self.calls:
            bound = bind(named(name), args, kwargs).items()
            self._given = {key: mapped(value, _copied) for key, value in bound}
        return args, kwargs

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """Copy what comes out."""
        if self._op.call == self.calls and self._op.call_part < len(outputs):
            self.call = Call(name, self._given, outputs[self._op.call_part].clone())
        return result


class _Reached(BaseException):
    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


class _Stop(Tap):
    """Ends the pass when ``op`` has given its output."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self._op = op

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """Raise what was looked for."""
        if self._op.call == self.calls and self._op.call_part < len(outputs):
            raise _Reached(outputs[self._op.call_part].clone())
        return result


class Differentiable(Tap):
    """Keeps the output of the op ``scores``, and lets the pass go on from a leaf in place of the output of ``start``."""

    def __init__(self, scores: Op, start: Op | None) -> None:
        super().__init__()
        self.scores: Tensor | None = None
        self.leaf: Tensor | None = None
        self._scores = scores
        self._start = start

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Let views know the history that a write into another view of the same tensor has given them."""
        for tensor in tensors_in(args):
            tensor.grad_fn  # noqa: B018  PyTorch brings it up to date when it is asked for, and not before a write
        return args, kwargs

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """Put the leaf in, take the scores out."""
        given = tensors_in((args, kwargs))
        if len(outputs) > 1:
            result, outputs = _as_single_views(result, outputs, given)
        if self._start is not None and self._start.call == self.calls:
            result, outputs = self._begin(result, outputs, self._start.call_part, given)
        if self._scores.call == self.calls and self._scores.call_part < len(outputs):
            self.scores = outputs[self._scores.call_part].clone()
        return result

    def _begin(
        self, result: Any, outputs: list[Tensor], part: int, given: Sequence[Tensor]
    ) -> tuple[Any, list[Tensor]]:
        """Let what follows hang on a leaf with the values of one of ``outputs``."""
        if part >= len(outputs):
            return result, outputs
        output = outputs[part]
        if not output.is_floating_point():  # nothing behind it can be differentiated by it
            self.leaf = output.detach().float().requires_grad_()
            return result, outputs
        self.leaf = output.detach().clone().requires_grad_()
        if any(
            output is tensor for tensor in given
        ):  # the forward holds the tensor that was worked on in place
            output.copy_(self.leaf)
            return result, outputs
        new = self.leaf.clone()  # a leaf itself could not be worked on in place
        return mapped(result, lambda entry: new if entry is output else entry), [
            *outputs[:part],
            new,
            *outputs[part + 1 :],
        ]


def _as_single_views(result: Any, outputs: list[Tensor], given: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
    """What ``chunk`` and its like give, as views of their own: PyTorch differentiates no write into one of several."""
    whole = next((tensor for tensor in given if _is_part_of(outputs[0], tensor)), None)
    if whole is None or not all(_is_part_of(output, whole) for output in outputs):
        return result, outputs
    views = {
        id(output): whole.as_strided(output.size(), output.stride(), output.storage_offset())
        for output in outputs
    }
    return mapped(result, lambda entry: views.get(id(entry), entry)), list(views.values())


def _is_part_of(view: Tensor, tensor: Tensor) -> bool:
    return view._is_view() and (view._base is tensor or view._base is tensor._base)


# -- errors --------------------------------------------------------------------------------------


def _is_input(op: Op) -> bool:
    """Whether the op returned the model's input, as ``Identity`` does in front of all."""
    return op.call is None and bool(op.inputs)


def checked(output: Tensor, trace: Trace, op: Op) -> Tensor:
    """``output``, if it has the shape that the trace gives for ``op``.

    Raises:
        CnnvizError: it has another one.
    """
    if tuple(output.shape[1:]) != op.output_shape:
        raise not_reached(trace, op)
    return output


def not_reached(trace: Trace, op: Op) -> CnnvizError:
    """What there is to say of a pass without an ``op`` that was traced."""
    return CnnvizError(
        Message(
            "This forward pass of {model} did not reach {name}, although its trace did; a network whose "
            "operations depend on the data has no fixed list of operations.",
            model=trace.model,
            name=op.name,
        )
    )


def pass_differs(trace: Trace, calls: int) -> CnnvizError:
    """What there is to say of a pass that made other ``calls`` than the traced one."""
    return CnnvizError(
        Message(
            "This forward pass of {model} ran {calls} operations, but its trace has {expected}; a "
            "network whose operations depend on the data has no fixed list of feature maps.",
            model=trace.model,
            calls=calls,
            expected=trace.calls,
        )
    )
