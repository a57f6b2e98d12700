"""Private copies of a model: the same structure with other tensors in it.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that a model shared
between sessions stays as it is.
"""

from __future__ import annotations

import copy
import dis
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

_PLAIN = frozenset((int, float, str, bool, complex, bytes, type(None)))
"""Types of values that cannot change and refer to nothing."""

_LIBRARIES = ("torch", "torchvision")
"""Their functions refer to no layer of a person's."""

_ATOMS = _PLAIN | {torch.dtype, torch.device}
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
            Message("A scripted module hides its operations; trace the original module instead.")
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
                "{model} cannot be copied ({error}); remove whatever cannot be copied from the module's "
                "attributes.",
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
        self._functions = _Functions(self.value, self._memo)
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
                        "{model} has lazy layers without sizes; run it once on an input first.",
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
        if _is_plain(value):
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


# -- functions of a person's own -----------------------------------------------------------------


class _Functions:
    """Functions that refer to layers or tensors, bound to the private copies of these.

    A lambda may hold a layer in a closure or in a default, a method may name one as a global variable. Called on a
    copy, it would run the person's own layer: its hooks, its running statistics. ``copied`` copies whatever a
    function refers to, ``memo`` has the copies by id.
    """

    def __init__(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> None:
        self._copied = copied
        self._memo = memo
        self._of_class: dict[type, Mapping[str, FunctionType]] = {}

    def function(self, function: FunctionType) -> FunctionType:
        """``function`` bound to copies; itself where it refers to no layer and no tensor."""
        known: FunctionType | None = self._memo.get(id(function))
        if known is not None:
            return known
        if not _reaches(function, set()):
            return function
        cells = [(cell, self._new_cell(cell)) for cell in function.__closure__ or ()]
        bound = FunctionType(
            function.__code__,
            self._globals(function),
            function.__name__,
            None,
            tuple(new for _, (new, _) in cells) if cells else None,
        )
        self._memo[id(function)] = bound  # before what it refers to: that may be the function itself
        for cell, (new, fresh) in cells:
            if fresh and _is_full(cell):
                new.cell_contents = self._referred(cell.cell_contents)
        bound.__defaults__ = self._referred(function.__defaults__)
        bound.__kwdefaults__ = self._referred(function.__kwdefaults__)
        vars(bound).update(vars(function))
        bound.__qualname__, bound.__module__ = function.__qualname__, function.__module__
        return bound

    def methods(self, cls: type) -> Mapping[str, FunctionType]:
        """Those methods of ``cls`` that refer to layers or tensors, bound to copies."""
        known = self._of_class.get(cls)
        if known is None:
            self._of_class[cls] = known = {}
            for name, function in _own_methods(cls).items():
                bound = self.function(function)
                if bound is not function:
                    known[name] = bound
        return known

    def _new_cell(self, cell: CellType) -> tuple[CellType, bool]:
        """The copy of a variable that functions may share, and whether it was made just now."""
        known = self._memo.get(id(cell))
        if known is not None:
            return known, False
        self._memo[id(cell)] = new = CellType()
        return new, True

    def _globals(self, function: FunctionType) -> dict[str, Any]:
        """The global variables of a function, those that refer to layers or tensors replaced."""
        original = function.__globals__
        names = [name for name in _global_names(function.__code__) if name in original]
        reaching = [name for name in names if _reaches(original[name], set())]
        if not reaching:
            return original
        found: dict[str, Any] = self._memo.setdefault(id(original), dict(original))
        for name in reaching:
            found[name] = self._copied(original[name])
        return found

    def _referred(self, value: Any) -> Any:
        # What leads to no layer stays what it is: a list that a person's function fills, for one.
        return self._copied(value) if _reaches(value, set()) else value


def _is_plain(value: object) -> bool:
    """Whether ``value`` is an object with attributes and no rules of its own about how it is copied."""
    cls = type(value)
    return (
        hasattr(value, "__dict__")
        and cls.__new__ is object.__new__
        and cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and cls.__getstate__ is object.__getstate__
        and not any(hasattr(cls, name) for name in ("__setstate__", "__deepcopy__", "__slots__"))
    )


def _reaches(value: Any, seen: set[int]) -> bool:
    """Whether a layer or a tensor can be reached from ``value``."""
    if isinstance(value, (Tensor, nn.Module)):
        return True
    if type(value) in _PLAIN or id(value) in seen:
        return False
    seen.add(id(value))
    return any(_reaches(part, seen) for part in _parts(value))


def _parts(value: Any) -> Iterable[Any]:
    """What ``value`` refers to."""
    match value:
        case list() | tuple() | set() | frozenset():
            return value
        case dict():
            return value.values()
        case partial():
            return (value.func, *value.args, *value.keywords.values())
        case MethodType():
            return (value.__self__, value.__func__)
        case FunctionType():
            return _parts_of_function(value)
    return vars(value).values() if _is_plain(value) else ()


def _parts_of_function(function: FunctionType) -> Iterable[Any]:
    if _is_library(function.__module__):
        return ()
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    named = [function.__globals__.get(name) for name in _global_names(function.__code__)]
    return (*cells, *named, function.__defaults__, function.__kwdefaults__)


def _own_methods(cls: type) -> dict[str, FunctionType]:
    """The methods that a person wrote for ``cls``, those of a derived class before those of its bases."""
    found: dict[str, FunctionType] = {}
    for base in cls.__mro__:
        if not _is_library(base.__module__):
            for name, value in vars(base).items():
                if isinstance(value, FunctionType) and not (name.startswith("__") and name.endswith("__")):
                    found.setdefault(name, value)
    return found


def _is_library(module: str | None) -> bool:
    return (module or "").partition(".")[0] in _LIBRARIES


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  the question is whether it raises
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _global_names(code: CodeType) -> frozenset[str]:
    """The names of global variables that ``code`` reads, functions inside of it included."""
    names = {
        str(instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    inner = (_global_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return frozenset(names).union(*inner)
