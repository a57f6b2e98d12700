"""A proof that a trace is faithful: its ops are run again, one by one, and come to the model's own output.

The model's ``forward`` is not called. Each op gets the outputs of those ops that its links name, and weights; what
a link lacks, or a missing op has computed, is missing here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.calls import function_type, is_leaf
from cnnviz.operations.op import MODEL_INPUT, Op
from cnnviz.tracing.capture import pass_differs
from cnnviz.tracing.copies import copy_with_originals, uncompiled
from cnnviz.tracing.isolation import Isolation
from cnnviz.tracing.recorder import Frame, Recorder
from cnnviz.tracing.tap import mapped, tensors_given, tensors_in
from cnnviz.tracing.trace import Trace


def replay(model: nn.Module, x: Tensor, trace: Trace) -> Tensor:
    """Run the ops of ``trace`` one after the other on ``x``, and return what the last of them gives.

    What each op calls and with which settings is recorded in a pass without data (with data, where the trace took
    a real pass); the tensors come from the trace's links, and from the model's weights. A layer is called as a
    whole, a function by itself. What no later op needs is let go.

    Args:
        model: in eval mode; only its layers are called.
        x: (B, *trace.input_shape), normalised; it is left as it is.
        trace: the model's own trace.

    Returns:
        The first output of the model, without gradients: the same as ``model(x)``.

    Raises:
        CnnvizError: the trace ends in a failure, or is of another pass, or an op reads a tensor that is neither
            a weight or constant nor what one of the op's links names.
    """
    if trace.failure is not None:
        raise CnnvizError(trace.failure.reason)
    model = uncompiled(model)
    steps, (source, part) = _recorded(model, x, trace)
    last_use = {index: step.op.index for step in steps for index in step.op.inputs} | {source: len(steps)}
    isolation = Isolation((), (), meta=False)
    values = _Values(x.clone(), trace)
    with torch.inference_mode():
        for step in steps:
            values.add(step.op, step.run(values.read(step.op), isolation))
            values.forget(
                index
                for index in (*step.op.inputs, step.op.index)
                if last_use.get(index, -1) <= step.op.index
            )
    return values.output(source, part)


@dataclass(frozen=True)
class _Input:
    """Stands for a tensor that the op at hand gets: the one that its link of this number names."""

    number: int


@dataclass(frozen=True)
class _Step:
    """How an op is run: a layer, or a function, and its arguments, with an ``_Input`` for what other ops gave."""

    op: Op
    call: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]

    def run(self, inputs: Sequence[Tensor], isolation: Isolation) -> list[Tensor]:
        """The tensors that the op gives."""

        def filled(value: Any) -> Any:
            return inputs[value.number] if isinstance(value, _Input) else value

        args, kwargs = mapped(self.args, filled), mapped(self.kwargs, filled)
        if isinstance(self.call, nn.Module):
            return tensors_in(self.call(*args, **kwargs))
        name = function_type(self.call)
        return tensors_given(name, args, isolation.call(self.call, name, args, kwargs))


class _Values:
    """What the ops have given so far, as long as it is needed."""

    def __init__(self, x: Tensor, trace: Trace) -> None:
        self._trace = trace
        self._outputs = {MODEL_INPUT: [x]}
        self._latest = {
            id(x): MODEL_INPUT
        }  # by tensor, the op that gave it last: it may have worked in place

    def read(self, op: Op) -> list[Tensor]:
        """What the links of ``op`` name."""
        found = []
        for index, part in zip(op.inputs, op.parts or (0,) * len(op.inputs), strict=True):
            tensor = self.output(index, part)
            if (
                self._latest[id(tensor)] != index
            ):  # another op has written into it, and the link does not say so
                raise _incomplete(self._trace.model, op.name)
            found.append(tensor)
        return found

    def output(self, index: int, part: int) -> Tensor:
        """One output of an op."""
        return self._outputs[index][part]

    def add(self, op: Op, outputs: list[Tensor]) -> None:
        """Keep what ``op`` gave."""
        self._outputs[op.index] = outputs
        self._latest.update(dict.fromkeys(map(id, outputs), op.index))

    def forget(self, indices: Any) -> None:
        """Let go what these ops gave."""
        for index in indices:
            self._outputs.pop(index, None)


def _recorded(model: nn.Module, x: Tensor, trace: Trace) -> tuple[list[_Step], tuple[int, int]]:
    """The steps of ``trace``, and the op and part that are the model's output."""
    copy, originals = copy_with_originals(model, meta=not trace.real_pass)
    example = x.clone() if trace.real_pass else torch.empty_like(x, device="meta")
    recorder = _Calls(copy, example, originals, model, x.device)
    with torch.no_grad(), recorder:
        output = copy(example)
    if len(recorder.steps) != len(trace.ops):
        raise pass_differs(trace, recorder.calls)
    steps = []
    for op, (call, args, kwargs, count), recorded in zip(
        trace.ops, recorder.steps, recorder.ops, strict=True
    ):
        if (op.name, op.type) != (recorded.name, recorded.type):
            raise pass_differs(trace, recorder.calls)
        if count != len(op.inputs):
            raise _incomplete(trace.model, op.name)
        steps.append(_Step(op, call, args, kwargs))
    links = recorder.provenance.links(tensors_in(output)[:1])
    if not links.inputs:
        raise _incomplete(trace.model, trace.ops[-1].name if trace.ops else trace.model)
    return steps, (links.inputs[0], links.parts[0] if links.parts else 0)


