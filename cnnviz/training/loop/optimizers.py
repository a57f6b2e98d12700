"""PyTorch's optimizers, without what only ``torch.compile`` needs of them.

Their numbers are the same. But PyTorch's own load the compiler as soon as the first one is made or makes a step:
two seconds before the first step of a training, and a hundred megabytes, for nothing where nothing is compiled.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class _Eager(torch.optim.Optimizer):
    """Makes its steps without a gradient being recorded, as PyTorch's own do after a word to the compiler."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Change the parameters by their gradients; see the class of the same name in ``torch.optim``."""
        loss: Tensor | None = _original(super().step)(self, closure)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        _original(super().zero_grad)(self, set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take further parameters."""
        _original(super().add_param_group)(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        """The state as plain values and tensors."""
        return dict(_original(super().state_dict)(self))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a state that :meth:`state_dict` gave."""
        _original(super().load_state_dict)(self, state_dict)


class SGD(_Eager, torch.optim.SGD):
    """See :class:`torch.optim.SGD`."""


class Adam(_Eager, torch.optim.Adam):
    """See :class:`torch.optim.Adam`."""


class AdamW(_Eager, torch.optim.AdamW):
    """See :class:`torch.optim.AdamW`."""


def _original(method: Callable[..., Any]) -> Callable[..., Any]:
    """The function below a method's decorators, without ``self``'s being bound."""
    function: Callable[..., Any] = inspect.unwrap(getattr(method, "__func__", method))
    return function
