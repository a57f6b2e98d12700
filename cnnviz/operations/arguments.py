"""The arguments that determine an op's output shape, in one form for layers and functions.

Sizes of windows are tuples with one entry a spatial dimension, ``stride`` is never missing, and
dimensions count from 0 (the batch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from cnnviz.operations.operation import Operation

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
    """What a call of a function was given, by the arguments' names, tensors included."""
    return dict(zip(operation.arguments, args, strict=False)) | dict(kwargs)


def function_arguments(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Mapping[str, object]:
    """The arguments of a function call, tensors left out (of a weight, what its shape says)."""
    if operation.listed and len(args) > 1:
        sizes = args[1] if len(args) == 2 and isinstance(args[1], Sequence) else args[1:]
        return {operation.listed: tuple(sizes)}
    bound = bind(operation, args, kwargs)
    found = {key: value for key, value in bound.items() if not _holds_tensors(value)}
    if operation.complete is not None:
        operation.complete(bound, found)
    return _normalised({k: v for k, v in found.items() if v is not None}, operation.dimensions)


def _holds_tensors(value: object) -> bool:
    """Whether it is a tensor, or a list of them as ``cat`` takes it: an op keeps no tensor alive."""
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
