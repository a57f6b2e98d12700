"""Calls, and what stands behind a dot of an instance: functions and classes of the text, layers, tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from cnnviz.language import Message
from cnnviz.own.arguments import bound
from cnnviz.own.attributes import attribute, set_layer_attribute, set_tensor_attribute
from cnnviz.own.library import STACKS, class_of, given
from cnnviz.own.networks import (
    CALLED_BY_LAYERS,
    OwnModule,
    call_base_constructor,
    instance_attribute,
    is_layer,
    new_instance,
    set_instance_attribute,
)
from cnnviz.own.operators import (
    TENSORS,
)
from cnnviz.own.records import record, set_record_attribute
from cnnviz.own.runs import DEEPEST_CALLS, MOST_LAYERS, as_text, count_layers, running, the_run
from cnnviz.own.scopes import check_name
from cnnviz.own.values import (
    BoundMethod,
    Builtin,
    Constant,
    ErrorClass,
    Function,
    LayerClass,
    Missing,
    Namespace,
    OwnClass,
    Partial,
    Record,
    RecordClass,
    Refused,
    Scope,
    Super,
    TypeName,
    Value,
    type_name,
)


def get_attribute(value: Value, name: str) -> Value:
    """``value.name``."""
    if name == "__class__" and isinstance(value, nn.Module):
        return class_of_value(value)
    if name.startswith("__") and name not in ("__init__", "__name__"):
        raise Refused(
            Message("Names that begin with two underscores are not known here: {name}.", name=name[:40])
        )
    if not name.isascii():
        check_name(name)
    if name == "apply" and isinstance(value, nn.Module) and not _has(value, name):
        return BoundMethod(value, Builtin("apply", _applied))
    if name == "forward" and isinstance(value, nn.Module) and not isinstance(value, OwnModule):
        return BoundMethod(value, Builtin("forward", _forwarded))
    if isinstance(value, OwnModule):
        return _of_instance(value, name)
    if type(value) is Super:
        return _of_super(value, name)
    if type(value) is OwnClass:
        member = value.find(name)
        if member is not None:
            return BoundMethod(value, member) if _is_kind(member, "classmethod") else member
        if name == "__init__" and value.layer_base() is not None:
            return BoundMethod(value, Builtin("__init__", _constructor_of(value)))
    if type(value) is LayerClass and name == "__init__":
        return Builtin("__init__", _constructor_of(value))
    return attribute(value, name)


def _has(module: nn.Module, name: str) -> bool:
    """Whether the class of ``module`` is one of the text, and has a member called ``name``."""
    return isinstance(module, OwnModule) and module.own_class.find(name) is not None


def class_of_value(value: Value) -> Value:
    """What ``type(value)`` is."""
    return value.own_class if isinstance(value, OwnModule) else class_of(value)


def _forwarded(module: nn.Module, *arguments: Value, **keywords: Value) -> Value:
    """``self.conv.forward(x)``, which is ``self.conv(x)`` without hooks."""
    return module.forward(
        *[_given_to_layer(value) for value in arguments],
        **{name: _given_to_layer(value) for name, value in keywords.items()},
    )


def _applied(module: nn.Module, function: Value) -> nn.Module:
    """``module.apply(function)``: of all layers, those inside first."""
    for child in module.children():
        _applied(child, function)
    call(function, (module,), {})
    return module


def _constructor_of(value: OwnClass | LayerClass) -> Callable[..., Value]:
    """``nn.Module.__init__(self)`` and ``Parent.__init__(self, ...)``, called through the class."""

    def call(*arguments: Value, **keywords: Value) -> None:
        if not arguments or not isinstance(arguments[0], OwnModule):
            raise Refused(Message("Call {name}.__init__ with self first.", name=value.name))
        base = value.layer_base() if isinstance(value, OwnClass) else value
        assert base is not None
        if not isinstance(arguments[0], base.cls):
            raise TypeError("super(type, obj): obj must be an instance or subtype of type")
        _base_made(arguments[0], base, arguments[1:], keywords)

    return call


def _is_kind(member: Value, kind: str) -> bool:
    return type(member) is Function and member.kind == kind


def _of_instance(module: OwnModule, name: str) -> Value:
    there, value = instance_attribute(module, name)
    if there:
        return value
    own = module.own_class
    member = own.find(name)
    if type(member) is Missing:
        raise Refused(member.reason)
    if member is None:
        if name == "__init__":
            return BoundMethod(module, Builtin("__init__", _constructor_of(own)))
        return attribute(module, name)
    if type(member) is not Function or member.kind == "staticmethod":
        return member
    if member.kind == "property":
        return call_function(member, (module,), {})
    return BoundMethod(own if member.kind == "classmethod" else module, member)


def _of_super(value: Super, name: str) -> Value:
    module = value.receiver
    own: OwnClass = module.own_class
    member = own.find(name, behind=value.owner)
    if member is not None:
        return BoundMethod(module, member) if type(member) is Function else member
    base = own.layer_base()
    assert base is not None
    if name == "__init__":
        return Builtin("__init__", lambda *values, **more: _base_made(module, base, values, more))
    if name == "forward" and base.cls is not nn.Module:
        return Builtin("forward", _of_base(module, base, base.cls.forward, name))
    if name in CALLED_BY_LAYERS and name in vars(base.cls):
        return Builtin(name, _of_base(module, base, vars(base.cls)[name], name))
    return attribute(module, name)


def _of_base(
    module: nn.Module, base: LayerClass, method: Callable[..., Any], name: str
) -> Callable[..., Value]:
    """A method of PyTorch's class that an instance is derived from."""
    if not is_layer(base):
        return lambda *values, **keywords: method(module, *values, **keywords)
    return lambda *values, **keywords: method(
        module,
        *[given(value, name) for value in values],
        **{key: given(value, name) for key, value in keywords.items()},
    )


