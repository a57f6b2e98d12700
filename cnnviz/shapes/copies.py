"""Structural copies: private modules that share a model's weights, or have none at all.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that
a model shared between sessions stays as it is.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

_ATOMS = (int, float, str, bool, type(None), torch.dtype, torch.device)
_HOOKS = frozenset(name for name in vars(nn.Module()) if "_hooks" in name)


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose tensors are on the meta device: shapes without memory."""
    return _copy(model, {id(t): _on_meta(t) for t in _tensors(model)})


def sharing_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` with the same parameters (the same memory) and buffers of its own."""
    parameters = {id(p) for p in model.parameters()}
    return _copy(model, {id(t): t if id(t) in parameters else t.detach().clone() for t in _tensors(model)})


def _copy(model: nn.Module, replacements: dict[int, Tensor]) -> nn.Module:
    # What is in here already is not copied again: tied weights stay tied, references between modules
    # stay references, and no weight is duplicated.
    memo: dict[int, Any] = dict(replacements)
    try:
        return _copy_module(model, memo)
    except Exception as error:
        raise CnnvizError(
            Message(
                "{model} cannot be copied ({error}); move what cannot be copied out of the module's attributes.",
                model=type(model).__name__,
                error=error,
            )
        ) from error


def _copy_module(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """What ``copy.deepcopy`` gives, without hooks and in eval mode, several times as fast."""
    if id(module) in memo:
        known: nn.Module = memo[id(module)]
        return known
    if hasattr(type(module), "__deepcopy__"):  # parametrized layers know best how they are copied
        return copy.deepcopy(module, memo).eval()
    duplicate = type(module).__new__(type(module))
    memo[id(module)] = duplicate
    attributes: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name in _HOOKS:
            attributes[name] = _kept_hooks(value)
        elif name == "_modules":
            attributes[name] = {key: child and _copy_module(child, memo) for key, child in value.items()}
        elif name in ("_parameters", "_buffers"):
            attributes[name] = {key: None if t is None else memo[id(t)] for key, t in value.items()}
        elif name == "_non_persistent_buffers_set":
            attributes[name] = set(value)
        elif _is_plain(value):
            attributes[name] = value
        else:
            attributes[name] = copy.deepcopy(value, memo)
    attributes["training"] = False
    duplicate.__dict__.update(attributes)
    return duplicate


def _is_plain(value: object) -> bool:
    """Whether a value cannot change, so that copies may share it."""
    if isinstance(value, tuple):
        return all(isinstance(entry, _ATOMS) for entry in value)
    return isinstance(value, _ATOMS)


def _kept_hooks(hooks: Any) -> Any:
    # A person's hooks may have side effects (a list that grows, a file that is written). Only the
    # weight normalisations of older PyTorch need theirs: they compute the weight.
    if not hooks:
        return type(hooks)()
    return OrderedDict(
        (key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith("torch.nn.utils")
    )


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    for module in model.modules():
        for values in (module._parameters.values(), module._buffers.values(), vars(module).values()):
            yield from (value for value in values if isinstance(value, Tensor))


def _on_meta(tensor: Tensor) -> Tensor:
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(tensor.detach().to("meta"), requires_grad=tensor.requires_grad)
    return tensor.detach().to("meta")