class _Calls(Recorder):
    """Records besides what every op called, and with what."""

    def __init__(
        self,
        copy: nn.Module,
        example: Tensor,
        originals: dict[int, Tensor],
        model: nn.Module,
        device: torch.device,
    ) -> None:
        super().__init__(copy, [example])
        self.steps: list[tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any], int]] = []
        self._originals = originals  # of the copy's tensors, by id
        self._original_model = model
        self._device = device
        self._given: tuple[Sequence[Any], Mapping[str, Any]] = (), {}

    def _enter(self, path: str, module: nn.Module, leaf: bool, args: Any, kwargs: Any) -> Frame:
        frame = super()._enter(path, module, leaf, args, kwargs)
        if frame.leaf:
            self._given = args, kwargs
        return frame

    def _record_module(self, frame: Frame, outputs: list[Tensor]) -> Op:
        model = self._original_model
        self._note(model if is_leaf(model) else model.get_submodule(frame.path), *self._given, frame.path)
        return super()._record_module(frame, outputs)

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """A function outside of a layer is a step."""
        if self._leaf is None:
            self._note(func, args, kwargs, name)
        return super().counted(func, name, args, kwargs, outputs, result)

    def passed_through(self, args: Sequence[Any], outputs: list[Tensor]) -> None:
        """``weight.data`` is the weight."""
        super().passed_through(args, outputs)
        for source in tensors_in(args)[:1]:
            if id(source) in self._originals:
                self._originals[id(outputs[0])] = self._originals[id(source)]

    def _note(
        self, call: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], name: str
    ) -> None:
        count = 0

        def described(value: Any) -> Any:
            nonlocal count
            if isinstance(value, torch.device) and value.type == "meta":
                return self._device
            if not isinstance(value, Tensor):
                return value
            if self.provenance.knows(value):
                count += 1
                return _Input(count - 1)
            original = self._originals.get(id(value), self.isolation.original(value))
            if original is None or original.is_meta:
                raise _incomplete(type(self._original_model).__name__, name)
            return original

        self.steps.append((call, mapped(tuple(args), described), mapped(dict(kwargs), described), count))


def _incomplete(model: str, name: str) -> CnnvizError:
    return CnnvizError(
        Message(
            "The trace of {model} is incomplete: {name} uses a tensor that is neither a weight nor one "
            "of its recorded inputs.",
            model=model,
            name=name,
        )
    )
