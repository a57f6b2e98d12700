"""Structural copies: private modules of the same structure with other tensors in them.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that
a model shared between sessions stays as it is.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

_ATOMS = (int, float, str, bool, type(None), torch.dtype, torch.device)
_HOOKS = frozenset(name for name in vars(nn.Module()) if "_hooks" in name)


def uncompiled(model: nn.Module) -> nn.Module:
    """``model``, or the one that ``torch.compile`` made it from.

    Raises:
        CnnvizError: it is a scripted module.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise CnnvizError(
            Message("A scripted module hides its operations; trace the module that it was made from.")
        )
    original = getattr(model, "_orig_mod", None)  # where torch.compile keeps it
    return original if isinstance(original, nn.Module) else model


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose tensors are on the meta device: shapes without memory.

    Raises:
        CnnvizError: something in it cannot be copied, or it has lazy layers without a size.
    """
    return _copied(model, lambda tensor: tensor.detach().to("meta"))


def real_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` with tensors of its own on the CPU; what is on the meta device becomes zeros.

    Raises:
        CnnvizError: something in it cannot be copied, or it has lazy layers without a size.
    """
    return _copied(model, _real)


def _real(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return tensor.detach().to("cpu", copy=True)


def _copied(model: nn.Module, convert: Callable[[Tensor], Tensor]) -> nn.Module:
    if any(
        isinstance(tensor, (UninitializedParameter, UninitializedBuffer))
        for tensor in [*model.parameters(), *model.buffers()]
    ):
        raise CnnvizError(
            Message(
                "{model} has lazy layers that do not know their sizes yet; run it once on an input first.",
                model=type(model).__name__,
            )
        )
    try:
        return _Copier(model, convert).module(model)
    except Exception as error:
        raise CnnvizError(
            Message(
                "{model} cannot be copied ({error}); move what cannot be copied out of the module's attributes.",
                model=type(model).__name__,
                error=error,
            )
        ) from error


class _Copier:
    """Copies as ``copy.deepcopy`` does, without hooks, in eval mode, and several times as fast.

    What has been copied once is not copied again: tied weights stay tied, and references between
    modules stay references.
    """

    def __init__(self, model: nn.Module, convert: Callable[[Tensor], Tensor]) -> None:
        self._convert = convert
        self._memo: dict[int, Any] = {}
        # An attribute that only deepcopy can copy may refer to any tensor: it finds them here.
        for module in model.modules():
            for values in (module._parameters, module._buffers, vars(module)):
                for value in values.values():
                    if isinstance(value, Tensor):
                        self.tensor(value)

    def tensor(self, tensor: Tensor) -> Any:
        """The one copy of ``tensor``."""
        if id(tensor) not in self._memo:
            new = self._convert(tensor)
            if isinstance(tensor, nn.Parameter):
                new = nn.Parameter(new, requires_grad=tensor.requires_grad)
            self._memo[id(tensor)] = new
        return self._memo[id(tensor)]

    def module(self, module: nn.Module) -> nn.Module:
        """The one copy of ``module``, in eval mode."""
        known = self._memo.get(id(module))
        if known is not None:
            return known  # type: ignore[no-any-return]
        if hasattr(type(module), "__deepcopy__"):  # parametrized layers know best how they are copied
            return copy.deepcopy(module, self._memo).eval()
        duplicate = type(module).__new__(type(module))
        self._memo[id(module)] = duplicate
        attributes = {
            name: _kept_hooks(value) if name in _HOOKS else self.value(value)
            for name, value in vars(module).items()
        }
        duplicate.__dict__.update(attributes, training=False)
        return duplicate

    def value(self, value: Any) -> Any:
        """A copy of any attribute; what cannot change is shared."""
        if isinstance(value, _ATOMS):
            return value
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, nn.Module):
            return self.module(value)
        kind = type(value)
        if kind is dict:
            return {key: self.value(entry) for key, entry in value.items()}
        if kind in (list, tuple, set):
            return kind(self.value(entry) for entry in value)
        return copy.deepcopy(value, self._memo)


def _kept_hooks(hooks: Any) -> Any:
    # A person's hooks may have side effects (a list that grows, a file that is written). Only the
    # weight normalisations of older PyTorch need theirs: they compute the weight.
    if not hooks:
        return type(hooks)()
    return OrderedDict(
        (key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith("torch.nn.utils")
    )
