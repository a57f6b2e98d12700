"""Plain records: the instances of a dataclass, or of a class that only holds settings, as a configuration does."""

from __future__ import annotations

import ast
from collections.abc import Callable

from cnnviz.language import Message
from cnnviz.own.values import Function, Record, RecordClass, Refused, Scope, Value

Evaluate = Callable[[ast.expr, Scope], Value]
Define = Callable[[ast.FunctionDef, Scope], Function]


def record_class(
    statement: ast.ClassDef, scope: Scope, evaluate: Evaluate, define: Define
) -> RecordClass | None:
    """The class that ``statement`` defines, if it only lists settings; None for any other class.

    Raises:
        Refused: a default is something that the language does not have.
    """
    is_dataclass = [ast.unparse(decorator).partition("(")[0] for decorator in statement.decorator_list]
    if statement.bases or statement.keywords or any(name not in _DECORATORS for name in is_dataclass):
        return None
    fields: list[str] = []
    values: dict[str, Value] = {}
    constructor: Function | None = None
    for member in statement.body:
        match member:
            case ast.AnnAssign(target=ast.Name(id=name)):
                fields.append(name)
                if member.value is not None:
                    values[name] = evaluate(member.value, scope)
            case ast.Assign(targets=[ast.Name(id=name)]):
                values[name] = evaluate(member.value, scope)
            case ast.FunctionDef(name="__init__") if not is_dataclass:
                constructor = define(member, scope)
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                return None
    if not fields and not values and constructor is None:
        return None
    return RecordClass(statement.name, tuple(fields) if is_dataclass else (), values, constructor)


_DECORATORS = frozenset(("dataclass", "dataclasses.dataclass"))


def record(kind: RecordClass, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> Record:
    """An instance of ``kind``, in Python's own words where the arguments do not fit.

    Raises:
        TypeError: too many, too few or unknown arguments.
    """
    if len(arguments) > len(kind.fields):
        raise TypeError(
            f"{kind.name}.__init__() takes {len(kind.fields) + 1} positional arguments but {len(arguments) + 1} were given"
        )
    held = dict(zip(kind.fields, arguments, strict=False))
    for name, value in keywords.items():
        if name not in kind.fields:
            raise TypeError(f"{kind.name}.__init__() got an unexpected keyword argument '{name}'")
        if name in held:
            raise TypeError(f"{kind.name}.__init__() got multiple values for argument '{name}'")
        held[name] = value
    missing = [name for name in kind.fields if name not in held and name not in kind.values]
    if missing:
        listed = " and ".join(f"'{name}'" for name in missing)
        plural = "" if len(missing) == 1 else "s"
        raise TypeError(
            f"{kind.name}.__init__() missing {len(missing)} required positional argument{plural}: {listed}"
        )
    return Record(kind, held)


def record_attribute(value: Record | RecordClass, name: str) -> Value:
    """``config.width`` of an instance or of the class itself.

    Raises:
        AttributeError: there is none.
    """
    kind = value if isinstance(value, RecordClass) else value.kind
    if isinstance(value, Record) and name in value.held:
        return value.held[name]
    if name in kind.values:
        return kind.values[name]
    if isinstance(value, RecordClass):
        raise AttributeError(f"type object '{kind.name}' has no attribute '{name}'")
    raise AttributeError(f"'{kind.name}' object has no attribute '{name}'")


def simple_namespace(**values: Value) -> Record:
    """``types.SimpleNamespace(width=8)``."""
    return Record(RecordClass("SimpleNamespace", (), {}), dict(values))


def set_record_attribute(value: Value, name: str, new: Value) -> None:
    """``config.width = 8``.

    Raises:
        Refused: it is the class itself, which other networks of the text share.
    """
    if not isinstance(value, Record):
        raise Refused(Message("Attributes of a class cannot be set here."))
    value.held[name] = new
