"""The one recorder: it watches a forward pass and writes down its ops.

It is a tap, so it sees every torch function that the current thread calls. On a private copy of the model every
``forward`` goes through the recorder (cheaper than hooks, and a direct call of ``forward`` is seen, too): it
knows which module is at work, so that a leaf module becomes one op and functions outside of leaf modules get the
path of their container as name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.operations.batch_axis import WITHOUT, Layout
from cnnviz.operations.calls import (
    derives_from_layer,
    function_arguments,
    is_leaf,
    layer_operation,
    module_arguments,
    module_type,
)
from cnnviz.operations.op import FailedCall, ModuleCall, Op
from cnnviz.operations.operation import Operation, named
from cnnviz.tracing.copies import is_lazy
from cnnviz.tracing.isolation import Isolation
from cnnviz.tracing.lines import current_line
from cnnviz.tracing.meta_device import answer
from cnnviz.tracing.on_the_cpu import OnTheCpu
from cnnviz.tracing.own_code import written
from cnnviz.tracing.provenance import Outputs, Provenance
from cnnviz.tracing.tap import Tap, tensors_in
from cnnviz.tracing.unregistered import Strays

_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(slots=True)
class FunctionCall:
    """A call of a function inside of a layer, and the first tensor that it gave."""

    operation: Operation
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    output: Tensor


@dataclass(slots=True)
class Frame:
    """One call of a module that has not returned yet."""

    path: str
    module: nn.Module
    leaf: bool
    inputs: list[Tensor]
    flops: int = 0  # measured inside of it
    registered: bool = True
    calls: list[FunctionCall] = field(default_factory=list)  # in a forward of a class of one's own


class Recorder(Tap):
    """Records the ops of one forward pass of ``model``, a private copy in eval mode.

    Inside of the ``with`` block every module's ``forward`` goes through the recorder; at its end the copy
    is as it was. ``other`` has the outputs of the same ops in a pass with another number of images, where a pass alone
    does not tell which dimension is the batch. Why the op of the index ``known`` fails, if it does, is not asked.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Sequence[Tensor],
        other: Outputs | None = None,
        known: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.registered = list(model.named_modules())
        self.parameters, buffers = _declared(self.registered)
        self.ops: list[Op] = []
        self.lines: list[int | None] = []  # of the text, for each op
        self.modules: list[ModuleCall] = []
        self.failed: FailedCall | None = None
        self.rebatched: str | None = None  # the first op that changed the number of rows in a batch
        self.weights = _Weights(self.parameters.values())
        self.strays = Strays(self.registered)
        self.called: set[int] = set()  # ids of the modules that ran
        self.silent: list[str] = []  # paths of those that returned None
        self.batch = inputs[0].shape[0]
        self._stack: list[Frame] = [Frame("", model, leaf=False, inputs=[])]
        self._leaf: Frame | None = None
        self._broken: tuple[str, nn.Module, BaseException | None] = ("", model, None)
        self._names = _Names()
        self._constant: set[int] = set()  # indices of the ops that the model's input does not reach
        self.provenance = Provenance(inputs, other)
        self._sure = other is not None
        self._known = known
        weights = (*self.parameters.values(), *buffers)
        self.isolation = Isolation(inputs, weights, meta=inputs[0].is_meta)
        self._cpu = OnTheCpu(self.isolation.original) if inputs[0].is_meta else None
        self._own_forwards: list[tuple[nn.Module, Callable[..., Any] | None]] = []

    def __enter__(self) -> Self:
        layers = self.registered[1:]
        if is_leaf(self.model):  # a single layer is a network too
            layers = [(type(self.model).__name__.lower(), self.model)]
        for path, module in layers:
            self._watch(path, module)
        for path, module in self.strays.layers():
            self._watch(path, module, registered=False)
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        for module, forward in self._own_forwards:
            del vars(module)["forward"]
            if forward is not None:
                vars(module)["forward"] = forward
        self._own_forwards.clear()

    # -- modules ---------------------------------------------------------------------------------

    def _watch(self, path: str, module: nn.Module, registered: bool = True) -> None:
        """Let calls of ``module`` pass through the recorder: an attribute goes before the class's method."""
        forward, leaf = module.forward, is_leaf(module)

        def watched(*args: Any, **kwargs: Any) -> Any:
            frame = self._enter(path, module, leaf, args, kwargs)
            frame.registered = registered
            try:
                output = forward(*args, **kwargs)
            except BaseException as error:
                if self._broken[2] is not error:
                    self._broken = (path, module, error)
                if frame.leaf and isinstance(error, Exception):  # the layer's own check of what it received
                    with torch._C.DisableTorchFunction():
                        self._note_failure(path, args, kwargs, error)
                raise
            finally:
                self._leave(frame)
            with torch._C.DisableTorchFunction():  # or our own look at a shape would count as a call
                self._record_call(frame, output)
            return output

        self._own_forwards.append((module, vars(module).get("forward")))
        vars(module)["forward"] = watched

    def _enter(self, path: str, module: nn.Module, leaf: bool, args: Any, kwargs: Any) -> Frame:
        first = leaf and self._leaf is None  # modules inside of a leaf are the leaf's own business
        frame = Frame(path, module, first, tensors_in((*args, kwargs) if kwargs else args) if first else [])
        self._stack.append(frame)
        if first:
            self._leaf = frame
        return frame

    def _leave(self, frame: Frame) -> None:
        self._stack.pop()
        if frame is self._leaf:
            self._leaf = None

    def _record_call(self, frame: Frame, output: Any) -> None:
        self.called.add(id(frame.module))
        if output is None:
            self.silent.append(frame.path)
        outputs = tensors_in(output)
        if not outputs or self._leaf is not None:
            return
        if frame.leaf:
            op = self._record_module(frame, outputs)
            params, name, shape, layout = op.params, op.name, op.output_shape, op.layout
        else:
            layout = self.provenance.layout_of(outputs[0])
            params, name, shape = 0, frame.path, layout.shown(tuple(outputs[0].shape))
        if not frame.registered:  # torch.nn.Module.modules() does not know of it
            return
        self.modules.append(
            ModuleCall(
                name=name,
                type=module_type(frame.module),
                output_shape=shape,
                params=params,
                depth=len(self._stack),
                container=not frame.leaf,
                is_list=isinstance(frame.module, _LISTS),
                ops_before=len(self.ops),
                layout=layout,
            )
        )

    def _record_module(self, frame: Frame, outputs: list[Tensor]) -> Op:
        params, reused = self.weights.count(frame.module)
        call, call_part = self.provenance.call_of(outputs[0])
        found = layer_operation(frame.module)
        arguments = module_arguments(frame.module, found.entry)
        same = _the_same_operation(frame, found.entry, outputs[0]) if found.own_forward else None
        if same is not None:
            arguments = {**arguments, **function_arguments(same.operation, same.args, same.kwargs)}
        return self._record(
            frame,
            found.entry,
            frame.inputs,
            outputs,
            name=self._names.unique(frame.path),
            type=module_type(frame.module),
            params=params,
            reused=reused,
            module=frame.path if frame.registered else None,
            arguments=arguments,
            call=call,
            call_part=call_part,
            operation=found.name,
            own_forward=found.own_forward and same is None,
        )

    def _record(
        self,
        frame: Frame,
        entry: Operation,
        tensors: list[Tensor],
        outputs: list[Tensor],
        **known: Any,
    ) -> Op:
        """Add the op by which ``entry`` made ``outputs`` of ``tensors``; ``known`` are the fields that are told already."""
        links, arguments = self.provenance.links(tensors), known["arguments"]
        wanted = arguments.get("shape") if entry.keeps_order else None
        if wanted and wanted[0] == self.batch and written(self.batch):
            self.provenance.in_doubt = True  # x.view(x.size(0), -1) and x.view(2, -1) arrive alike
        shape, layout = self.provenance.seen(entry, arguments, tensors, outputs[0])
        op = Op(
            kind=entry.kind,
            index=len(self.ops),
            inputs=links.inputs,
            input_shapes=links.shapes,
            output_shape=shape,
            macs=self._macs(frame, entry, arguments, links.inputs, tensors, outputs, layout),
            layout=layout,
            input_layouts=links.layouts,
            parts=links.parts,
            **known,
        )
        self.ops.append(op)
        self.lines.append(current_line())
        if self._constant.issuperset(op.inputs):
            self._constant.add(op.index)
        elif self.rebatched is None and (layout == WITHOUT or outputs[0].shape[:1] != (self.batch,)):
            self.rebatched = op.name
        self.provenance.from_op(outputs, op.index, entry, layout)
        return op

    # -- functions -------------------------------------------------------------------------------

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Private copies in place of tensors that this pass does not own."""
        return self.isolation.arguments(name, args, kwargs)

    def execute(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """The result of a call, and what it cost; a call that raises is remembered."""
        try:
            known = answer(func, args, kwargs)
            if known is not None:
                return known
            if self._cpu is not None:
                self._cpu.check(func, args, kwargs)
            if not named(name).measured_macs:
                result = self.isolation.call(func, name, args, kwargs)
                if self._cpu is not None:
                    self._cpu.follow(func, args, kwargs, result)
                return result
            with FlopCounterMode(display=False) as counter:
                result = self.isolation.call(func, name, args, kwargs)
        except Exception as error:
            if self._known == len(self.ops):
                self._note_failure(name, args, kwargs, error)
                raise
            self.isolation.failed(func, name, args, kwargs, error)
            told = None
            if self._cpu is not None and not self.isolation.lacked_data:
                told = self._cpu.refusal(func, args, kwargs)
            self._note_failure(name, args, kwargs, told or error)
            if told is None:
                raise
            raise told from None
        frame = self._leaf or self._stack[-1]
        frame.flops += counter.get_total_flops()
        return result

    def passed_through(self, args: Sequence[Any], outputs: list[Tensor]) -> None:
        """``x.data`` is ``x`` by another name."""
        self.isolation.made(outputs)
        for source in tensors_in(args)[:1]:
            self.provenance.same(source, outputs[0])
            self.weights.same(source, outputs[0])

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """A call outside of a leaf module is an op."""
        self.isolation.made(outputs)
        if self._leaf is None:
            self._record_function(func, name, args, kwargs, outputs)
        elif layer_operation(self._leaf.module).own_forward:
            self._leaf.calls.append(FunctionCall(named(name), args, kwargs, outputs[0]))
        self.provenance.from_call(outputs, self.calls)
        return result

    def _record_function(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
    ) -> None:
        frame, tensors, operation = self._stack[-1], tensors_in((args, kwargs)), named(name)
        if not any(map(self.provenance.knows, tensors)) and self.strays.making():
            return
        for tensor in self.weights.use(tensors, len(self.ops)):
            original = self.isolation.original(tensor)
            self.strays.use(tensor if original is None else original)
        params, reused = 0, False
        cls: type = type(frame.module)
        # Of a person's own class, it has the parameters that a norm has; an exported program has no layers.
        if operation.kind == "normalisation" or isinstance(func, OpOverload):
            params, reused = self.weights.count_given(tensors)
        elif frame.module is not self.model and derives_from_layer(cls):
            params, reused = self.weights.carry(frame.module, tensors)
        self._record(
            frame,
            operation,
            tensors,
            outputs,
            name=self._names.unique(self._function_label(name)),
            type=name,
            params=params,
            reused=reused,
            arguments=function_arguments(operation, args, kwargs),
            call=self.calls,
        )
        frame.flops = 0

    def _note_failure(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception
    ) -> None:
        if self.failed is not None and self.failed.error is error:
            return
        if self._leaf is not None:
            label, type_name = self._leaf.path, module_type(self._leaf.module)
            path: str | None = label
            tensors = self._leaf.inputs
            operation, known_as, _ = layer_operation(self._leaf.module)
            arguments = module_arguments(self._leaf.module, operation)
        else:
            label, type_name, path, known_as = self._function_label(name), name, None, name
            tensors = tensors_in((args, kwargs))
            arguments = function_arguments(named(name), args, kwargs)
        links = self.provenance.links(tensors)
        self.failed = FailedCall(
            self._names.unique(label),
            type_name,
            path,
            links.inputs,
            links.of_rows(self.batch),
            arguments,
            error,
            known_as,
            layouts=links.layouts,
            images=self.batch,
            constants=tuple(tuple(t.shape) for t in tensors if not self.provenance.knows(t)),
        )

    def _function_label(self, name: str) -> str:
        path = self._stack[-1].path
        return f"{path}.{name}" if path else name

    def innermost(self, error: BaseException) -> tuple[str, nn.Module]:
        """Path and module of the module that was at work when ``error`` was raised."""
        path, module, seen = self._broken
        return (path, module) if seen is error else ("", self.model)

    def _macs(
        self,
        frame: Frame,
        operation: Operation,
        arguments: Mapping[str, object],
        inputs: Sequence[int],
        tensors: Sequence[Tensor],
        outputs: Sequence[Tensor],
        layout: Layout,
    ) -> int:
        """Multiply-adds for one image, by formula or as measured in ``frame``."""
        once = layout == WITHOUT and (self._sure or self._constant.issuperset(inputs))
        images = 1 if once else self.batch  # what does not depend on the images is computed once for all
        if frame.flops:
            return frame.flops // 2 // images
        if operation.macs is None:
            return 0
        received = tensors[0].numel() // images if tensors else 0
        return operation.macs(arguments, received, outputs[0].numel() // images)


def _the_same_operation(frame: Frame, entry: Operation, output: Tensor) -> FunctionCall | None:
    """The one call by which a layer with a ``forward`` of its own does what its base does, with other weights.

    None where it does more: where the call is not given what the layer is given, or its result is not the layer's.
    """
    alike = [
        c for c in frame.calls if (c.operation.kind, c.operation.dimensions) == (entry.kind, entry.dimensions)
    ]
    if len(alike) != 1 or alike[0].output is not output or not frame.inputs:
        return None
    return alike[0] if alike[0].args[:1] and alike[0].args[0] is frame.inputs[0] else None


# -- so that nothing counts twice ----------------------------------------------------------------


class _Names:
    """Gives every op a name of its own: ``relu``, ``relu_2``, ..."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._taken: set[str] = set()

    def unique(self, label: str) -> str:
        """``label``, numbered from the second use on."""
        name = label
        while True:
            self._counts[label] += 1
            if self._counts[label] > 1:
                name = f"{label}_{self._counts[label]}"
            if name not in self._taken:
                self._taken.add(name)
                return name


