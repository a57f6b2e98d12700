"""Tracing: one forward pass on the meta device, without memory, arithmetic or side effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message
from cnnviz.operations.arrangement import lost_batch
from cnnviz.operations.calls import module_type
from cnnviz.operations.diagnosis import diagnose
from cnnviz.operations.op import (
    MODEL_INPUT,
    FailedCall,
    Failure,
    ModuleCall,
    Op,
    Shape,
    Unexecuted,
    product,
)
from cnnviz.tracing.copies import uncompiled
from cnnviz.tracing.failures import depends_on_batch, forward_raised, in_plain_words, mended, unpacked_batch
from cnnviz.tracing.inputs import (
    TRACED_BATCH,
    checked_model,
    checked_shape,
    fixed_batch,
    is_several,
    prepared,
    split_shape,
    traced_batch,
)
from cnnviz.tracing.lines import line_of
from cnnviz.tracing.mistakes import returned_no_tensor, slip_behind, slip_of_constructor
from cnnviz.tracing.other_inputs import Outcome
from cnnviz.tracing.outputs import Output, main_op, named_tensors, outputs_of
from cnnviz.tracing.provenance import Outputs
from cnnviz.tracing.recorder import Recorder
from cnnviz.tracing.subtracted import SubtractedMean, subtracted_mean
from cnnviz.tracing.unregistered import Unregistered
from cnnviz.tracing.unused import UnusedLayer, grouped, idle_layers

_OWN_NETWORKS = "cnnviz.architectures."
"""Where the networks are defined that cnnviz trains itself, each with the loss that fits."""
_OTHER_BATCH = 3
"""Images in a second pass, which tells the sizes that are the batch's from those that are two by chance."""
Shapes = tuple[Shape, ...]
"""The shape of each input."""
_SHAPES_WITH_A_BATCH = (2, 4)
"""Dimensions of a batch of vectors, and of images."""


