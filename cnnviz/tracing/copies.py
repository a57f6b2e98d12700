"""Private copies of a model: the same structure with other tensors in it.

Whoever must put hooks on a model, change a layer or switch its mode does it on such a copy, so that a model shared
between sessions stays as it is.
"""

from __future__ import annotations

import copy
import dis
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import WeakIdKeyDictionary

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.tracing.self_copying import CopiesItself, OfCopiedClass

_PLAIN = frozenset((int, float, str, bool, complex, bytes, type(None)))
"""Types of values that cannot change and refer to nothing."""

_LIBRARIES = ("torch", "torchvision")
"""Their functions refer to no layer of a person's."""

_ATOMS = _PLAIN | {torch.dtype, torch.device}
_COLLECTIONS = (list, dict, set, OrderedDict)
_SHARED = (type, BuiltinFunctionType, ModuleType)
_LAZY = (UninitializedParameter, UninitializedBuffer)
_HOOKS = frozenset(name for name in vars(nn.Module()) if "_hooks" in name)
_OF_FORWARD = frozenset(name for name in _HOOKS if name.startswith(("_forward_hooks", "_forward_pre_hooks")))
"""Where the hooks are that take part in a forward pass, and what is noted of them."""

_UNCOMPILED = "_torchdynamo_orig_callable"
"""The attribute with which ``torch.compile`` keeps what it made a function from."""

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

    Lazy layers stay lazy: the first forward pass of the copy gives them their sizes.

    Raises:
        CnnvizError: something in it cannot be copied.
    """
    return _copied(model, _without_values)[0]


def real_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` with tensors of its own on the CPU; what is on the meta device becomes zeros.

    Raises:
        CnnvizError: something in it cannot be copied.
    """
    return _copied(model, _real)[0]


def for_one_use(model: nn.Module) -> nn.Module:
    """``model``, which others use as well, or a copy of it where its forward pass may change it: a person's own code.

    Of the networks of cnnviz and of PyTorch none counts or collects anything in eval mode.
    """
    return real_copy(model) if isinstance(model, OfCopiedClass) else model


def copy_of_same_parameters(model: nn.Module) -> nn.Module:
    """A :func:`real_copy` but for the parameters: they share memory with those of ``model``, and the count of changes."""
    return _copied(
        model, lambda tensor: tensor.detach() if isinstance(tensor, nn.Parameter) else _real(tensor)
    )[0]


def copy_with_originals(model: nn.Module, meta: bool) -> tuple[nn.Module, dict[int, Tensor]]:
    """A :func:`meta_copy` or a :func:`real_copy`, and what each of its tensors, by id, is a copy of."""
    return _copied(model, _without_values if meta else _real)


_WHOLE_NUMBERS = WeakIdKeyDictionary()
"""What tensors of whole numbers on the meta device are copies of: indices may be out of range."""


def is_lazy(tensor: Tensor) -> bool:
    """Whether ``tensor`` belongs to a lazy layer that no forward pass has given a size as yet."""
    return type(tensor) in _LAZY


def _as_lazy(tensor: Tensor, device: str) -> Tensor:
    cls: Any = type(tensor)
    new: Tensor = cls(dtype=tensor.dtype, device=device)
    return new