class _Weights:
    """Counts every parameter for the first op that uses it.

    ``carried`` holds the ids of those that an op carries. ``used_directly`` holds, for those that a function
    outside of a layer was given, the index of the first such op.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.carried: set[int] = set()
        self.used_directly: dict[int, int] = {}
        self._known = {id(parameter): id(parameter) for parameter in parameters}
        self._called: set[int] = set()

    def same(self, source: Tensor, other: Tensor) -> None:
        """Note that ``other`` is ``source`` by another name, as ``source.data`` is."""
        if id(source) in self._known:
            self._known[id(other)] = self._known[id(source)]

    def use(self, tensors: Iterable[Tensor], index: int) -> list[Tensor]:
        """Note that the op at ``index``, a function outside of a layer, was given ``tensors``.

        Returns:
            Parameters among them that no registered module has.
        """
        unknown: list[Tensor] = []
        for tensor in tensors:
            parameter = self._known.get(id(tensor))
            if parameter is not None:
                self.used_directly.setdefault(parameter, index)
            elif type(tensor) is nn.Parameter:
                unknown.append(tensor)
        return unknown

    def carry(self, module: nn.Module, tensors: Iterable[Tensor]) -> tuple[int, bool]:
        """How many parameters of its own ``module`` hands to a function, and whether all were counted before.

        A layer with children, such as a convolution that normalises as well, is no single op.
        """
        own = {id(parameter) for parameter in _direct_parameters(module)}
        given = {id(tensor): tensor for tensor in tensors if id(tensor) in own}
        new = [tensor for key, tensor in given.items() if key not in self.carried]
        self.carried.update(map(id, new))
        return sum(tensor.numel() for tensor in new), bool(given and not new)

    def count_given(self, tensors: Iterable[Tensor]) -> tuple[int, bool]:
        """The same as :meth:`count`, of the parameters among ``tensors`` that a function is given."""
        given = {self._known[id(tensor)]: tensor for tensor in tensors if id(tensor) in self._known}
        own = given.keys() - self.carried
        self.carried.update(own)
        return sum(given[key].numel() for key in own), bool(given and not own)

    def count(self, module: nn.Module) -> tuple[int, bool]:
        """How many parameters a call of ``module`` adds, and whether it only uses what was counted before."""
        declared = list(module.parameters()) if module._modules else _direct_parameters(module)
        declared = [p for p in declared if id(p) in self._known]
        own = [p for p in declared if id(p) not in self.carried]
        reused = id(module) in self._called or bool(declared and not own)
        self._called.add(id(module))
        self.carried.update(map(id, own))
        return sum(p.numel() for p in own), reused


def _declared(
    modules: Iterable[tuple[str, nn.Module]],
) -> tuple[dict[str, nn.Parameter], list[Tensor]]:
    """The unique parameters by name and all buffers of ``modules``, which have their paths: in one go.

    Those of a lazy layer that the pass has not come to are left out.
    """
    parameters: dict[str, nn.Parameter] = {}
    buffers: list[Tensor] = []
    seen: set[int] = set()
    for path, module in modules:
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen and not is_lazy(parameter):
                seen.add(id(parameter))
                parameters[f"{path}.{name}" if path else name] = parameter
        buffers += [buffer for buffer in module._buffers.values() if buffer is not None]
    return parameters, buffers


def _direct_parameters(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module._parameters.values() if p is not None]