@dataclass(frozen=True, repr=False)
class Trace:
    """All ops of one forward pass with their links.

    Shapes are without the batch dimension; ``total_params`` counts the elements of the unique
    ``parameters()``, which is what ``ops`` and ``unexecuted`` add up to where the pass did not fail.
    ``real_pass`` tells that the forward needs data and was run on the CPU once. ``mixing_op`` names the
    op that mixes the images of a batch, where the output does not have a row for each image (as after
    ``x.view(-1, 80)`` where 400 values an image arrive). ``calls`` is the number of function calls that
    returned tensors, leaf modules' inner ones included. Of the parameters in ``unexecuted``, ``used_directly``
    names those that a function outside of a layer is given, with the index of the first such op, and
    ``in_training`` those that only a pass in training uses, as an auxiliary classifier's. ``outputs`` are the tensors
    that the model returned, which need not come from the last op. ``loss_fits`` means that the loss with which the
    network is trained is known to fit what it returns. ``unregistered`` is what took part in the pass although
    PyTorch does not find it in the model. ``unused_layers`` are those that no pass calls, ``subtracted`` is the mean
    that it subtracts from its input. ``left_out_batch`` is the size of the first dimension of a
    tensor that was given as the input shape. ``integers_below``: the input consists of integers from 0 to less than
    this number, as the rows of an embedding are counted; None where it may be any numbers. ``lines`` tells for each
    op the line (from 1) of the text that is interpreted, if one is.
    """

    model: str
    input_shape: Shape
    ops: tuple[Op, ...]
    modules: tuple[ModuleCall, ...]
    unexecuted: tuple[Unexecuted, ...]
    total_params: int
    trainable_params: int
    failure: Failure | None
    real_pass: bool
    mixing_op: str | None
    calls: int
    used_directly: Mapping[str, int] = field(default_factory=dict)
    in_training: frozenset[str] = frozenset()
    outputs: tuple[Output, ...] = ()
    loss_fits: bool = False
    left_out_batch: int | None = None
    unregistered: tuple[Unregistered, ...] = ()
    integers_below: int | None = None
    unused_layers: tuple[UnusedLayer, ...] = ()
    subtracted: SubtractedMean | None = None
    further_inputs: tuple[Shape, ...] = ()
    lines: tuple[int | None, ...] = ()
    raised: BaseException | None = field(default=None, compare=False, repr=False)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each input, most often of the one."""
        return (self.input_shape, *self.further_inputs)

    @property
    def output(self) -> Op | None:
        """The op whose output the model returned, of several the first; the last op where the pass failed.

        None where no op gave it, as when the input itself comes back.
        """
        if self.failure is not None:
            return self.ops[-1] if self.ops else None
        index = main_op(self.outputs)
        return None if index is None else self.ops[index]

    @property
    def macs(self) -> int:
        """Multiply-adds of all ops, for one image."""
        return sum(op.macs for op in self.ops)

    def op(self, name: str) -> Op:
        """The op called ``name``.

        Raises:
            UnknownKeyError: there is none; the message names the closest one.
            CnnvizError: the pass failed there.
        """
        for op in self.ops:
            if op.name == name:
                return op
        if self.failure and self.failure.name == name:
            raise CnnvizError(
                Message("{name} gives no output: {message}", name=name, message=self.failure.message)
            )
        raise UnknownKeyError(Message("layer"), name, [op.name for op in self.ops])

    def __repr__(self) -> str:
        if _formats is None:
            return f"<Trace of {self.model}: {len(self.ops)} ops>"
        return _formats.text(self)

    def _repr_html_(self) -> str | None:  # by this name a notebook asks for something better than text
        return None if _formats is None else _formats.html(self)


@dataclass(frozen=True)
class _Formats:
    text: Callable[[Trace], str]
    html: Callable[[Trace], str]


_formats: _Formats | None = None


def show_traces_as(text: Callable[[Trace], str], html: Callable[[Trace], str]) -> None:
    """Register what ``print(trace)`` writes and what a notebook shows of a trace.

    Tables are made in :mod:`cnnviz.shapes`, which builds on this module; so they are handed in from above.
    """
    global _formats
    _formats = _Formats(text, html)


def trace(model: nn.Module, input_shape: Sequence[int] | Sequence[Sequence[int]] | Tensor) -> Trace:
    """Trace ``model`` for one input of shape ``input_shape``, (C, H, W) for images.

    A model that takes several inputs gets a shape for each: ``trace(model, ((1, 28, 28), (10,)))``.

    A batch in front is left out, where it is clear that it is one: of a tensor or a NumPy array given in place of a
    shape, and of two or four sizes that the first layer refuses. The model may live on any device. It is not
    changed: no hook, mode, buffer, gradient or random number of it or of the process is touched. A forward that
    fails gives a trace that ends there.

    Raises:
        UsageError: this is no network, or a size is no positive whole number.
        CnnvizError: the model cannot be copied.
    """
    model = uncompiled(checked_model(model))
    if is_several(input_shape):
        return _traced(model, tuple(checked_shape(shape) for shape in input_shape), None)
    shape, batch = split_shape(input_shape)
    done = _traced(model, (shape,), batch)
    if batch is None and done.failure and len(shape) in _SHAPES_WITH_A_BATCH and not done.ops:
        # Other tools take the batch with the shape; it is one where the network takes what is behind it.
        without = _traced(model, (shape[1:],), shape[0])
        return without if without.ops else done
    return done


def shape_that_passes(model: nn.Module, shapes: Sequence[Shape], failed: Trace) -> Shape | None:
    """The first of the input ``shapes`` with which a forward pass of ``model`` goes through; None where none does.

    ``failed`` is its trace with another input: what fails at the same op is not looked into once more. Where that op
    receives the same from the largest input, the size has nothing to do with it, and no other is tried. A pass that
    goes through may fail with another number of images.
    """
    same_kind = [shape for shape in shapes if len(shape) == len(failed.input_shape)]
    known = None if failed.real_pass or failed.integers_below is not None else len(failed.ops)
    with torch.no_grad():
        if len(same_kind) > _FEW:
            largest = max(same_kind, key=product)
            call, ops = _run(uncompiled(model), (largest,), known).failed_at
            before = (
                []
                if failed.failure is None
                else _given(failed.failure.inputs, failed.input_shape, failed.ops)
            )
            if (
                call is not None
                and len(ops) == len(failed.ops)
                and before == _given(call.inputs, largest, ops) != []
            ):
                return None
        for shape in shapes:
            if _run(uncompiled(model), (shape,), known).error is None:
                return shape
    return None


_FEW = 2
"""So many shapes are tried one after the other."""


def _given(inputs: Sequence[int], input_shape: Shape, ops: Sequence[Op]) -> list[Shape]:
    """The shapes of what the ops of these indices gave."""
    return [input_shape if index == MODEL_INPUT else ops[index].output_shape for index in inputs]


def _traced(model: nn.Module, shapes: Shapes, left_out_batch: int | None) -> Trace:
    with torch.no_grad():
        try:
            done = _told_apart(model, shapes, _run(model, shapes))
        except AttributeError as error:
            slip = slip_of_constructor(error, ())
            if slip is None:
                raise
            raise CnnvizError(Message("{reason} {advice}", reason=slip.reason, advice=slip.advice)) from error
        failure = _failure(model, shapes, done)
        if failure is not None and failure.quoted and done.error is not None:
            failure = in_plain_words(failure, done.error)
        if failure is not None:
            failure = replace(failure, line=line_of(done.error))
        unused = frozenset() if failure else _unused(done.recorder)
        idle = () if failure else idle_layers(done.recorder.registered, done.recorder.called)
        training = _in_training(model, shapes, done.integers_below) if unused or idle else None
    in_training = unused - _unused(training) if training else frozenset()
    recorder = done.recorder
    used_directly = {
        name: recorder.weights.used_directly[id(parameter)]
        for name, parameter in recorder.parameters.items()
        if id(parameter) in recorder.weights.used_directly and id(parameter) not in recorder.weights.carried
    }
    return Trace(
        model=type(model).__name__,
        input_shape=shapes[0],
        further_inputs=shapes[1:],
        ops=tuple(recorder.ops),
        lines=tuple(recorder.lines),
        raised=None if failure is None else done.error,
        modules=tuple(recorder.modules),
        unexecuted=_unexecuted(recorder),
        total_params=sum(p.numel() for p in recorder.parameters.values()),
        trainable_params=sum(p.numel() for p in recorder.parameters.values() if p.requires_grad),
        failure=failure,
        real_pass=done.real,
        mixing_op=recorder.rebatched if done.mixes else None,
        calls=recorder.calls,
        used_directly=used_directly,
        in_training=in_training,
        outputs=done.outputs,
        left_out_batch=left_out_batch,
        loss_fits=type(model).__module__.startswith(_OWN_NETWORKS),
        subtracted=None if failure else subtracted_mean(model, shapes, recorder.ops),
        unused_layers=_unused_layers(recorder, training, idle, [*used_directly, *in_training]),
        unregistered=recorder.strays.used(recorder.isolation, frozenset(recorder.called)),
        integers_below=done.integers_below,
    )


@dataclass
class _Pass:
    """One forward pass: who watched it, what it returned, what was raised.

    ``real`` tells that it was on the CPU, ``one_batch_alone`` that it failed where one with fewer images did not;
    ``integers_below`` is that of the trace.
    """

    recorder: Recorder
    returned: Any
    error: BaseException | None
    real: bool = False
    one_batch_alone: bool = False
    integers_below: int | None = None

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The tensors that came back."""
        return outputs_of(self.returned, self.recorder.provenance)

    @property
    def mixes(self) -> bool:
        """Whether the first tensor that came back has no row for each image."""
        first = next((tensor for _, tensor in named_tensors(self.returned)), None)
        if first is None or not first.dim():
            return False
        layout = self.recorder.provenance.layout_of(first)
        return first.shape[0] != self.recorder.batch or (layout.place != 0 and not layout.mixed)

    @property
    def failed_at(self) -> tuple[FailedCall | None, list[Op]]:
        """The call that failed, and the ops before it."""
        return self.outcome.failed, self.recorder.ops

    @property
    def outcome(self) -> Outcome:
        failed = self.recorder.failed
        return Outcome(
            self.recorder.ops, failed if failed and failed.error is self.error else None, self.error
        )