def _base_made(
    module: nn.Module, base: LayerClass, arguments: tuple[Value, ...], keywords: dict[str, Value]
) -> None:
    """The constructor of PyTorch's class runs for an instance of a class that is derived from it."""
    if is_layer(base):
        arguments = tuple(given(value, base.name) for value in arguments)
        keywords = {name: given(value, base.name) for name, value in keywords.items()}
    call_base_constructor(module, base, arguments, keywords)
    if is_layer(base):
        count_layers(module)


def set_attribute(holder: Value, name: str, value: Value) -> None:
    """``holder.name = value``."""
    check_name(name)
    if isinstance(holder, OwnModule):
        member = holder.own_class.find(name)
        if _is_kind(member, "property"):
            raise AttributeError(f"property '{name}' of '{type_name(holder)}' object has no setter")
        if isinstance(value, nn.Module) and value is holder:
            raise Refused(Message("A network cannot be a part of itself."))
        set_instance_attribute(holder, name, value)
    elif isinstance(holder, nn.Module):
        set_layer_attribute(holder, name, value)
    elif type(holder) in (Record, RecordClass):
        set_record_attribute(holder, name, value)
    elif type(holder) in TENSORS:
        set_tensor_attribute(holder, name, value)
    else:
        raise Refused(Message("Attributes of a {type} cannot be set here.", type=type_name(holder)))


def call(function: Value, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> Value:
    """Call ``function``, whatever it is that may be called."""
    for name in keywords:
        check_name(name)
    kind = type(function)
    if kind is Builtin:
        return function.call(*arguments, **keywords)
    if kind is Function:
        return call_function(function, arguments, keywords)
    if kind is BoundMethod:
        return call(function.function, (function.receiver, *arguments), keywords)
    if kind is LayerClass:
        return _made(function, arguments, keywords)
    if kind is OwnClass:
        return instantiate(function, arguments, keywords)
    if kind is RecordClass and function.constructor is not None:
        made = Record(function, {})
        call_function(function.constructor, (made, *arguments), keywords)
        return made
    if kind is RecordClass:
        return record(function, arguments, keywords)
    if kind is Partial:
        return call(function.function, (*function.arguments, *arguments), {**function.keywords, **keywords})
    if kind is TypeName and function.convert is not None:
        return function.convert(*arguments, **keywords)
    if kind is ErrorClass:
        return Constant(function.name, function.cls(*map(as_text, arguments)))
    if isinstance(function, nn.Module):
        return function(
            *[_given_to_layer(value) for value in arguments],
            **{name: _given_to_layer(value) for name, value in keywords.items()},
        )
    if kind in (Namespace, TypeName, Constant):
        raise Refused(Message("{name} cannot be called here.", name=function.name))
    raise TypeError(f"'{type_name(function)}' object is not callable")


def _given_to_layer(value: Value) -> Any:
    """A layer of the text takes any value; PyTorch's own layers hand it to PyTorch's functions, which check it."""
    return value.value if type(value) is Constant else value


def _made(layer: LayerClass, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> nn.Module:
    """A new layer of PyTorch's."""
    made: nn.Module
    if issubclass(layer.cls, (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList)):
        _no_classes(arguments)
        made = layer.cls(*arguments, **keywords)
    else:
        takes = _given_to_stack if layer.name in STACKS else given
        made = layer.cls(
            *[takes(value, layer.name) for value in arguments],
            **{name: takes(value, layer.name) for name, value in keywords.items()},
        )
        count_layers(made)
    return made


def _given_to_stack(value: Value, name: str) -> Any:
    """An argument of a stack of layers: a layer, which it copies, or what any layer takes."""
    return value if isinstance(value, nn.Module) else given(value, name)


def _no_classes(arguments: tuple[Value, ...]) -> None:
    """Refuse a class of layers in place of a layer, in PyTorch's words."""
    for part in arguments[0] if arguments and type(arguments[0]) in (list, tuple) else arguments:
        if type(part) in (LayerClass, OwnClass):
            assert part.cls is not None
            raise TypeError(f"{part.cls.__module__}.{part.cls.__qualname__} is not a Module subclass")


def instantiate(own: OwnClass, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> nn.Module:
    """An instance of a class of the text."""
    run = the_run()
    run.layers += 1
    if run.layers > MOST_LAYERS:
        raise Refused(Message("More than {most:,} layers are too many here.", most=MOST_LAYERS))
    module = new_instance(own)
    constructor = own.find("__init__")
    if constructor is not None:
        call(constructor, (module, *arguments), keywords)
        return module
    base = own.layer_base()
    assert base is not None
    _base_made(module, base, arguments, keywords)
    return module


def call_method(
    own: OwnClass, module: nn.Module, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Value:
    """A method of an instance that PyTorch calls, above all its forward pass."""
    function = own.find(name)
    with running() as run:
        line = run.line
        try:
            return call(function, (module, *arguments), keywords)
        finally:
            run.line = line


def call_function(function: Function, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> Value:
    """Call a function of the text."""
    run = the_run()
    run.depth += 1
    line = run.line
    try:
        if run.depth > DEEPEST_CALLS:
            raise Refused(
                Message("Functions call each other more than {most} deep here.", most=DEEPEST_CALLS)
            )
        scope = Scope(bound(function, arguments, keywords), function.scope, function.owner)
        return function.run(scope)
    finally:
        run.depth -= 1
        run.line = line
