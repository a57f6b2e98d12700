"""Slips of the pen in a network's own code: what came back is no tensor, a name is misspelt, a call is missing.

Each is told from the class itself, its methods and attributes, and not from PyTorch's words, which name what follows
from the slip.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from torch import Tensor, nn

from cnnviz.language import Message
from cnnviz.operations.calls import module_type
from cnnviz.operations.op import Failure


def returned_no_tensor(model: nn.Module, returned: Any) -> Failure:
    """The diagnosis of a forward pass that gave ``returned``, in which there is no tensor."""
    kind = module_type(model)
    if returned is None:
        reason = Message("The forward of {type} returns None, so the network has no output.", type=kind)
        advice = Message("End it with a return statement, such as: return x.")
    elif isinstance(returned, nn.Module):
        reason, advice = _a_layer(model, kind, returned)
    elif callable(returned):
        name = getattr(returned, "__name__", type(returned).__name__)
        reason = Message(
            "The forward of {type} returns {name} itself, which was not called.", type=kind, name=name
        )
        advice = Message("Add the parentheses: {name}().", name=name)
    else:
        reason = Message(
            "The forward of {type} returns a value of type {found} that contains no tensor.",
            type=kind,
            found=type(returned).__name__,
        )
        advice = Message("Return the tensor that the last layer gives.")
    return Failure(name="forward", type=kind, reason=reason, advice=advice)


def _a_layer(model: nn.Module, kind: str, layer: nn.Module) -> tuple[Message, Message]:
    """What to say of a forward that returns a ``layer`` in place of what that layer gives."""
    values = {"type": kind, "layer": module_type(layer)}
    own = next((path for path, module in model.named_modules() if path and module is layer), None)
    if own is not None:
        reason = Message(
            "The forward of {type} returns the layer {name} itself, not what it gives.", name=own, **values
        )
        return reason, Message("Call it: return self.{name}(x).", name=own)
    reason = Message(
        "The forward of {type} returns a {layer} layer, not a tensor: nn.{layer}(x) makes a layer and takes x for "
        "its first setting.",
        **values,
    )
    return reason, made_and_called(module_type(layer))


def made_and_called(layer: str) -> Message:
    """How a layer of the class ``layer`` is used rightly."""
    return Message(
        "Make it in __init__ (self.layer = nn.{layer}(...)) and call it in forward: x = self.layer(x).",
        layer=layer,
    )


# -- errors that follow from a slip ----------------------------------------------------------------------

INIT_SPELLINGS = ("init", "int", "inti", "ini", "intit", "initi", "iniit", "__init__")
FORWARD_SPELLINGS = (
    "forward",
    "foward",
    "forwad",
    "forwrad",
    "froward",
    "farward",
    "forwards",
    "forword",
    "forwar",
)
_WITHOUT_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_GIVEN = re.compile(
    r"must be Tensor, not (\w+)|got \((\w+)[,)]|'(\w+)' object|'(\w+)' and '(\w+)'|\* \((\w+) |(\w+)\.__init__\(\) "
)
_NEEDS_SUPER = re.compile(
    r"before Module\.__init__\(\) call|has no attribute '_(modules|parameters|buffers|\w+_hooks)'"
)
_WITHOUT_ARGUMENTS = re.compile(r"^\w+\.__init__\(\) (takes 1 |got an unexpected)")
_BY_CONVENTION = {
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "torch": "import torch",
}


@dataclass(frozen=True)
class Slip:
    """What is wrong in the code, and what to write."""

    reason: Message
    advice: Message


def slip_behind(
    error: BaseException, model: nn.Module, at_work: nn.Module, silent: Sequence[str] = ()
) -> Slip | None:
    """The slip of the pen that led to ``error``; None where there is none that is known.

    ``at_work`` is the module whose ``forward`` raised it. ``silent`` are the paths of the modules whose ``forward``
    returned None before.
    """
    words = str(error)
    if isinstance(error, AttributeError) and _NEEDS_SUPER.search(words):
        return without_super(type(at_work))
    if isinstance(error, AttributeError) and (found := _WITHOUT_ATTRIBUTE.search(words)):
        owner = next((module for module in model.modules() if type(module).__name__ == found[1]), None)
        if owner is not None:
            return _missing_attribute(owner, found[2])
    if isinstance(error, NameError):
        return _missing_name(at_work, str(error.name))
    if isinstance(error, NotImplementedError) and "forward" in words:
        return _missing_forward(type(at_work))
    if isinstance(error, TypeError) and "'tuple' object is not callable" in words:
        return _comma_behind_a_layer(model)
    if isinstance(error, TypeError) and (slip := _size_or_shape(words)) is not None:
        return slip
    layer = _made_of_a_tensor(error)
    if layer is not None:
        return _layer_as_tensor(layer)
    return _wrong_value(words, model, silent) if isinstance(error, (TypeError, AttributeError)) else None


def slip_of_constructor(error: BaseException, classes: Iterable[type]) -> Slip | None:
    """The slip that led to the ``error`` of a constructor; ``classes`` are those of the person's file."""
    words = str(error)
    if isinstance(error, AttributeError) and _NEEDS_SUPER.search(words):
        makers = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__))
        own = [type(maker) for maker in makers if isinstance(maker, nn.Module)]
        return without_super(own[-1]) if own else None
    if isinstance(error, TypeError) and _WITHOUT_ARGUMENTS.search(words):
        for cls in classes:
            if (misspelt := _misspelt(cls, "__init__", INIT_SPELLINGS)) is not None:
                return _constructor_misspelt(cls, misspelt)
    return None