def _without_values(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        return _as_lazy(tensor, "meta")
    if tensor.is_meta:
        return tensor.detach()
    copied = tensor.detach().to("meta")
    if not tensor.is_floating_point():
        _WHOLE_NUMBERS[copied] = tensor.detach()
    return copied


def values_of(tensor: Tensor) -> Tensor | None:
    """The values of a tensor of whole numbers in a :func:`meta_copy`; None where they are not known."""
    return _WHOLE_NUMBERS.get(tensor)  # type: ignore[no-any-return, no-untyped-call]


def _real(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        return _as_lazy(tensor, "cpu")
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
    """Copies as ``copy.deepcopy`` does, in eval mode, and many times as fast.

    What has been copied once is not copied again: tied weights stay tied, and references between
    modules stay references. Functions that refer to modules or tensors refer to the copies. Of the hooks
    those of the forward pass are copied, with what they may write into; what was compiled is a copy of
    what it was compiled from.
    """

    def __init__(self, model: nn.Module, convert: Callable[[Tensor], Tensor]) -> None:
        self.originals: dict[int, Tensor] = {}
        self._model = model
        self._convert = convert
        self._memo: dict[int, Any] = {}
        self._functions = _Functions(self.value, self._memo)
        self._empty: dict[int, tuple[nn.Module, nn.Module]] = {}  # copies without attributes as yet, by id
        self._pending: list[tuple[str, Any, Any]] = []  # hooks that are not copied as yet: kind, old, new
        self._opened: set[int] = set()  # ids of the modules whose children are being copied
        self._with_two_graphs: list[nn.Module] = []  # copies that may run another graph in eval mode
        self._prepared = False

    def copied(self) -> nn.Module:
        """The copy of the whole model."""
        model = self.module(self._model)
        while self._empty or self._pending:
            if self._empty:
                self._fill(*self._empty.popitem()[1])
            else:
                self._add_hooks(*self._pending.pop())
        for duplicate in self._with_two_graphs:
            duplicate.eval()
        return model

    def tensor(self, tensor: Tensor) -> Any:
        """The one copy of ``tensor``."""
        known = self._memo.get(id(tensor))
        if known is None:
            known = self._convert(tensor)
            if isinstance(tensor, nn.Parameter) and not is_lazy(tensor):
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
        if isinstance(module, fx.GraphModule):
            return self._graph_module(module)
        if hasattr(type(module), "__deepcopy__"):  # parametrized layers know best how they are copied
            _refuse_scripted(module)
            return self._deep_module(module)
        if _is_compiled(module):
            self._memo[id(module)] = stand_in = _UncompiledModule()
            stand_in._modules["_orig_mod"] = self.module(cast(nn.Module, module._orig_mod))
            return stand_in.eval()
        cls = self._class_of(module)
        duplicate = cls.__new__(cls)
        self._memo[id(module)] = duplicate
        self._fill(module, duplicate)
        return duplicate

    def _class_of(self, module: nn.Module) -> type[nn.Module]:
        """The class of the copy of ``module``; another one where the class holds what a forward pass may change."""
        cls = type(module)
        return cls.copied_class(self.value) if issubclass(cls, OfCopiedClass) else cls

    def _graph_module(self, module: fx.GraphModule) -> nn.Module:
        """The copy of a module that torch.fx made: each has a class of its own, which holds its ``forward``."""
        cls: Any = type(module)
        duplicate: fx.GraphModule = cls.__new__(cls)
        of_copy: Any = type(duplicate)
        of_copy.forward, of_copy.__name__ = cls.forward, cls.__name__
        self._memo[id(module)] = duplicate
        notes = vars(module).get("meta")  # about the graph; no pass changes them
        self._memo[id(notes)] = notes
        self._fill(module, duplicate)
        if module.training and "eval" not in vars(module):  # an exported program has one mode
            duplicate.training = True
            self._with_two_graphs.append(duplicate)
        return duplicate

    def _deep_module(self, module: nn.Module) -> nn.Module:
        """The copy that a module makes of itself, of children that are copied already."""
        self._prepare()
        if id(module) not in self._opened:  # a child may refer back to it
            self._opened.add(id(module))
            for child in module.children():
                self.module(child)
        return self._deep(module)  # type: ignore[no-any-return]

    def _fill(self, module: nn.Module, duplicate: nn.Module) -> None:
        attributes = vars(module).copy()
        for name, value in attributes.items():
            if name in _HOOKS:
                attributes[name] = self._hooks(name, value) if value else OrderedDict()
            elif name == "_compiled_call_impl":
                attributes[name] = None
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

    def _hooks(self, kind: str, hooks: Any) -> Any:
        """The hooks of the copy: they are put into it when all that they may refer to has been copied."""
        known = self._memo.get(id(hooks))
        if known is None:
            self._memo[id(hooks)] = known = OrderedDict()
            self._pending.append((kind, hooks, known))
        return known

    def _add_hooks(self, kind: str, hooks: Any, new: Any) -> None:
        """Those that a forward pass calls, each with a state of its own."""
        for key, hook in hooks.items():
            if type(hook).__module__.startswith("torch.nn.utils"):
                new[key] = hook  # the weight normalisations of older PyTorch compute the weight
            elif kind in _OF_FORWARD:
                with suppress(Exception):  # a hook that holds an open file, for one, cannot be copied
                    new[key] = self._functions.with_own_state(hook)

    def _handle(self, handle: RemovableHandle) -> RemovableHandle:
        """The handle that removes a hook of the copy, as a lazy layer does once it has a size."""
        new: Any = RemovableHandle.__new__(RemovableHandle)
        of_copies = [
            weakref.ref(self._hooks("_forward_hooks", hooks))
            for hooks in (handle.hooks_dict_ref(), *(ref() for ref in handle.extra_dict_ref))
            if hooks is not None
        ]
        new.id, new.extra_dict_ref = handle.id, tuple(of_copies[1:])
        new.hooks_dict_ref = of_copies[0] if of_copies else lambda: None
        return new  # type: ignore[no-any-return]

    def value(self, value: Any) -> Any:
        """A copy of any attribute; what cannot change is shared."""
        kind = type(value)
        if kind in _ATOMS or (kind in (tuple, frozenset) and _ATOMS.issuperset(map(type, value))):
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
        if isinstance(value, CopiesItself):
            return value.copied(self.value, self._memo)
        if kind in _COLLECTIONS:
            return self._collection(value)
        if kind is tuple:
            return tuple(map(self.value, value))
        if kind is RemovableHandle:
            return self._handle(value)
        if kind is MethodType:
            return MethodType(self.value(value.__func__), self.value(value.__self__))
        if kind is fx.Graph:
            new_graph: Any = fx.Graph.__new__(fx.Graph)
            vars(new_graph).update(vars(value), _owning_module=None)
            self._memo[id(value)] = new_graph
            return new_graph
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
                cls = self._class_of(module)
                self._memo[id(module)] = duplicate = cls.__new__(cls)
                self._empty[id(module)] = (module, duplicate)

    def _tidy(self, duplicate: Any) -> None:
        """Take from a module that deepcopy copied what it should not have."""
        if not isinstance(duplicate, nn.Module) or "_parameters" not in vars(duplicate):
            return
        for name, value in vars(duplicate).items():
            if name in _HOOKS:
                vars(duplicate)[name] = self._hooks(name, value)
            elif type(value) is FunctionType:
                vars(duplicate)[name] = self._functions.function(value)
        vars(duplicate)["training"] = False


def _is_compiled(module: nn.Module) -> bool:
    """Whether ``torch.compile`` made ``module`` from another one."""
    return _UNCOMPILED in vars(module) and "_orig_mod" in module._modules


class _UncompiledModule(nn.Module):
    """Stands for a compiled module, with its children's paths, and runs what it was compiled from."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Whatever the original takes and returns."""
        return self._orig_mod(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return self._modules[name]
        return getattr(self._orig_mod, name)


_UncompiledModule.__name__ = "OptimizedModule"


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
        self._with_state = False

    def function(self, function: FunctionType) -> Any:
        """``function`` bound to copies; itself where it refers to no layer and no tensor."""
        known = self._memo.get(id(function))
        if known is not None:
            return known
        if _UNCOMPILED in vars(function):
            return self._copied(vars(function)[_UNCOMPILED])
        return self._bound(function) if self._needs_copy(function) else function

    def with_own_state(self, hook: Any) -> Any:
        """``hook`` with copies of whatever it may change, a list that it fills, for one."""
        self._with_state = True
        try:
            return self._copied(hook)
        finally:
            self._with_state = False

    def _needs_copy(self, value: Any) -> bool:
        return _reaches(value, set(), self._with_state)

    def _bound(self, function: FunctionType) -> FunctionType:
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
        reaching = [name for name in names if self._needs_copy(original[name])]
        if not reaching:
            return original
        found: dict[str, Any] = self._memo.setdefault(id(original), dict(original))
        for name in reaching:
            found[name] = self._copied(original[name])
        return found

    def _referred(self, value: Any) -> Any:
        # What leads to no layer stays what it is: a list that a person's function fills, for one.
        return self._copied(value) if self._needs_copy(value) else value


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


def _reaches(value: Any, seen: set[int], state: bool) -> bool:
    """Whether a layer or a tensor can be reached from ``value``; with ``state``, whatever else could be changed."""
    if isinstance(value, (Tensor, nn.Module)):
        return True
    if type(value) in _PLAIN or id(value) in seen:
        return False
    if state and (isinstance(value, (list, dict, set, bytearray)) or _is_plain(value)):
        return True
    seen.add(id(value))
    if type(value) is FunctionType and _UNCOMPILED in vars(value):
        return True
    return any(_reaches(part, seen, state) for part in _parts(value))


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
