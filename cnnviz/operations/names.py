"""Names and kinds: what a module or function is called in tables, and which kind of op it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import nn
from torch.nn.modules import (
    activation,
    batchnorm,
    container,
    conv,
    dropout,
    instancenorm,
    pooling,
)

from cnnviz.operations.op import Kind

_MODULE_KINDS: tuple[tuple[Kind, tuple[type, ...]], ...] = (
    ("convolution", (conv._ConvNd,)),
    ("linear", (nn.Linear, nn.Bilinear)),
    (
        "normalisation",
        (
            batchnorm._NormBase,
            instancenorm._InstanceNorm,
            nn.LayerNorm,
            nn.GroupNorm,
            nn.RMSNorm,
            nn.LocalResponseNorm,
        ),
    ),
    ("dropout", (dropout._DropoutNd,)),
    ("reshape", (nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle)),
)
"""By class; activation and pooling modules are told by the torch.nn file that defines them."""

_FUNCTION_KINDS: dict[Kind, frozenset[str]] = {
    "merge": frozenset(
        "add sub mul div cat concat concatenate stack hstack vstack maximum minimum where".split()
    ),
    "reshape": frozenset(
        "flatten view reshape permute transpose squeeze unsqueeze unflatten expand chunk split getitem T mT H mH "
        "contiguous unbind pad swapaxes movedim roll pixel_shuffle channel_shuffle view_as reshape_as to clone "
        "detach repeat flip narrow select".split()
    ),
    "activation": frozenset(
        "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid tanh softmax log_softmax softmin "
        "softplus softsign hardtanh hardswish hardsigmoid hardshrink softshrink tanhshrink logsigmoid glu "
        "threshold exp gumbel_softmax".split()
    ),
    "linear": frozenset("linear bilinear matmul mm bmm addmm baddbmm einsum".split()),
    "other": frozenset(),
}
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
    return _derives_from_layer(cls) and all(name == _PARAMETRIZATIONS for name in children)


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


def module_kind(module: nn.Module) -> Kind:
    """The kind of op that a call of the leaf ``module`` is."""
    cls: type = type(module)
    return _class_kind(cls)


@lru_cache(maxsize=1024)
def _class_kind(cls: type) -> Kind:
    for kind, classes in _MODULE_KINDS:
        if issubclass(cls, classes):
            return kind
    files = {base.__module__ for base in cls.__mro__}
    if pooling.__name__ in files:
        return "pooling"
    if activation.__name__ in files and not issubclass(cls, nn.MultiheadAttention):
        return "activation"
    return "other"


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


@lru_cache(maxsize=4096)
def function_kind(name: str) -> Kind:
    """The kind of op that a call of the function ``name`` is."""
    for kind, names in _FUNCTION_KINDS.items():
        if name in names:
            return kind
    for part, kind in (
        ("conv", "convolution"),
        ("pool", "pooling"),
        ("norm", "normalisation"),
        ("dropout", "dropout"),
    ):
        if part in name:
            return kind
    return "other"
