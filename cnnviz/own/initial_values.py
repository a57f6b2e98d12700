"""Constructors without memory: tensors are made on the meta device, and no weight gets a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.utils._device import DeviceContext, _device_constructors


class WithoutMemory(DeviceContext):
    """``torch.device("meta")``, within which weights get no initial values either: half the time of a large network.

    What PyTorch would refuse is still refused: only calls that it takes are left out. One mode does both, as every call
    of PyTorch passes through all of them.
    """

    def __init__(self) -> None:
        super().__init__("meta")

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        takes = _TAKEN.get(func)
        if takes is not None:
            tensor = given["tensor"] if "tensor" in given else args[0]
            if type(tensor) in _TENSORS and tensor.is_meta and takes(tensor, args, given):
                return tensor
        elif func in _CONSTRUCTORS and given.get("device") is None:
            given["device"] = self.device
        return func(*args, **given)


_CONSTRUCTORS = frozenset(_device_constructors())
_TENSORS = frozenset((Tensor, nn.Parameter))
_LARGEST = 1e6
"""Of bounds and slopes; what lies beyond may be too much for a tensor's type."""
_MODES = frozenset(("fan_in", "fan_out"))
_NONLINEARITIES = frozenset(("leaky_relu", "relu", "linear"))


def _kaiming(tensor: Tensor, _args: tuple[Any, ...], given: Mapping[str, Any]) -> bool:
    return (
        tensor.dim() >= 2
        and 0 not in tensor.shape
        and tensor.is_floating_point()
        and _is_usual(given.get("a", 0))
        and given.get("mode", "fan_in") in _MODES
        and given.get("nonlinearity", "leaky_relu") in _NONLINEARITIES
    )


def _uniform(tensor: Tensor, _args: tuple[Any, ...], given: Mapping[str, Any]) -> bool:
    low, high = given.get("a", 0.0), given.get("b", 1.0)
    return _is_usual(low) and _is_usual(high) and low <= high and tensor.is_floating_point()


def _filled(tensor: Tensor, args: tuple[Any, ...], given: Mapping[str, Any]) -> bool:
    """Whether a tensor may be filled with one number."""
    usual = not given and len(args) <= 2 and all(map(_is_usual, args[1:]))
    return usual and not (tensor.requires_grad and torch.is_grad_enabled())


def _is_usual(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _LARGEST


_TAKEN: Mapping[Callable[..., Any], Callable[[Tensor, tuple[Any, ...], Mapping[str, Any]], bool]] = {
    init.kaiming_uniform_: _kaiming,
    init.uniform_: _uniform,
    Tensor.fill_: _filled,
    Tensor.zero_: _filled,
}
"""Functions that give values, and whether PyTorch takes what they are given."""
