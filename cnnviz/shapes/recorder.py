"""The one recorder: it watches a forward pass and writes down its ops.

A ``TorchFunctionMode`` sees every torch function that the current thread calls. Hooks on a private
copy of the model tell it which module is at work, so that a leaf module becomes one op and functions
outside of leaf modules get the path of their container as name.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.shapes.arguments import function_arguments, module_arguments
from cnnviz.shapes.macs import MEASURED, formula_macs
from cnnviz.shapes.meta_answers import answer
from cnnviz.shapes.naming import function_kind, function_type, is_leaf, module_kind, module_type
from cnnviz.shapes.op import ModuleCall, Op, Shape
from cnnviz.shapes.provenance import Provenance, tensors_in

PASSED_THROUGH = frozenset({"data", "grad", "requires_grad", "retain_grad"})
"""Tensor attributes and methods that are bookkeeping, not operations of a network."""


_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass
class FailedCall:
    """The call that raised: a leaf module's, or a function's outside of one."""

    name: str
    type: str
    path: str | None  # of the module, None for a function
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    arguments: Mapping[str, object]
    error: Exception


@dataclass
class _Frame:
    path: str
    module: nn.Module
    leaf: bool
    macs: int = 0
    inputs: list[Tensor] = field(default_factory=list)


class Recorder(TorchFunctionMode):
    """Records the ops of one forward pass of ``model``, a private copy in eval mode.

    Puts hooks on ``model`` that stay there: the copy is thrown away with the recorder.
    """

    def __init__(self, model: nn.Module, model_input: Tensor) -> None:
        super().__init__()
        self.model = model
        self.ops: list[Op] = []
        self.modules: list[ModuleCall] = []
        self.calls = 0
        self.failed: FailedCall | None = None
        self.rebatched: str | None = None  # the first op that changed the number of rows in a batch
        self.carried: set[int] = set()  # ids of the parameters that an op carries
        self._batch = model_input.shape[0]
        self._stack: list[_Frame] = [_Frame("", model, leaf=False)]
        self._leaf: _Frame | None = None
        self._broken: tuple[str, nn.Module, BaseException | None] = ("", model, None)
        self._names: Counter[str] = Counter()
        self._taken: set[str] = set()
        self._called: set[int] = set()
        self._provenance = Provenance(model_input)
        layers = list(model.named_modules())[1:]
        if is_leaf(model):  # a single layer is a network too
            layers = [(type(model).__name__.lower(), model)]
        for path, module in layers:
            module.register_forward_pre_hook(self._entering(path, is_leaf(module)), with_kwargs=True)
            module.register_forward_hook(self._left, with_kwargs=True, always_call=True)

    # -- modules ---------------------------------------------------------------------------------

    def _entering(self, path: str, leaf: bool) -> Callable[..., None]:
        def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            frame = _Frame(path, module, leaf=leaf and self._leaf is None)
            self._stack.append(frame)
            if frame.leaf:
                frame.inputs = tensors_in((args, kwargs))
                self._leaf = frame

        return enter

    def _left(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        with torch._C.DisableTorchFunction():  # or our own look at a shape would count as a call
            self._note_end(module, output)

    def _note_end(self, module: nn.Module, output: Any) -> None:
        frame = self._stack.pop()
        if frame.leaf:
            self._leaf = None
        error = sys.exc_info()[1]
        if error is not None and self._broken[2] is not error:
            self._broken = (frame.path, module, error)
        outputs = tensors_in(output)
        if not outputs:
            return
        params, shape = 0, tuple(outputs[0].shape[1:])
        name = frame.path
        if frame.leaf:
            op = self._record_module(frame, outputs)
            params, name = op.params, op.name
        if self._leaf is None:  # modules inside of a leaf are the leaf's own business
            self.modules.append(
                ModuleCall(
                    name=name,
                    type=module_type(module),
                    output_shape=shape,
                    params=params,
                    depth=len(self._stack),
                    container=not frame.leaf,
                    is_list=isinstance(module, _LISTS),
                    ops_before=len(self.ops),
                )
            )

    def _record_module(self, frame: _Frame, outputs: list[Tensor]) -> Op:
        module = frame.module
        params, reused = self._own_parameters(module)
        arguments = module_arguments(module)
        inputs, input_shapes = self._provenance.links(frame.inputs)
        output_shape = tuple(outputs[0].shape[1:])
        type_name = module_type(module)
        macs = frame.macs or formula_macs(
            type_name, arguments, self._values(frame.inputs), self._values(outputs)
        )
        op = Op(
            index=len(self.ops),
            name=self._unique(frame.path),
            type=type_name,
            kind=module_kind(type(module)),
            inputs=inputs,
            input_shapes=input_shapes,
            output_shape=output_shape,
            params=params,
            macs=macs,
            reused=reused,
            module=frame.path,
            arguments=arguments,
            call=self._provenance.call_of(outputs[0]),
        )
        self._append(op, outputs)
        return op

    def _own_parameters(self, module: nn.Module) -> tuple[int, bool]:
        declared = list(module.parameters()) if module._modules else _direct_parameters(module)
        own = [p for p in declared if id(p) not in self.carried]
        reused = id(module) in self._called or bool(declared and not own)
        self._called.add(id(module))
        self.carried.update(id(p) for p in own)
        return sum(p.numel() for p in own), reused

    # -- functions -------------------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = function_type(func)
        try:
            result = self._answer(func, name, args, kwargs)
        except Exception as error:
            self._note_failure(name, args, kwargs, error)
            raise
        outputs = tensors_in(result)
        if not outputs:
            return result
        if name in PASSED_THROUGH:
            for source in tensors_in(args)[:1]:
                self._provenance.same(source, outputs[0])
            return result
        if self._leaf is None:
            self._record_function(name, args, kwargs, outputs)
        self._provenance.from_call(outputs, self.calls)
        self.calls += 1
        return result

    def _answer(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        known = answer(func, args, kwargs)
        if known is not None:
            return known
        if name not in MEASURED:
            return func(*args, **kwargs)
        with FlopCounterMode(display=False) as counter:
            result = func(*args, **kwargs)
        frame = self._leaf or self._stack[-1]
        frame.macs += counter.get_total_flops() // 2 // self._batch
        return result

    def _record_function(
        self, name: str, args: Sequence[Any], kwargs: dict[str, Any], outputs: list[Tensor]
    ) -> None:
        tensors = tensors_in((args, kwargs))
        inputs, input_shapes = self._provenance.links(tensors)
        arguments = function_arguments(name, args, kwargs)
        output_shape = tuple(outputs[0].shape[1:])
        frame = self._stack[-1]
        macs, frame.macs = frame.macs, 0
        op = Op(
            index=len(self.ops),
            name=self._unique(self._function_label(name)),
            type=name,
            kind=function_kind(name),
            inputs=inputs,
            input_shapes=input_shapes,
            output_shape=output_shape,
            params=0,
            macs=macs or formula_macs(name, arguments, self._values(tensors), self._values(outputs)),
            arguments=arguments,
            call=self.calls,
        )
        self._append(op, outputs)

    def _note_failure(self, name: str, args: Sequence[Any], kwargs: dict[str, Any], error: Exception) -> None:
        if self.failed is not None and self.failed.error is error:
            return
        if self._leaf is not None:
            label, type_name = self._leaf.path, module_type(self._leaf.module)
            path: str | None = label
            inputs, shapes = self._provenance.links(self._leaf.inputs)
            arguments = module_arguments(self._leaf.module)
        else:
            label, type_name, path = self._function_label(name), name, None
            inputs, shapes = self._provenance.links(tensors_in((args, kwargs)))
            arguments = function_arguments(name, args, kwargs)
        self.failed = FailedCall(self._unique(label), type_name, path, inputs, shapes, arguments, error)

    def _function_label(self, name: str) -> str:
        path = self._stack[-1].path
        return f"{path}.{name}" if path else name

    def innermost(self, error: BaseException) -> tuple[str, nn.Module]:
        """Path and module of the module that was at work when ``error`` was raised."""
        path, module, seen = self._broken
        return (path, module) if seen is error else ("", self.model)

    def _values(self, tensors: Sequence[Tensor]) -> int:
        """How many values of one image the first of ``tensors`` holds, wherever its batch dimension is."""
        return tensors[0].numel() // self._batch if tensors else 0

    def _append(self, op: Op, outputs: list[Tensor]) -> None:
        self.ops.append(op)
        if self.rebatched is None and outputs[0].shape[:1] != (self._batch,):
            self.rebatched = op.name
        self._provenance.from_op(outputs, op.index)

    def _unique(self, label: str) -> str:
        name = label
        while True:
            self._names[label] += 1
            if self._names[label] > 1:
                name = f"{label}_{self._names[label]}"
            if name not in self._taken:
                self._taken.add(name)
                return name


def _direct_parameters(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module._parameters.values() if p is not None]
