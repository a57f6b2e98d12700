"""Structural copies: private modules that share a model's weights, or have none at all.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that
a model shared between sessions stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose tensors are on the meta device: shapes without memory."""
    return _copy(model, {id(t): _on_meta(t) for t in _tensors(model)})


def sharing_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` with the same parameters (the same memory) and buffers of its own."""
    parameters = {id(p) for p in model.parameters()}
    return _copy(model, {id(t): t if id(t) in parameters else t.detach().clone() for t in _tensors(model)})


def _copy(model: nn.Module, replacements: dict[int, Tensor]) -> nn.Module:
    # deepcopy looks an object up here before it copies it: so tied weights stay tied, references
    # between modules stay references, and no weight is duplicated.
    memo: dict[int, object] = dict(replacements)
    try:
        duplicate = copy.deepcopy(model, memo)
    except Exception as error:
        raise CnnvizError(
            Message(
                "{model} cannot be copied ({error}); move what cannot be copied out of the module's attributes.",
                model=type(model).__name__,
                error=error,
            )
        ) from error
    for module in duplicate.modules():
        _drop_hooks(module)
    return duplicate.eval()


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))


def _on_meta(tensor: Tensor) -> Tensor:
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(tensor.detach().to("meta"), requires_grad=tensor.requires_grad)
    return tensor.detach().to("meta")


def _drop_hooks(module: nn.Module) -> None:
    # A person's hooks may have side effects (a list that grows, a file that is written). Only the
    # weight normalisations of older PyTorch need theirs: they compute the weight.
    for hooks in (module._forward_hooks, module._backward_hooks, module._backward_pre_hooks):
        hooks.clear()
    for key, hook in list(module._forward_pre_hooks.items()):
        if not type(hook).__module__.startswith("torch.nn.utils"):
            del module._forward_pre_hooks[key]
