"""What stands behind a dot, by the exact type of the value in front of it: tables, and never ``getattr``."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.language import Message
from cnnviz.own.library import (
    MODULES,
    NN,
    PLAIN,
    TENSOR_ATTRIBUTES,
    TENSOR_METHODS,
    iterated,
    taken,
)
from cnnviz.own.operators import DICTS, LONGEST, TENSORS, equal, too_long, truth
from cnnviz.own.records import record_attribute
from cnnviz.own.values import (
    BoundMethod,
    Builtin,
    LayerClass,
    Namespace,
    OwnClass,
    Record,
    RecordClass,
    Refused,
    TypeName,
    Value,
    type_name,
)

_NO_METHOD: Mapping[str, Callable[..., Value]] = {}


def no_attribute(value: Value, name: str) -> AttributeError:
    """What Python raises where nothing stands behind the dot."""
    return AttributeError(f"'{type_name(value)}' object has no attribute '{name}'")


def attribute(value: Value, name: str) -> Value:
    """``value.name`` of a value that is no instance of a class of the text.

    Raises:
        Refused: the language has no such attribute, though Python may.
        AttributeError: there is none.
    """
    kind = type(value)
    if kind in TENSORS:
        return _of_tensor(value, name)
    if kind is Namespace:
        if name in value.entries:
            return value.entries[name]
        raise _unknown(value, name)
    if kind in (Record, RecordClass):
        return record_attribute(value, name)
    methods = METHODS.get(_base(value), _NO_METHOD)
    if name in methods:
        return BoundMethod(value, Builtin(name, methods[name]))
    if isinstance(value, nn.Module):
        return _of_layer(value, name)
    if isinstance(value, tuple) and name in _RESULT_FIELDS:
        fields: Mapping[str, int] = {field: place for place, field in enumerate(_field_names(value))}
        if name in fields:
            return value[fields[name]]
    if kind in (OwnClass, LayerClass, TypeName) and name == "__name__":
        return value.name
    raise no_attribute(value, name)


def _unknown(owner: Namespace, name: str) -> Refused:
    """The refusal of ``owner.name``, with what may be meant: a name in other letters, or of another namespace."""
    values = {"owner": owner.name, "name": name}
    meant = known_as(owner, name)
    if not meant:
        return Refused(Message("{owner}.{name} is not known here.", **values))
    return Refused(
        Message("{owner}.{name} is not known here. Did you mean {meant}?", meant=" / ".join(meant), **values)
    )


def known_as(owner: Namespace, name: str) -> list[str]:
    """What ``owner.name`` may stand for, the likeliest first: ``nn.Conv2d`` for ``nn.conv2d``."""
    plain = _letters(name)
    found = [
        f"{space.name}.{known}"
        for space in (owner, NN, MODULES["torch.nn.functional"])
        for known in space.entries
        if _letters(known) == plain and known[-1] != "_" and (space is not owner or known != name)
    ]
    close = difflib.get_close_matches(name, owner.entries, n=1, cutoff=0.8)
    return list(dict.fromkeys(found or [f"{owner.name}.{known}" for known in close]))


def _letters(name: str) -> str:
    return name.lower().replace("_", "")


def _base(value: Value) -> type:
    """The type of ``value``, or the container of layers that its class is derived from."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict) if isinstance(value, nn.Module) else ()
    return next((kind for kind in containers if isinstance(value, kind)), type(value))


_RESULT_FIELDS = frozenset(("values", "indices", "min", "max", "U", "S", "V"))


def _field_names(value: tuple[Value, ...]) -> tuple[str, ...]:
    return ("min", "max") if type(value) is torch.return_types.aminmax else ("values", "indices")


def _of_tensor(value: Tensor, name: str) -> Value:
    if name in TENSOR_ATTRIBUTES:
        return taken(TENSOR_ATTRIBUTES[name](value), name)
    if name in TENSOR_METHODS:
        return BoundMethod(value, TENSOR_METHODS[name])
    if name.startswith("__") or name in _OF_REAL_TENSORS:
        raise Refused(Message("The attribute {name} of a tensor is not known here.", name=name))
    raise no_attribute(value, name)


_OF_REAL_TENSORS = frozenset(dir(Tensor))


