"""Names: what a module or function is called in tables, and which operation of the registry it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import nn
from torch.nn.modules import container

from cnnviz.operations.operation import UNKNOWN, LayerOperation, named, of_class

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
    return (_derives_from_layer(cls) or named(cls) is not UNKNOWN) and all(
        name == _PARAMETRIZATIONS for name in children
    )


@lru_cache(maxsize=1024)
def _derives_from_layer(cls: type) -> bool:
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
    """The name of a function as tables show it: ``__add__`` and ``add_`` are ``add``, ``.T`` is ``T``."""
    name: str = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":  # an attribute such as Tensor.T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        if name[:1] in "ir" and name[1:] in ("add", "sub", "mul", "truediv", "matmul"):
            name = name[1:]
    name = name.strip("_")
    return _OPERATOR_NAMES.get(name, name)
