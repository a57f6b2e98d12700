"""How a layer or a function call is read: its name in tables, its operation, and the arguments that decide its shape.

In the arguments of layers and functions alike, sizes of windows are tuples with one entry per spatial dimension,
``stride`` is always there, and dimensions count from 0 (the batch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules import container

from cnnviz.operations.operation import UNKNOWN, LayerOperation, Operation, named, of_class

_OPERATOR_NAMES = {
    "truediv": "div",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
}
_PARAMETRIZATIONS = "parametrizations"
"""The child that ``torch.nn.utils.parametrize`` gives to a layer."""


def is_leaf(module: nn.Module) -> bool:
    """Whether ``module`` is a layer of ``torch.nn`` (or derived from one) that calls no other layer."""
    if isinstance(module, nn.MultiheadAttention):  # uses the weights of its child and never calls it
        return True
    children = (name for name, child in module._modules.items() if child is not None)
    cls: type = type(module)
    return (derives_from_layer(cls) or named(cls) is not UNKNOWN) and all(
        name == _PARAMETRIZATIONS for name in children
    )


@lru_cache(maxsize=1024)
def derives_from_layer(cls: type) -> bool:
    """Whether ``cls`` is a layer of ``torch.nn``, or derived from one."""
    return any(
        base.__module__.startswith("torch.nn.modules.") and base.__module__ != container.__name__
        for base in cls.__mro__
        if base is not nn.Module
    )


def module_type(module: nn.Module) -> str:
    """The class name; a parametrized layer goes by the class it had before."""
    name = type(module).__name__
    return name.removeprefix("Parametrized") if _PARAMETRIZATIONS in module._modules else name


def layer_operation(module: nn.Module) -> LayerOperation:
    """The operation of the leaf ``module``."""
    cls: type = type(module)
    return of_class(cls)


@lru_cache(maxsize=4096)
def function_type(func: Callable[..., Any]) -> str:
    """The name of a function as tables show it: ``__add__`` and ``add_`` are ``add``, ``.T`` is ``T``.

    Of ``add.Tensor``, which an exported program calls, it is ``add``, too.
    """
    name: str = getattr(func, "__name__", type(func).__name__)
    if isinstance(func, OpOverload):
        name = name.partition(".")[0]
    if name == "__get__":  # an attribute such as Tensor.T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        if name[:1] in "ir" and name[1:] in ("add", "sub", "mul", "truediv", "matmul"):
            name = name[1:]
    name = name.strip("_").removeprefix("special_").removeprefix("linalg_")
    return _OPERATOR_NAMES.get(name, name)


_WINDOW = ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size")


def module_arguments(module: nn.Module, operation: Operation) -> Mapping[str, object]:
    """The arguments of a layer, read from its attributes."""
    wanted = operation.layer_attributes
    found = {name: value for name, value in vars(module).items() if name in wanted}
    if "in_channels" in found or "in_features" in found or "in1_features" in found:
        found["bias"] = getattr(module, "bias", None) is not None
    elif "hidden_size" in found:
        found["bias"] = bool(getattr(module, "bias", False))
    return _normalised(found, operation.dimensions)


def bind(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function call by name, tensors included."""
    return dict(zip(operation.arguments, args, strict=False)) | dict(kwargs)


def function_arguments(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Mapping[str, object]:
    """The arguments of a function call without its tensors; sizes are read off the shape of a weight."""
    if operation.listed and len(args) > 1:
        sizes = args[1] if len(args) == 2 and isinstance(args[1], Sequence) else args[1:]
        return {operation.listed: tuple(sizes)}
    bound = bind(operation, args, kwargs)
    found = {key: value for key, value in bound.items() if not _holds_tensors(value)}
    if operation.complete is not None:
        operation.complete(bound, found)
    return _normalised({k: v for k, v in found.items() if v is not None}, operation.dimensions)


def _holds_tensors(value: object) -> bool:
    """Whether ``value`` is a tensor or a list of tensors, as for ``cat``; an op keeps no tensor alive."""
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return isinstance(first, Tensor)


def _normalised(found: dict[str, Any], dimensions: int) -> Mapping[str, object]:
    if not dimensions:
        return found
    if "kernel_size" in found:
        if found.get("stride") in (None, [], ()):
            found["stride"] = 1 if "in_channels" in found else found["kernel_size"]
        if "in_channels" in found:
            found.setdefault("groups", 1)
        found.setdefault("padding", 0)
        found.setdefault("dilation", 1)
        found.setdefault("ceil_mode", False)
    for key in _WINDOW:
        if key in found:
            found[key] = _per_dimension(found[key], dimensions)
    return found


def _per_dimension(value: Any, dimensions: int) -> str | tuple[int | None, ...]:
    if isinstance(value, str) or (type(value) is tuple and len(value) == dimensions):
        return value
    if isinstance(value, Sequence):
        sizes = tuple(value)
        return sizes * dimensions if len(sizes) == 1 else sizes
    return (value,) * dimensions
