"""Structural copies: private modules of the same structure with other tensors in them.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that
a model shared between sessions stays as it is.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.tracing.closures import ATOMS, Functions, is_plain

_ATOMS = ATOMS | {torch.dtype, torch.device}
_SHARED = (type, BuiltinFunctionType, ModuleType)
_LAZY = (UninitializedParameter, UninitializedBuffer)
_HOOKS = frozenset(name for name in vars(nn.Module()) if "_hooks" in name)
_OWN = frozenset(("_parameters", "_buffers", "_modules"))


def uncompiled(model: nn.Module) -> nn.Module:
    """``model``, or the one that ``torch.compile`` made it from.

    Raises:
        CnnvizError: it is a scripted module.
    """
    _refuse_scripted(model)
    original = getattr(model, "_orig_mod", None)  # where torch.compile keeps it
    return original if isinstance(original, nn.Module) else model


def _refuse_scripted(module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise CnnvizError(
            Message("A scripted module hides its operations; trace the module that it was made from.")
        )


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose tensors are on the meta device: shapes without memory.

    Raises:
        CnnvizError: something in it cannot be copied, or it has lazy layers without a size.
    """
    return _copied(model, _without_values)[0]


def real_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` with tensors of its own on the CPU; what is on the meta device becomes zeros.

    Raises:
        CnnvizError: something in it cannot be copied, or it has lazy layers without a size.
    """
    return _copied(model, _real)[0]


def copy_with_originals(model: nn.Module, meta: bool) -> tuple[nn.Module, dict[int, Tensor]]:
    """A :func:`meta_copy` or a :func:`real_copy`, and what each of its tensors, by id, is a copy of."""
    return _copied(model, _without_values if meta else _real)


def _without_values(tensor: Tensor) -> Tensor:
    return tensor.detach() if tensor.is_meta else tensor.detach().to("meta")


def _real(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return tensor.detach().to("cpu", copy=True)


def _copied(model: nn.Module, convert: Callable[[Tensor], Tensor]) -> tuple[nn.Module, dict[int, Tensor]]:
    copier = _Copier(model, convert)
    try:
        return copier.copied(), copier.originals
    except CnnvizError:
        raise
    except Exception as error:
        raise CnnvizError(
            Message(
                "{model} cannot be copied ({error}); move what cannot be copied out of the module's attributes.",
                model=type(model).__name__,
                error=error,
            )
        ) from error


class _Copier:
    """Copies as ``copy.deepcopy`` does, without hooks, in eval mode, and many times as fast.

    What has been copied once is not copied again: tied weights stay tied, and references between
    modules stay references. Functions that refer to modules or tensors refer to the copies.
    """

    def __init__(self, model: nn.Module, convert: Callable[[Tensor], Tensor]) -> None:
        self.originals: dict[int, Tensor] = {}
        self._model = model
        self._convert = convert
        self._memo: dict[int, Any] = {}
        self._functions = Functions(self.value, self._memo)
        self._empty: dict[int, tuple[nn.Module, nn.Module]] = {}  # copies without attributes as yet, by id
        self._prepared = False

    def copied(self) -> nn.Module:
        """The copy of the whole model."""
        model = self.module(self._model)
        while self._empty:
            self._fill(*self._empty.popitem()[1])
        return model

    def tensor(self, tensor: Tensor) -> Any:
        """The one copy of ``tensor``."""
        known = self._memo.get(id(tensor))
        if known is None:
            if type(tensor) in _LAZY:
                raise CnnvizError(
                    Message(
                        "{model} has lazy layers that do not know their sizes yet; run it once on an input first.",
                        model=type(self._model).__name__,
                    )
                )
            known = self._convert(tensor)
            if type(tensor) is nn.Parameter or isinstance(tensor, nn.Parameter):
                known = nn.Parameter(known, requires_grad=tensor.requires_grad)
            self._memo[id(tensor)] = known
            self.originals[id(known)] = tensor
        return known

    def module(self, module: nn.Module) -> nn.Module:
        """The one copy of ``module``, in eval mode."""
        known = self._memo.get(id(module))
        if known is not None:
            if id(module) in self._empty:
                self._fill(*self._empty.pop(id(module)))
            return known  # type: ignore[no-any-return]
        if hasattr(type(module), "__deepcopy__"):  # parametrized layers know best how they are copied
            _refuse_scripted(module)
            return self._deep(module)  # type: ignore[no-any-return]
        duplicate = type(module).__new__(type(module))
        self._memo[id(module)] = duplicate
        self._fill(module, duplicate)
        return duplicate

    def _fill(self, module: nn.Module, duplicate: nn.Module) -> None:
        attributes = vars(module).copy()
        for name, value in attributes.items():
            if name in _HOOKS:
                attributes[name] = _kept_hooks(value) if value else type(value)()
            elif name in _OWN:  # never shared by two modules, and most of them empty
                attributes[name] = new = value.copy()
                for key in new:
                    new[key] = self.value(new[key])
            elif name == "_non_persistent_buffers_set":
                attributes[name] = value.copy()
            elif type(value) not in _ATOMS:
                attributes[name] = self.value(value)
        for name, function in self._functions.methods(type(module)).items():
            attributes.setdefault(name, MethodType(function, duplicate))
        vars(duplicate).update(attributes, training=False)

    def value(self, value: Any) -> Any:
        """A copy of any attribute; what cannot change is shared."""
        kind = type(value)
        if kind in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, value))):
            return value
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, nn.Module):
            return self.module(value)
        if kind is FunctionType:
            return self._functions.function(value)
        if isinstance(value, _SHARED):
            return value
        known = self._memo.get(id(value))
        return self._new(value, kind) if known is None else known

    def _new(self, value: Any, kind: type) -> Any:
        """A copy of what has not been copied before and refers to other things."""
        if kind in (list, dict, set):
            return self._collection(value)
        if kind is tuple:
            return tuple(map(self.value, value))
        if kind is MethodType:
            return MethodType(self.value(value.__func__), self.value(value.__self__))
        if kind is partial:
            given = {key: self.value(entry) for key, entry in value.keywords.items()}
            return partial(self.value(value.func), *map(self.value, value.args), **given)
        if is_plain(value):
            new: Any = object.__new__(kind)
            self._memo[id(value)] = new  # before what it refers to: that may refer back to it
            vars(new).update((key, self.value(entry)) for key, entry in vars(value).items())
            return new
        return self._deep(value)

    def _collection(self, value: Any) -> Any:
        new: Any = type(value)()
        self._memo[id(value)] = new
        if isinstance(value, list):
            new.extend(map(self.value, value))
        elif isinstance(value, dict):
            new.update((key, self.value(entry)) for key, entry in value.items())
        else:
            new.update(map(self.value, value))
        return new

    def _deep(self, value: Any) -> Any:
        """What only deepcopy can copy may refer to any tensor or module: it finds the copies in its memo."""
        self._prepare()
        before = set(self._memo)
        duplicate = copy.deepcopy(value, self._memo)
        for key in self._memo.keys() - before:
            self._tidy(self._memo[key])
        return duplicate

    def _prepare(self) -> None:
        if self._prepared:
            return
        self._prepared = True
        for module in self._model.modules():
            for values in (module._parameters, module._buffers, vars(module)):
                for entry in values.values():
                    if isinstance(entry, Tensor):
                        self.tensor(entry)
            if id(module) not in self._memo and not hasattr(type(module), "__deepcopy__"):
                self._memo[id(module)] = duplicate = type(module).__new__(type(module))
                self._empty[id(module)] = (module, duplicate)

    def _tidy(self, duplicate: Any) -> None:
        """Take from a module that deepcopy copied what it should not have."""
        if not isinstance(duplicate, nn.Module) or "_parameters" not in vars(duplicate):
            return
        for name, value in vars(duplicate).items():
            if name in _HOOKS:
                vars(duplicate)[name] = _kept_hooks(value)
            elif type(value) is FunctionType:
                vars(duplicate)[name] = self._functions.function(value)
        vars(duplicate)["training"] = False


def _kept_hooks(hooks: Any) -> Any:
    # A person's hooks may have side effects (a list that grows, a file that is written). Only the
    # weight normalisations of older PyTorch need theirs: they compute the weight.
    return OrderedDict(
        (key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith("torch.nn.utils")
    )