def _run(model: nn.Module, shapes: Shapes, known: int | None = None) -> _Pass:
    """Run a copy of ``model``, with integers as input where it ends at a call that takes nothing else.

    Of the op of the index ``known`` it is known that neither these nor values would help, should it fail.
    """
    done = _run_with(model, shapes, None, known)
    below = done.recorder.isolation.takes_integers_below
    if done.outcome.failed is None or below is None:
        return done
    with_integers = _run_with(model, shapes, below)
    return with_integers if with_integers.outcome.reaches(done.outcome.failed.name) else done


def _run_with(model: nn.Module, shapes: Shapes, below: int | None, known: int | None = None) -> _Pass:
    """Run a copy of ``model``: on the meta device, and on the CPU where that is not enough."""
    batch = traced_batch(model)
    done = _record(*prepared(model, shapes, batch, below=below), known=known)
    if done.recorder.isolation.lacked_data:
        done = replace(_record(*prepared(model, shapes, batch, real=True, below=below)), real=True)
    return replace(done, integers_below=below)


def _record(
    model: nn.Module, inputs: Sequence[Tensor], other: Outputs | None = None, known: int | None = None
) -> _Pass:
    recorder = Recorder(model, inputs, other, known)
    try:
        with recorder:
            returned = model(*inputs)
    except (Exception, SystemExit) as error:  # whatever a person's forward raises is the trace's failure
        return _Pass(recorder, None, error)
    return _Pass(recorder, returned, None)