def _of_layer(layer: nn.Module, name: str) -> Value:
    """A layer's own attribute: a parameter, a buffer, a part, or a plain setting."""
    if name.startswith("__"):
        raise Refused(Message("Names that begin with two underscores are not known here: {name}.", name=name))
    held = vars(layer)
    for group in ("_parameters", "_buffers", "_modules"):
        if name in held[group]:
            return held[group][name]
    if name in MODULE_METHODS:
        return BoundMethod(layer, Builtin(name, MODULE_METHODS[name]))
    if name in held and not name.startswith("_"):
        return taken(held[name], name)
    raise no_attribute(layer, name)


def set_layer_attribute(layer: nn.Module, name: str, value: Value) -> None:
    """``layer.name = value`` for a layer of PyTorch's: another parameter, another part, another plain setting.

    Raises:
        Refused: anything else.
    """
    held = vars(layer)
    if name in held["_parameters"] and (value is None or type(value) is nn.Parameter):
        held["_parameters"][name] = value
    elif name in held["_modules"] and isinstance(value, nn.Module):
        held["_modules"][name] = value
    elif name in held and not name.startswith("_") and type(held[name]) in PLAIN and type(value) in PLAIN:
        held[name] = value
    else:
        raise Refused(
            Message("{name} of a {layer} layer cannot be set here.", name=name, layer=type(layer).__name__)
        )


def set_tensor_attribute(tensor: Tensor, name: str, value: Value) -> None:
    """``tensor.requires_grad = ...`` and ``tensor.data = ...``."""
    if name == "requires_grad":
        tensor.requires_grad_(truth(value))
    elif name == "data" and type(value) in TENSORS:
        tensor.data = value.data
    else:
        raise Refused(Message("{name} of a tensor cannot be set here.", name=name))


# -- methods ------------------------------------------------------------------------------------


def _checked_layer(value: Value, what: str) -> nn.Module:
    if isinstance(value, nn.Module):
        return value
    raise TypeError(f"{type_name(value)} is not a Module subclass ({what})")


def _add_module(module: nn.Module, name: Value, part: Value) -> None:
    if part is None:
        module.add_module(str(name), None)
        return
    if not isinstance(part, nn.Module):
        raise TypeError(f"{type_name(part)} is not a Module subclass")
    module.add_module(str(name), part)


def _register_buffer(module: nn.Module, name: Value, tensor: Value, persistent: Value = True) -> None:
    if tensor is not None and type(tensor) not in TENSORS:
        raise TypeError(
            f"cannot assign '{type_name(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
        )
    vars(module).pop(str(name), None)
    module.register_buffer(str(name), tensor, persistent=truth(persistent))


def _register_parameter(module: nn.Module, name: Value, parameter: Value) -> None:
    if parameter is not None and type(parameter) is not nn.Parameter:
        raise TypeError(
            f"cannot assign '{type_name(parameter)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
        )
    module.register_parameter(str(name), parameter)


def _requires_grad(module: nn.Module, value: Value = True) -> nn.Module:
    return module.requires_grad_(truth(value))


def _itself(module: nn.Module, *_: Value) -> nn.Module:
    return module


def _to(module: nn.Module, *places: Value, **keywords: Value) -> nn.Module:
    """``module.to(...)``: another type of numbers counts, another device does not."""
    kind = next((value for value in (*places, *keywords.values()) if type(value) is torch.dtype), None)
    return module if kind is None else module.to(kind)


MODULE_METHODS: Mapping[str, Callable[..., Value]] = {
    "modules": lambda module: list(module.modules()),
    "named_modules": lambda module: list(module.named_modules()),
    "children": lambda module: list(module.children()),
    "named_children": lambda module: list(module.named_children()),
    "parameters": lambda module, recurse=True: list(module.parameters(truth(recurse))),
    "named_parameters": lambda module: list(module.named_parameters()),
    "buffers": lambda module: list(module.buffers()),
    "add_module": _add_module,
    "register_module": _add_module,
    "register_buffer": _register_buffer,
    "register_parameter": _register_parameter,
    "requires_grad_": _requires_grad,
    "train": lambda module, mode=True: module.train(truth(mode)),
    "eval": lambda module: module.eval(),
    "to": _to,
    "float": lambda module: module.float(),
    "double": lambda module: module.double(),
    "half": lambda module: module.half(),
    "bfloat16": lambda module: module.bfloat16(),
    "cpu": _itself,
    "cuda": _itself,
}
"""Methods of every layer."""