def _constructor_misspelt(cls: type, method: str) -> Slip:
    reason = Message(
        "The constructor of {type} is called {method} in place of __init__, so it never ran.",
        type=cls.__name__,
        method=method,
    )
    return Slip(reason, Message("Write __init__, with two underscores on both sides."))


def without_super(cls: type) -> Slip:
    """A constructor that does not begin with that of ``nn.Module``."""
    reason = Message(
        "The constructor of {type} does not call that of nn.Module first, so layers cannot be registered yet.",
        type=cls.__name__,
    )
    return Slip(reason, Message("Make super().__init__() the first line of __init__."))


def _missing_attribute(module: nn.Module, name: str) -> Slip:
    """``self.name`` was asked for, and ``module`` has none."""
    cls = type(module)
    values = {"type": cls.__name__, "name": name}
    misspelt = _misspelt(cls, "__init__", INIT_SPELLINGS)
    if misspelt is not None:
        return _constructor_misspelt(cls, misspelt)
    for method in _methods(cls):
        if name in method.arguments and method.name == "__init__":
            reason = Message("{type} has no {name}: __init__ takes it and does not keep it.", **values)
            return Slip(reason, Message("Add to __init__: self.{name} = {name}.", name=name))
        if name in method.arguments or name in method.variables:
            reason = Message(
                "{type} has no {name}: in {method} it is a local name, which is gone when {method} returns.",
                method=method.name,
                **values,
            )
            return Slip(reason, Message("Write self.{name} = ... there.", name=name))
    return _similar(module, name)


def _similar(module: nn.Module, name: str) -> Slip:
    values = {"type": type(module).__name__, "name": name}
    known = [
        *module._modules,
        *module._parameters,
        *module._buffers,
        *(vars(module).keys() - vars(nn.Module()).keys()),
    ]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        reason = Message("{type} has no {name}, but it has {close}.", close=close[0], **values)
        return Slip(reason, Message("Use the same name in __init__ and in forward."))
    reason = Message("{type} has no {name}: __init__ does not make it.", **values)
    return Slip(reason, Message("Add to __init__: self.{name} = ...", name=name))


def _missing_name(module: nn.Module, name: str) -> Slip | None:
    """``name`` was read in ``forward``, and there is no such variable."""
    if hasattr(module, name):
        reason = Message("forward uses {name}, but the layer is self.{name}.", name=name)
        return Slip(reason, Message("Write self.{name} in place of {name}.", name=name))
    for method in _methods(type(module)):
        if name in method.variables:
            reason = Message(
                "forward uses {name}, which is a local name of {method} and gone when {method} returns.",
                name=name,
                method=method.name,
            )
            return Slip(reason, Message("Write self.{name} in both places.", name=name))
    return not_imported(name)


def not_imported(name: str) -> Slip | None:
    """What is missing where ``name``, such as nn or Conv2d, is not defined; None for a name that PyTorch does not have."""
    reason = Message("The name {name} is not defined in this file.", name=name)
    if name in _BY_CONVENTION:
        return Slip(reason, Message("Add at the top: {line}", line=_BY_CONVENTION[name]))
    owner = "nn" if _is_layer(name) else "F" if _is_function(name) else None
    return None if owner is None else Slip(reason, Message("Write {owner}.{name}.", owner=owner, name=name))


def _size_or_shape(words: str) -> Slip | None:
    """``x.size[0]`` and ``x.shape(0)``."""
    if "'builtin_function_or_method' object is not subscriptable" in words:
        return Slip(
            Message("A method is followed by square brackets."),
            Message("Call it, as in x.size(0), or use the shape: x.shape[0]."),
        )
    if "'torch.Size' object is not callable" in words:
        return Slip(
            Message("A shape is followed by parentheses, as if it were a method."),
            Message("Write x.shape[0], or x.size(0)."),
        )
    return None