def _told_apart(model: nn.Module, shapes: Shapes, done: _Pass) -> _Pass:
    """The pass that says for certain which sizes are the batch's.

    Where ``done`` leaves that in doubt, another number of images is sent through the network.
    """
    if not done.recorder.provenance.in_doubt or fixed_batch(model):
        return done
    copy, inputs = prepared(model, shapes, _OTHER_BATCH, done.real, done.integers_below)
    again = replace(
        _record(copy, inputs, done.recorder.provenance.outputs),
        real=done.real,
        integers_below=done.integers_below,
    )
    if again.error is not None and done.error is None:
        return replace(again, one_batch_alone=True)
    same = [op.name for op in again.recorder.ops] == [op.name for op in done.recorder.ops]
    return again if same and type(again.error) is type(done.error) else done


def _failure(model: nn.Module, shapes: Shapes, done: _Pass) -> Failure | None:
    """What ended the pass, or that no tensor came of it; None where it went well."""
    outcome = done.outcome
    if outcome.error is None:
        return None if done.outputs else returned_no_tensor(done.recorder.model, done.returned)
    path, at_work = done.recorder.innermost(outcome.error)
    slip = slip_behind(outcome.error, done.recorder.model, at_work, done.recorder.silent)
    if slip is not None:
        name = outcome.failed.name if outcome.failed else path or "forward"
        return Failure(name, module_type(at_work), slip.reason, advice=slip.advice)
    told = unpacked_batch(model, outcome)
    if told is None and outcome.failed is not None and done.one_batch_alone:
        told = lost_batch(outcome.failed, outcome.ops)
    if told is None and done.one_batch_alone:
        told = depends_on_batch(model, outcome, (TRACED_BATCH, _OTHER_BATCH))
    if told is not None:
        return told
    if outcome.failed is None:
        return forward_raised(path, at_work, outcome.error, len(shapes))
    known = None if done.real or done.integers_below is not None else len(outcome.ops)
    return mended(
        diagnose(outcome.failed, outcome.ops),
        model,
        shapes[0],
        outcome,
        attempt=lambda other, size: _run(other, (size, *shapes[1:]), known).outcome,
        thorough=not done.real,
    )


def _unexecuted(recorder: Recorder) -> tuple[Unexecuted, ...]:
    return tuple(
        Unexecuted(name, tuple(parameter.shape), parameter.numel())
        for name, parameter in recorder.parameters.items()
        if id(parameter) not in recorder.weights.carried
    )


def _unused(recorder: Recorder) -> frozenset[str]:
    """The names of the parameters that took no part in a pass."""
    used = recorder.weights.carried | recorder.weights.used_directly.keys()
    return frozenset(name for name, parameter in recorder.parameters.items() if id(parameter) not in used)


def _in_training(model: nn.Module, shapes: Shapes, below: int | None) -> Recorder | None:
    """Who watched a pass in training; None where that fails, as one that needs data does here.

    A program that was exported has no other mode than the one it was exported in.
    """
    copy, inputs = prepared(model, shapes, TRACED_BATCH, below=below)
    try:
        copy.train()
    except NotImplementedError:
        return None
    done = _record(copy, inputs)
    return None if done.error else done.recorder


def _unused_layers(
    recorder: Recorder, training: Recorder | None, idle: Sequence[str], used: Iterable[str]
) -> tuple[UnusedLayer, ...]:
    """The ``idle`` layers that no pass in training calls either, and none of whose parameters are ``used``."""
    if training is None:  # there are none, or it cannot be told
        return ()
    idle = idle_layers(training.registered, training.called, among=idle)
    taken = {name.rpartition(".")[0] for name in used}
    return grouped(recorder.registered, [path for path in idle if path not in taken])