def _append(container: Any, value: Value) -> Value:
    if isinstance(container, nn.Module):
        return container.append(_checked_layer(value, "append"))  # type: ignore[operator]
    if len(container) >= LONGEST:
        raise too_long()
    return container.append(value)


def _extend(container: Any, values: Value) -> Value:
    for value in iterated(values):
        _append(container, value)
    return container if isinstance(container, nn.Module) else None


def _insert(container: Any, place: Value, value: Value) -> None:
    if isinstance(container, nn.Module):
        _checked_layer(value, "insert")
    container.insert(place, value)


def _place_of(container: Any, value: Value) -> int:
    for place, entry in enumerate(container):
        if equal(entry, value):
            return place
    raise ValueError(f"{value!r} is not in list" if type(value) in PLAIN else "the value is not in the list")


def _updated(container: dict[Any, Value], more: Value = None, **keywords: Value) -> None:
    container.update({**(more if type(more) in DICTS else {}), **keywords})


_LONGEST_TEXT = 1_000
"""Characters of a text that a method changes; replacing makes of two such texts one of a million at most."""


def _text_method(method: Callable[..., Any]) -> Callable[..., Value]:
    def call(text: str, *arguments: Value) -> Value:
        for argument in arguments:
            if type(argument) not in (str, int):
                raise TypeError(f"must be str, not {type(argument).__name__}")
        if max(map(len, (text, *(part for part in arguments if type(part) is str)))) > _LONGEST_TEXT:
            raise too_long()
        return method(text, *arguments)

    return call


def _join(text: str, parts: Value) -> str:
    found = iterated(parts)
    if not all(type(part) is str for part in found):
        raise TypeError("sequence item 0: expected str instance")
    if sum(map(len, found)) + len(text) * len(found) > LONGEST:
        raise too_long()
    return text.join(found)


_SEQUENCE_METHODS: Mapping[str, Callable[..., Value]] = {
    "index": _place_of,
    "count": lambda container, value: sum(equal(entry, value) for entry in container),
}
_LAYER_LIST: Mapping[str, Callable[..., Value]] = {"append": _append, "extend": _extend, "insert": _insert}
_MAPPING_METHODS: Mapping[str, Callable[..., Value]] = {
    "keys": lambda container: list(container.keys()),
    "values": lambda container: list(container.values()),
    "items": lambda container: list(container.items()),
}
_DICT_METHODS: Mapping[str, Callable[..., Value]] = {
    **_MAPPING_METHODS,
    "get": lambda container, key, default=None: container.get(key, default),
    "pop": lambda container, key, *default: container.pop(key, *default),
    "setdefault": lambda container, key, default=None: container.setdefault(key, default),
    "update": _updated,
    "copy": lambda container: type(container)(container),
}
METHODS: Mapping[type, Mapping[str, Callable[..., Value]]] = {
    list: {
        **_SEQUENCE_METHODS,
        "append": _append,
        "extend": _extend,
        "insert": _insert,
        "pop": lambda container, place=-1: container.pop(place),
        "reverse": lambda container: container.reverse(),
        "copy": lambda container: list(container),
        "clear": lambda container: container.clear(),
    },
    tuple: _SEQUENCE_METHODS,
    torch.Size: {**_SEQUENCE_METHODS, "numel": lambda size: size.numel()},
    dict: _DICT_METHODS,
    OrderedDict: _DICT_METHODS,
    str: {
        "join": _join,
        **{
            name: _text_method(getattr(str, name))
            for name in "upper lower strip startswith endswith isdigit split replace title find count".split()
        },
    },
    nn.Sequential: {**_LAYER_LIST, **MODULE_METHODS},
    nn.ModuleList: {**_LAYER_LIST, **MODULE_METHODS},
    nn.ModuleDict: {
        **_MAPPING_METHODS,
        "update": lambda container, more: container.update(more if type(more) in DICTS else {}),
        "pop": lambda container, key: container.pop(key),
        **MODULE_METHODS,
    },
    nn.ParameterList: {"append": lambda container, value: container.append(value), **MODULE_METHODS},
}
"""Methods by the exact type of what they are called on."""
