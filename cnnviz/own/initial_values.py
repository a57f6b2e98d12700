"""Constructors without memory: where no weight has a value, none is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode


class WithoutInitialValues(TorchFunctionMode):
    """Inside, weights on the meta device get no initial values: a third of the time of building a large network.

    What PyTorch would refuse is still refused: only calls that it takes are left out.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        takes = _TAKEN.get(func)
        given = kwargs or {}
        if takes is not None:
            tensor = given["tensor"] if "tensor" in given else args[0]
            if type(tensor) in _TENSORS and tensor.is_meta and takes(tensor, given):
                return tensor
        return func(*args, **given)


_TENSORS = frozenset((Tensor, nn.Parameter))
_LARGEST = 1e6
"""Of bounds and slopes; what lies beyond may be too much for a tensor's type."""
_MODES = frozenset(("fan_in", "fan_out"))
_NONLINEARITIES = frozenset(("leaky_relu", "relu", "linear"))


def _kaiming(tensor: Tensor, given: Mapping[str, Any]) -> bool:
    return (
        tensor.dim() >= 2
        and 0 not in tensor.shape
        and tensor.is_floating_point()
        and _is_usual(given.get("a", 0))
        and given.get("mode", "fan_in") in _MODES
        and given.get("nonlinearity", "leaky_relu") in _NONLINEARITIES
    )


def _uniform(tensor: Tensor, given: Mapping[str, Any]) -> bool:
    low, high = given.get("a", 0.0), given.get("b", 1.0)
    return _is_usual(low) and _is_usual(high) and low <= high and tensor.is_floating_point()


def _is_usual(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _LARGEST


_TAKEN: Mapping[Callable[..., Any], Callable[[Tensor, Mapping[str, Any]], bool]] = {
    init.kaiming_uniform_: _kaiming,
    init.uniform_: _uniform,
}
"""Functions that draw, and whether PyTorch takes what they are given."""
