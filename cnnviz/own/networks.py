"""Instances of a text's classes as real modules of PyTorch, so that everything that takes a network takes them.

Their ``forward`` goes through the interpreter; their layers, parameters and buffers are registered as usual.
"""

from __future__ import annotations

import ast
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from cnnviz.language import Message
from cnnviz.own.operators import DICTS, TENSORS
from cnnviz.own.values import Function, LayerClass, OwnClass, Refused, Value, type_name
from cnnviz.tracing.mistakes import WrittenMethod
from cnnviz.tracing.self_copying import OfCopiedClass

_OF_PYTORCH = frozenset(
    (
        "own_class",
        "written_methods",
        *dir(nn.Module),
        *vars(nn.Module()),
        *dir(nn.Sequential),
        *dir(nn.ModuleList),
        *dir(nn.ModuleDict),
    )
)
_PLAIN = frozenset((bool, int, float, str, tuple, type(None)))
_MAY_BE_HIDDEN = frozenset(
    ("type", "half", "float", "double", "bfloat16", "training", "extend", "append", "insert")
)
"""Names of PyTorch's modules that an attribute may have: nothing inside of PyTorch asks for these."""
_READY = "_own_ready"
"""Whether ``nn.Module.__init__`` has been called by the text."""
_OF_BASE = "_own_of_base"
"""The names of what the constructor of a layer of PyTorch's has put into an instance that is derived from it."""

CallMethod = Callable[[OwnClass, nn.Module, str, tuple[Any, ...], dict[str, Any]], Any]
_CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)
CALLED_BY_LAYERS = ("reset_parameters", "_conv_forward")
"""Methods that PyTorch's layers call, and that a class derived from one may have itself."""


class OwnModule(OfCopiedClass):
    """What all instances of classes of a text have in common."""

    own_class: OwnClass

    @classmethod
    def copied_class(cls, copied: Callable[[Any], Any]) -> type[nn.Module]:
        """The class of a copy: a forward pass may change a list of the class, or one beside it in the text."""
        own: OwnClass = copied(cls.own_class)
        assert own.cls is not None
        return own.cls

    @classmethod
    def written_methods(cls) -> list[WrittenMethod]:
        """The methods as they are written in the text, with those of the classes it is derived from."""
        found = {
            name: value
            for known in reversed(cls.own_class.ancestry())
            for name, value in known.members.items()
            if type(value) is Function and value.node is not None
        }
        return [_written(function.node) for function in found.values() if function.node is not None]


def _written(node: ast.FunctionDef) -> WrittenMethod:
    spec = node.args
    inside = [found for statement in node.body for found in ast.walk(statement)]
    return WrittenMethod(
        node.name,
        tuple(argument.arg for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)[1:]),
        frozenset(n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)),
        frozenset(n.name for n in inside if isinstance(n, ast.FunctionDef)),
        frozenset(n.attr for n in inside if isinstance(n, ast.Attribute)),
    )


def may_be_base(base: LayerClass) -> bool:
    """Whether a class of a text may be derived from ``base``; a lazy layer turns into another one."""
    return base.cls in _CONTAINERS or (base.name != "ParameterList" and not base.name.startswith("Lazy"))


def is_layer(base: LayerClass) -> bool:
    """Whether ``base`` is a layer, and no container of layers."""
    return base.cls not in _CONTAINERS


def module_class(own: OwnClass, base: LayerClass, call_method: CallMethod) -> type[nn.Module]:
    """The class of the instances of ``own``; its ``forward`` is the text's, where the text has one.

    Raises:
        Refused: it is derived from a layer, and has a method that this layer needs itself.
    """
    members: dict[str, Any] = {"own_class": own, "__module__": __name__}
    passed_on = ["forward", *(("__init__", *CALLED_BY_LAYERS) if is_layer(base) else ())]
    for name in passed_on:
        if own.find(name) is not None:
            members[name] = _passed_on(own, name, call_method)
    # Slips such as _init_ are found by the names of a class's functions; nobody calls these.
    for name, member in own.members.items():
        if type(member) is Function and name not in _OF_PYTORCH and name not in members:
            if name in dir(base.cls):
                raise Refused(
                    Message("{name} of nn.{layer} cannot be replaced here.", name=name, layer=base.name),
                    own.line if member.node is None else member.node.lineno,
                )
            members[name] = _not_called
    bases = (OwnModule,) if base.cls is nn.Module else (OwnModule, base.cls)
    return type(own.name, bases, members)


def _passed_on(own: OwnClass, name: str, call_method: CallMethod) -> Callable[..., Any]:
    """A method of PyTorch's by whose name the text has one: that is called, with the same signature."""

    def method(self: OwnModule, *arguments: Any, **keywords: Any) -> Any:
        return call_method(self.own_class, self, name, arguments, keywords)

    written = own.find(name)
    if name == "__init__" and type(written) is Function:
        spec = written.arguments
        names = [argument.arg for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        method.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in dict.fromkeys(names) if name.isidentifier()]
        )
    return method


def _not_called(*_: Any) -> None:
    raise AssertionError("the interpreter finds methods in own_class")