def _comma_behind_a_layer(model: nn.Module) -> Slip | None:
    """``self.conv = nn.Conv2d(1, 4, 3),``: a tuple of one layer."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], nn.Module):
                reason = Message(
                    "{name} is not a layer but a tuple with one layer in it, because of a comma at the end of its line.",
                    name=f"{path}.{name}" if path else name,
                )
                return Slip(reason, Message("Remove the comma after self.{name} = ...", name=name))
    return None


def _missing_forward(cls: type) -> Slip:
    values = {"type": cls.__name__}
    if issubclass(cls, (nn.ModuleList, nn.ModuleDict)):
        reason = Message("A {type} only holds layers and cannot be called.", **values)
        return Slip(
            reason,
            Message("Call them one by one (for layer in self.layers: x = layer(x)), or use nn.Sequential."),
        )
    misspelt = _misspelt(cls, "forward", FORWARD_SPELLINGS)
    if misspelt is not None:
        reason = Message(
            "{type} has no forward; it has {method}, which PyTorch does not call.", method=misspelt, **values
        )
        return Slip(reason, Message("Rename it to forward."))
    for method in _methods(cls):
        if "forward" in method.functions:
            reason = Message(
                "{type} has no forward: it stands inside {method}.", method=method.name, **values
            )
            return Slip(
                reason, Message("Indent it like {method}, one level below the class.", method=method.name)
            )
    reason = Message("{type} has no forward, so PyTorch does not know what to compute.", **values)
    return Slip(reason, Message("Define in the class: def forward(self, x): ... return x."))


def _wrong_value(words: str, model: nn.Module, silent: Sequence[str]) -> Slip | None:
    """A layer, or nothing, where a tensor should be."""
    names = {name for groups in _GIVEN.findall(words) for name in groups if name}
    if "NoneType" in names and silent:
        path = silent[-1]
        kind = module_type(model.get_submodule(path))
        reason = Message(
            "The forward of {name} ({type}) returns None, so nothing reaches the next layer.",
            name=path,
            type=kind,
        )
        return Slip(reason, Message("End it with a return statement, such as: return x."))
    layer = next((name for name in sorted(names) if _is_layer(name)), None)
    return None if layer is None else _layer_as_tensor(layer)


def _layer_as_tensor(layer: str) -> Slip:
    reason = Message(
        "A {layer} layer is used as if it were a tensor: nn.{layer}(x) makes a layer and takes x for its first setting.",
        layer=layer,
    )
    return Slip(reason, made_and_called(layer))


def _made_of_a_tensor(error: BaseException) -> str | None:
    """The class of the layer in whose constructor ``error`` was raised because it was given a tensor."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        maker = frame.f_locals.get("self")
        if (
            frame.f_code.co_name == "__init__"
            and isinstance(maker, nn.Module)
            and _is_layer(type(maker).__name__)
        ):
            names = frame.f_code.co_varnames[1 : frame.f_code.co_argcount]
            if any(isinstance(frame.f_locals.get(name), Tensor) for name in names):
                return type(maker).__name__
    return None


def _is_layer(name: str) -> bool:
    found = getattr(nn, name, None)
    return isinstance(found, type) and issubclass(found, nn.Module)


def _is_function(name: str) -> bool:
    return not name.startswith("_") and isinstance(getattr(nn.functional, name, None), FunctionType)


def _misspelt(cls: type, name: str, spellings: Sequence[str]) -> str | None:
    """A method of ``cls`` that was meant to be ``name``, which the class does not have itself."""
    for base in _own_bases(cls):
        if name in vars(base):
            return None
        for method, value in vars(base).items():
            if isinstance(value, FunctionType) and method.strip("_").lower() in spellings:
                return method
    return None


@dataclass(frozen=True)
class WrittenMethod:
    """A method as a person wrote it: its arguments without self, the names it binds, the functions defined inside of it.

    ``attributes`` are the names behind its dots.
    """

    name: str
    arguments: tuple[str, ...]
    variables: frozenset[str]
    functions: frozenset[str]
    attributes: frozenset[str] = frozenset()


def _methods(cls: type) -> list[WrittenMethod]:
    """The methods that a person wrote for ``cls`` beside ``forward``, the constructor first.

    A class that is interpreted from a text tells them itself.
    """
    told = getattr(cls, "written_methods", None)
    found = _of_python(cls) if told is None else told()
    return sorted(
        (method for method in found if method.name != "forward"),
        key=lambda method: method.name != "__init__",
    )


def _of_python(cls: type) -> Iterator[WrittenMethod]:
    for base in _own_bases(cls):
        for name in sorted(vars(base)):
            method = vars(base)[name]
            if isinstance(method, FunctionType):
                code = method.__code__
                given = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
                inner = {const.co_name for const in code.co_consts if isinstance(const, CodeType)}
                variables = {*code.co_varnames[1:], *code.co_cellvars}.difference(given)
                yield WrittenMethod(name, given, frozenset(variables), frozenset(inner))


def _own_bases(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base.__module__.partition(".")[0] not in ("torch", "builtins")]
