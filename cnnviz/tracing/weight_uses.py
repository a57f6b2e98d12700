"""The calls that read one layer's weights, and the gradients of a loss at each of them.

As in :mod:`cnnviz.tracing.capture` the model is only called: the weights that are differentiated are given to the calls
in place of the layer's own, with the same memory and a gradient of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.operations.calls import bind
from cnnviz.operations.op import Op
from cnnviz.operations.operation import named
from cnnviz.tracing.capture import Call, Differentiable, checked, differentiable_scores, not_reached, score_op
from cnnviz.tracing.inputs import as_taken
from cnnviz.tracing.tap import Tap, mapped, tensors_in
from cnnviz.tracing.trace import Trace

WEIGHT, BIAS = "weight", "bias"
"""What functions call their weights: those of convolutions, linear layers and normalisations do."""

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class WeightUse:
    """One call that read the weights: its op, what it was given and gave, the gradient of the loss by what it gave.

    ``adds_bias`` says that it added the bias that belongs to them.
    """

    op: Op
    call: Call
    gradient: Tensor
    adds_bias: bool


@dataclass(frozen=True, eq=False)
class WeightGradients:
    """A layer's weights with the gradients of a loss; tensors have the shapes that the layer has them in.

    ``uses`` are the calls that read the weights, in order. ``elsewhere`` says that another call reads them in another
    form (as ``weight.T``), which is not among them. ``bias`` and its gradient are None where the layer has none.
    """

    uses: tuple[WeightUse, ...]
    weight: Tensor
    weight_gradient: Tensor
    bias: Tensor | None
    bias_gradient: Tensor | None
    scores: Tensor
    elsewhere: bool


def weight_gradients(
    model: nn.Module, x: Tensor, trace: Trace, op: Op, loss: Callable[[Tensor], Tensor]
) -> WeightGradients | None:
    """Differentiate ``loss``, which is given the class scores, by the weights that ``op`` reads; None if it reads none.

    Args:
        model: in eval mode; it is only called.
        x: (1, *trace.input_shape) float32, normalised.
        trace: the model's own.
        op: one of its ops.
        loss: makes one number of (1, classes) scores.

    Raises:
        CnnvizError: the pass differs from the trace.
    """
    read = _read(model, x, op)
    if read is None:
        return None
    by_call = {each.call: each for each in trace.ops if each.call in read.calls}
    tap = _Leaves(score_op(trace), read)
    scores = differentiable_scores(model, x.clone(), trace, tap)
    if tap.weight is None or by_call.keys() != tap.outputs.keys():
        raise not_reached(trace, op)
    leaves = [tap.weight, *([] if tap.bias is None else [tap.bias])]
    gradients = _gradients(loss(scores), [*leaves, *tap.outputs.values()])
    uses = tuple(
        WeightUse(by_call[call], Call(*tap.given[call], output.detach()), gradient, call in tap.with_bias)
        for (call, output), gradient in zip(tap.outputs.items(), gradients[len(leaves) :], strict=True)
    )
    weight, bias = tap.weight.detach(), None if tap.bias is None else tap.bias.detach()
    bias_gradient = None if bias is None else gradients[1]
    return WeightGradients(uses, weight, gradients[0], bias, bias_gradient, scores.detach(), read.elsewhere)


def _gradients(loss: Tensor, wanted: Sequence[Tensor]) -> list[Tensor]:
    if not loss.requires_grad:
        return [torch.zeros_like(tensor) for tensor in wanted]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(wanted, found, strict=True)
    ]


def scores_with(
    model: nn.Module,
    x: Tensor,
    trace: Trace,
    op: Op,
    *,
    weight: Change | None = None,
    bias: Change | None = None,
) -> Tensor:
    """The class scores (1, classes) of a pass in which the weights that ``op`` reads are changed.

    ``weight`` and ``bias`` make the changed tensor of a copy of the layer's own. The model keeps what it has.

    Raises:
        CnnvizError: the pass differs from the trace.
    """
    read = _read(model, x, op)
    if read is None:
        raise not_reached(trace, op)
    last = score_op(trace)
    tap = _Changed(last, read, weight, bias)
    private = as_taken(model, x).clone()
    with torch.inference_mode(), tap:
        output: Tensor = model(private)
    scores = output if last.call is None else tap.scores
    if scores is None:
        raise not_reached(trace, last)
    return checked(scores, trace, last)


@dataclass(frozen=True, eq=False)
class _Read:
    """The weights that an op reads, the numbers of all ``calls`` that read them, and whether they are read otherwise."""

    weight: Tensor
    bias: Tensor | None
    calls: frozenset[int]
    elsewhere: bool

    def has_bias(self, bound: Mapping[str, Any]) -> bool:
        """Whether a call with these arguments adds the same bias."""
        given = bound.get(BIAS)
        return self.bias is not None and isinstance(given, Tensor) and _is_same(given, self.bias)


def _read(model: nn.Module, x: Tensor, op: Op) -> _Read | None:
    """The weights that ``op`` reads in a pass; None if it reads none."""
    private = as_taken(model, x).clone()
    with torch.inference_mode(), _Reading() as tap:
        model(private)
    if op.call is None or op.call not in tap.weights:
        return None
    weight, bias = tap.weights[op.call]
    calls = frozenset(call for call, (other, _bias) in tap.weights.items() if _is_same(other, weight))
    others = (tensor for call, tensors in tap.given.items() if call not in calls for tensor in tensors)
    return _Read(weight, bias, calls, any(_overlaps(tensor, weight) for tensor in others))


def _is_same(one: Tensor, other: Tensor) -> bool:
    return (one.data_ptr(), one.shape, one.stride()) == (other.data_ptr(), other.shape, other.stride())


def _overlaps(tensor: Tensor, weight: Tensor) -> bool:
    return weight.data_ptr() <= tensor.data_ptr() < weight.data_ptr() + weight.nbytes


def _bound(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return bind(named(name), args, kwargs)


class _Reading(Tap):
    """Which weights, and which tensors besides, each call is given; they are held, so that no other takes their memory."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[int, tuple[Tensor, Tensor | None]] = {}
        self.given: dict[int, list[Tensor]] = {}

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Look at what goes in."""
        bound = _bound(name, args, kwargs)
        if isinstance(bound.get(WEIGHT), Tensor):
            self.weights[self.calls] = bound[WEIGHT], bound.get(BIAS)
        self.given[self.calls] = tensors_in((args, kwargs))
        return args, kwargs


class _Leaves(Differentiable):
    """Gives the calls that read the weights leaves in their place, and keeps what these calls are given and give."""

    def __init__(self, scores: Op, read: _Read) -> None:
        super().__init__(scores, None)
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        self.with_bias: set[int] = set()
        self.given: dict[int, tuple[str, Mapping[str, Any]]] = {}
        self.outputs: dict[int, Tensor] = {}
        self._read = read

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Put the leaves in the place of the layer's own weights."""
        args, kwargs = super().arguments(name, args, kwargs)
        if self.calls not in self._read.calls:
            return args, kwargs
        bound = _bound(name, args, kwargs)
        self.given[self.calls] = name, {key: mapped(value, _copied) for key, value in bound.items()}
        self.weight = _leaf(bound[WEIGHT]) if self.weight is None else self.weight
        new = {id(bound[WEIGHT]): self.weight}
        if self._read.has_bias(bound):
            self.bias = _leaf(bound[BIAS]) if self.bias is None else self.bias
            self.with_bias.add(self.calls)
            new[id(bound[BIAS])] = self.bias
        return _replaced((args, kwargs), new)

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """Keep what comes out, and let the pass go on with a copy: it may be worked on in place."""
        if self.calls in self._read.calls:
            own = outputs[0]
            self.outputs[self.calls] = own
            copy = own.clone()
            result, outputs = (
                mapped(result, lambda entry: copy if entry is own else entry),
                [copy, *outputs[1:]],
            )
        return super().counted(func, name, args, kwargs, outputs, result)


class _Changed(Differentiable):
    """Gives the calls that read the weights changed copies of them."""

    def __init__(self, scores: Op, read: _Read, weight: Change | None, bias: Change | None) -> None:
        super().__init__(scores, None)
        self._read = read
        self._change = {WEIGHT: weight, BIAS: bias}

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Put the changed copies in the place of the layer's own weights."""
        if self.calls not in self._read.calls:
            return args, kwargs
        bound = _bound(name, args, kwargs)
        own = (WEIGHT, BIAS) if self._read.has_bias(bound) else (WEIGHT,)
        changes = {key: change for key in own if (change := self._change[key]) is not None}
        new = {id(bound[key]): change(bound[key].detach().clone()) for key, change in changes.items()}
        return _replaced((args, kwargs), new)


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_()


def _replaced(
    given: tuple[Sequence[Any], Mapping[str, Any]], new: Mapping[int, Tensor]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """``given`` with other tensors in the place of those whose ids are in ``new``."""
    args, kwargs = mapped(given, lambda entry: new.get(id(entry), entry))
    return args, kwargs