def new_instance(own: OwnClass) -> nn.Module:
    """An instance before its ``__init__``."""
    assert own.cls is not None
    module = own.cls.__new__(own.cls)
    for cls in own.cls.__mro__:
        if cls in (nn.Sequential, nn.ModuleList, nn.ModuleDict):
            cls.__init__(module)  # type: ignore[call-overload,arg-type]
            break
    else:
        nn.Module.__init__(module)
    vars(module)[_READY] = False
    return module


def call_base_constructor(
    module: nn.Module, base: LayerClass, arguments: tuple[Value, ...], keywords: Mapping[str, Value]
) -> None:
    """``super().__init__(...)`` where the next class is one of PyTorch's.

    A layer's own constructor gets values that were looked at (see :func:`cnnviz.own.library.given`).
    """
    vars(module)[_READY] = True
    if is_layer(base):
        before = frozenset(vars(module))
        base.cls.__init__(module, *arguments, **keywords)
        vars(module)[_OF_BASE] = frozenset(vars(module)) - before
        return
    if keywords:
        raise TypeError(
            f"{type(module).__name__}.__init__() got an unexpected keyword argument '{next(iter(keywords))}'"
        )
    if base.cls is nn.Module:
        if arguments:
            raise TypeError(
                f"{type(module).__name__}.__init__() takes 1 positional argument but {len(arguments) + 1} were given"
            )
        return
    parts = _parts(base, arguments)
    for name, part in parts.items():
        if not isinstance(part, nn.Module):
            raise TypeError(f"{type_name(part)} is not a Module subclass")
        module.add_module(str(name), part)


def _parts(base: LayerClass, arguments: tuple[Value, ...]) -> Mapping[Any, Value]:
    """The layers that a container is made of, by their names."""
    if base.cls is nn.ModuleDict:
        return arguments[0] if arguments and type(arguments[0]) in DICTS else {}
    if len(arguments) == 1 and type(arguments[0]) is OrderedDict:
        return arguments[0]
    given = arguments
    if base.cls is nn.ModuleList:
        given = tuple(arguments[0]) if arguments and type(arguments[0]) in (list, tuple) else ()
    return dict(enumerate(given))


def instance_attribute(module: nn.Module, name: str) -> tuple[bool, Value]:
    """Whether the instance itself holds something called ``name``, and what."""
    held = vars(module)
    if (
        name in held
        and (name not in _OF_PYTORCH or name in _MAY_BE_HIDDEN)
        and name not in (_READY, _OF_BASE)
    ):
        if name in held.get(_OF_BASE, ()) and (name.startswith("_") or type(held[name]) not in _PLAIN):
            return False, None
        return True, held[name]
    for group in ("_parameters", "_buffers", "_modules"):
        if name in held[group]:
            return True, held[group][name]
    return False, None


def set_instance_attribute(module: nn.Module, name: str, value: Value) -> None:
    """``self.name = value``, with what PyTorch does beside it: layers and parameters are registered.

    Raises:
        AttributeError: nn.Module.__init__ has not been called yet.
        Refused: the name is one that PyTorch's modules use themselves.
    """
    held = vars(module)
    if name == "training":
        held[name] = bool(value)
        return
    if (
        (name in _OF_PYTORCH and name not in _MAY_BE_HIDDEN)
        or name in (_READY, _OF_BASE)
        or name.startswith("__")
        or (name.startswith("_") and name in held.get(_OF_BASE, ()))
    ):
        raise Refused(Message("self.{name} is used by PyTorch itself; choose another name.", name=name))
    ready = held.get(_READY, True)
    groups = {group: held[group] for group in ("_parameters", "_buffers", "_modules")}
    if isinstance(value, nn.Parameter):
        _must_be_ready(ready, "parameters")
        _forget(held, groups, name)
        module.register_parameter(name, value)
    elif isinstance(value, nn.Module):
        _must_be_ready(ready, "module")
        _forget(held, groups, name)
        module.add_module(name, value)
    elif name in groups["_buffers"] and (value is None or type(value) is Tensor):
        groups["_buffers"][name] = value
    elif name in groups["_parameters"] or name in groups["_modules"]:
        if value is not None:
            kind = "parameter" if name in groups["_parameters"] else "child module"
            wanted = "torch.nn.Parameter" if kind == "parameter" else "torch.nn.Module"
            raise TypeError(
                f"cannot assign '{_full_name(value)}' as {kind} '{name}' ({wanted} or None expected)"
            )
        (groups["_parameters"] if name in groups["_parameters"] else groups["_modules"])[name] = None
    else:
        held[name] = value


def _full_name(value: Value) -> str:
    return "torch.FloatTensor" if type(value) in TENSORS else type_name(value)


def _must_be_ready(ready: bool, what: str) -> None:
    if not ready:
        raise AttributeError(f"cannot assign {what} before Module.__init__() call")


def _forget(held: dict[str, Any], groups: Mapping[str, dict[str, Any]], name: str) -> None:
    held.pop(name, None)
    for group in groups.values():
        group.pop(name, None)
