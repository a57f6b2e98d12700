"""The interpreter of the closed language: statements, expressions, calls.

Each kind of syntax has its function in a table; what is in no table is refused with a sentence. The state of one
evaluation (its budget, the line it is in) is a :class:`Run`, so that one network may be used by several threads.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import nn

from cnnviz.language import Message
from cnnviz.own.attributes import attribute, set_layer_attribute, set_tensor_attribute
from cnnviz.own.library import BUILTINS, NO_GRAD, PLAIN, given, iterated, same_class
from cnnviz.own.networks import (
    OwnModule,
    call_base_constructor,
    instance_attribute,
    new_instance,
    set_instance_attribute,
)
from cnnviz.own.operators import (
    DICTS,
    LONGEST,
    TENSORS,
    binary,
    compared,
    item,
    set_item,
    too_long,
    truth,
    unary,
)
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
    Refused,
    Scope,
    Super,
    TypeName,
    Value,
    type_name,
)
from cnnviz.tracing.lines import lines_from, note_line

MOST_STEPS = 100_000
MOST_LAYERS = 2_000
MOST_PARAMETERS = 10**10
DEEPEST_CALLS = 40


@dataclass
class Run:
    """One evaluation: a constructor or one forward pass."""

    line: int = 0
    """The line (from 1) that is being evaluated."""
    steps: int = 0
    depth: int = 0
    layers: int = 0
    parameters: int = 0
    remarks: list[tuple[int, Message]] = field(default_factory=list)
    printed: bool = False


_CURRENT: ContextVar[Run | None] = ContextVar("run", default=None)


def current_run() -> Run | None:
    """The evaluation that is going on in this thread."""
    return _CURRENT.get()


@contextmanager
def running(run: Run | None = None) -> Iterator[Run]:
    """Evaluate within the block as part of the run that is going on, or of a new one."""
    known = _CURRENT.get()
    if run is None and known is not None:
        yield known
        return
    fresh = run or Run()
    token = _CURRENT.set(fresh)
    try:
        with lines_from(lambda: fresh.line):
            yield fresh
    finally:
        _CURRENT.reset(token)


class _Return(Exception):  # noqa: N818  control flow, as in Python
    def __init__(self, value: Value) -> None:
        self.value = value


class _Break(Exception):  # noqa: N818
    pass


class _Continue(Exception):  # noqa: N818
    pass


_FLOW = (_Return, _Break, _Continue)


def _step(node: ast.AST) -> Run:
    run = _CURRENT.get()
    assert run is not None
    run.steps += 1
    if run.steps > MOST_STEPS:
        raise Refused(
            Message("The text takes more than {most:,} steps; is there an endless loop?", most=MOST_STEPS)
        )
    run.line = getattr(node, "lineno", run.line)
    return run


# -- statements ---------------------------------------------------------------------------------


def execute(body: Sequence[ast.stmt], scope: Scope) -> None:
    """Run the statements one after the other.

    Raises:
        Refused: a statement that the language does not have.
        Exception: what the text raises, or PyTorch.
    """
    for statement in body:
        _step(statement)
        action = STATEMENTS.get(type(statement))
        try:
            if action is None:
                raise unknown_syntax(statement)
            action(statement, scope)
        except _FLOW:
            raise
        except Exception as error:
            note_line(error, statement.lineno)
            raise


def unknown_syntax(node: ast.AST) -> Refused:
    """The refusal of syntax that the language does not have."""
    words = _WORDS.get(type(node))
    kind = words or type(node).__name__
    return Refused(
        Message(
            "cnnviz does not know {kind}. It knows classes of nn.Module, functions, layers, if, for, while, "
            "arithmetic and calls of PyTorch's functions.",
            kind=kind,
        ),
        getattr(node, "lineno", None),
    )


_WORDS: Mapping[type[ast.AST], Message | str] = {
    ast.Try: "try",
    ast.TryStar: "try",
    ast.Match: "match",
    ast.Global: "global",
    ast.Delete: "del",
    ast.AsyncFunctionDef: Message("async functions"),
    ast.AsyncFor: "async for",
    ast.AsyncWith: "async with",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.With: Message("with, other than torch.no_grad()"),
    ast.NamedExpr: Message("the operator :="),
    ast.Set: Message("sets"),
    ast.SetComp: Message("sets"),
    ast.Import: Message("imports inside of a class or function"),
    ast.ImportFrom: Message("imports inside of a class or function"),
    ast.ClassDef: Message("classes inside of a class or function"),
}


def _expression_statement(node: ast.Expr, scope: Scope) -> None:
    if isinstance(node.value, ast.Constant):  # a docstring, or dots
        return
    evaluate(node.value, scope)


def _assign(node: ast.Assign, scope: Scope) -> None:
    value = evaluate(node.value, scope)
    for target in node.targets:
        assign(target, value, scope)


def _annotated(node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(node.target, evaluate(node.value, scope), scope)


def _augmented(node: ast.AugAssign, scope: Scope) -> None:
    kind = type(node.op)
    match node.target:
        case ast.Name(id=name):
            before = lookup(name, scope)
            _bind(name, binary(kind, before, evaluate(node.value, scope), in_place=True), scope)
        case ast.Attribute(value=owner, attr=name):
            holder = evaluate(owner, scope)
            before = get_attribute(holder, name)
            set_attribute(holder, name, binary(kind, before, evaluate(node.value, scope), in_place=True))
        case ast.Subscript(value=owner, slice=index):
            holder, place = evaluate(owner, scope), evaluate(index, scope)
            before = item(holder, place)
            set_item(holder, place, binary(kind, before, evaluate(node.value, scope), in_place=True))
        case other:
            raise unknown_syntax(other)


def assign(target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind ``value`` to a name, an attribute, an entry, or several of them."""
    match target:
        case ast.Name(id=name):
            _bind(name, value, scope)
        case ast.Attribute(value=owner, attr=name):
            set_attribute(evaluate(owner, scope), name, value)
        case ast.Subscript(value=owner, slice=index):
            set_item(evaluate(owner, scope), evaluate(index, scope), value)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            _unpack(targets, value, scope)
        case other:
            raise unknown_syntax(other)


def _bind(name: str, value: Value, scope: Scope) -> None:
    _check_name(name)
    if name in scope.nonlocals and scope.outer is not None:
        outer: Scope | None = scope.outer
        while outer is not None and name not in outer.names:
            outer = outer.outer
        if outer is not None:
            outer.names[name] = value
            return
    scope.names[name] = value


def _unpack(targets: Sequence[ast.expr], value: Value, scope: Scope) -> None:
    try:
        values = iterated(value)
    except TypeError:
        raise TypeError(f"cannot unpack non-iterable {type_name(value)} object") from None
    starred = next((place for place, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if starred is None:
        if len(values) > len(targets):
            raise ValueError(f"too many values to unpack (expected {len(targets)})")
        if len(values) < len(targets):
            raise ValueError(f"not enough values to unpack (expected {len(targets)}, got {len(values)})")
        for target, entry in zip(targets, values, strict=True):
            assign(target, entry, scope)
        return
    behind = len(targets) - starred - 1
    if len(values) < len(targets) - 1:
        raise ValueError(
            f"not enough values to unpack (expected at least {len(targets) - 1}, got {len(values)})"
        )
    middle = values[starred : len(values) - behind]
    spread = [*values[:starred], middle, *values[len(values) - behind :]]
    for target, entry in zip(targets, spread, strict=True):
        assign(target.value if isinstance(target, ast.Starred) else target, entry, scope)


def _if(node: ast.If, scope: Scope) -> None:
    execute(node.body if truth(evaluate(node.test, scope)) else node.orelse, scope)


def _for(node: ast.For, scope: Scope) -> None:
    for value in iterated(evaluate(node.iter, scope)):
        _step(node)
        assign(node.target, value, scope)
        try:
            execute(node.body, scope)
        except _Continue:
            continue
        except _Break:
            return
    execute(node.orelse, scope)


def _while(node: ast.While, scope: Scope) -> None:
    while truth(evaluate(node.test, scope)):
        _step(node)
        try:
            execute(node.body, scope)
        except _Continue:
            continue
        except _Break:
            return
    execute(node.orelse, scope)


def _return(node: ast.Return, scope: Scope) -> NoReturn:
    raise _Return(None if node.value is None else evaluate(node.value, scope))


def _break(_node: ast.Break, _scope: Scope) -> NoReturn:
    raise _Break


def _continue(_node: ast.Continue, _scope: Scope) -> NoReturn:
    raise _Continue


def _pass(_node: ast.stmt, _scope: Scope) -> None:
    return


def _assert(node: ast.Assert, scope: Scope) -> None:
    if not truth(evaluate(node.test, scope)):
        words = () if node.msg is None else (_as_text(evaluate(node.msg, scope)),)
        raise AssertionError(*words)


def _raise(node: ast.Raise, scope: Scope) -> NoReturn:
    if node.exc is None:
        raise unknown_syntax(node)
    value = evaluate(node.exc, scope)
    if type(value) is ErrorClass:
        raise value.cls
    if type(value) is Constant and isinstance(value.value, Exception):
        raise value.value
    raise TypeError("exceptions must derive from BaseException")


def _with(node: ast.With, scope: Scope) -> None:
    for entry in node.items:
        if entry.optional_vars is not None or evaluate(entry.context_expr, scope) is not NO_GRAD:
            raise unknown_syntax(node)
    execute(node.body, scope)


def _define(node: ast.FunctionDef, scope: Scope) -> None:
    _bind(node.name, function_of(node, scope), scope)


def _nonlocal(node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocals = scope.nonlocals.union(node.names)


STATEMENTS: Mapping[type[ast.stmt], Callable[[Any, Scope], None]] = {
    ast.Expr: _expression_statement,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.For: _for,
    ast.While: _while,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Pass: _pass,
    ast.Assert: _assert,
    ast.Raise: _raise,
    ast.With: _with,
    ast.FunctionDef: _define,
    ast.Nonlocal: _nonlocal,
}

# -- expressions --------------------------------------------------------------------------------


def evaluate(node: ast.expr, scope: Scope) -> Value:
    """The value of an expression.

    Raises:
        Refused: syntax, or a value, that the language does not have.
        Exception: what Python or PyTorch raises.
    """
    _step(node)
    function = EXPRESSIONS.get(type(node))
    try:
        if function is None:
            raise unknown_syntax(node)
        return function(node, scope)
    except _FLOW:
        raise
    except Exception as error:
        note_line(error, node.lineno)
        raise


_CONSTANTS = frozenset((type(None), bool, int, float, str, type(Ellipsis)))


def _constant(node: ast.Constant, _scope: Scope) -> Value:
    value = node.value
    if type(value) not in _CONSTANTS:
        raise Refused(Message("A value of type {type} is not known here.", type=type(value).__name__))
    if type(value) is int and abs(value) >= 2**63:
        raise Refused(Message("The number is too large: numbers stay below 2^63 here."))
    return value


def lookup(name: str, scope: Scope) -> Value:
    """What ``name`` is bound to.

    Raises:
        NameError: nothing.
        Refused: something that the language does not take.
    """
    _check_name(name)
    current: Scope | None = scope
    while current is not None:
        if name in current.names:
            value = current.names[name]
            if type(value) is Missing:
                raise Refused(value.reason)
            return value
        current = current.outer
    if name in BUILTINS:
        return BUILTINS[name]
    if name in _REFUSED_NAMES:
        raise Refused(Message("{name} is not known here.", name=name))
    raise NameError(f"name '{name}' is not defined")


_REFUSED_NAMES = frozenset(dir(builtins))


def _check_name(name: str) -> None:
    if name.startswith("__") or not name.isascii():
        raise Refused(
            Message(
                "The name {name} is not allowed here: names are written in plain letters, without two underscores "
                "in front.",
                name=name[:40],
            )
        )


def _name(node: ast.Name, scope: Scope) -> Value:
    return lookup(node.id, scope)


def _attribute(node: ast.Attribute, scope: Scope) -> Value:
    return get_attribute(evaluate(node.value, scope), node.attr)


def _elements(nodes: Sequence[ast.expr], scope: Scope) -> list[Value]:
    found: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            found += iterated(evaluate(node.value, scope))
        else:
            found.append(evaluate(node, scope))
        if len(found) > LONGEST:
            raise too_long()
    return found


def _dict(node: ast.Dict, scope: Scope) -> dict[Any, Value]:
    found: dict[Any, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(value_node, scope)
        if key_node is None:
            if type(value) not in DICTS:
                raise TypeError(f"'{type_name(value)}' object is not a mapping")
            found.update(value)
            continue
        found[_key(evaluate(key_node, scope))] = value
    return found


def _key(value: Value) -> Value:
    if type(value) in PLAIN or (type(value) is tuple and all(type(part) in PLAIN for part in value)):
        return value
    raise Refused(
        Message("The keys of a dict are texts and numbers here, not a {type}.", type=type_name(value))
    )


def _boolean(node: ast.BoolOp, scope: Scope) -> Value:
    stops_at = isinstance(node.op, ast.Or)
    value: Value = None
    for part in node.values:
        value = evaluate(part, scope)
        if truth(value) is stops_at:
            return value
    return value


def _unary(node: ast.UnaryOp, scope: Scope) -> Value:
    value = evaluate(node.operand, scope)
    return not truth(value) if isinstance(node.op, ast.Not) else unary(type(node.op), value)


def _binary(node: ast.BinOp, scope: Scope) -> Value:
    return binary(type(node.op), evaluate(node.left, scope), evaluate(node.right, scope))


def _compare(node: ast.Compare, scope: Scope) -> Value:
    left = evaluate(node.left, scope)
    result: Value = True
    for sign, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(right_node, scope)
        result = compared(type(sign), left, right)
        if len(node.ops) > 1 and not truth(result):
            return result
        left = right
    return result


def _conditional(node: ast.IfExp, scope: Scope) -> Value:
    return evaluate(node.body if truth(evaluate(node.test, scope)) else node.orelse, scope)


def _subscript(node: ast.Subscript, scope: Scope) -> Value:
    container = evaluate(node.value, scope)
    if type(container) in (
        OwnClass,
        LayerClass,
        TypeName,
        Constant,
    ):  # list[int] and the like, in an annotation's place
        raise Refused(Message("{name}[...] is not known here.", name=container.name))
    return item(container, evaluate(node.slice, scope))


def _slice(node: ast.Slice, scope: Scope) -> slice:
    parts = [None if part is None else evaluate(part, scope) for part in (node.lower, node.upper, node.step)]
    for part in parts:
        if type(part) not in (int, bool, type(None)):
            raise TypeError("slice indices must be integers or None or have an __index__ method")
    return slice(*parts)


def _comprehension(node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> list[Value]:
    found: list[Value] = []
    for inner in _turns(node.generators, scope):
        found.append(evaluate(node.elt, inner))
        if len(found) > LONGEST:
            raise too_long()
    return found


def _dict_comprehension(node: ast.DictComp, scope: Scope) -> dict[Any, Value]:
    found: dict[Any, Value] = {}
    for inner in _turns(node.generators, scope):
        found[_key(evaluate(node.key, inner))] = evaluate(node.value, inner)
        if len(found) > LONGEST:
            raise too_long()
    return found


def _turns(generators: Sequence[ast.comprehension], scope: Scope) -> Iterator[Scope]:
    first, *others = generators
    if first.is_async:
        raise Refused(Message("cnnviz does not know async for."))
    inner = Scope({}, scope, scope.owner)
    for value in iterated(evaluate(first.iter, scope)):
        _step(first.iter)
        assign(first.target, value, inner)
        if all(truth(evaluate(condition, inner)) for condition in first.ifs):
            if others:
                yield from _turns(others, inner)
            else:
                yield inner


def _lambda(node: ast.Lambda, scope: Scope) -> Function:
    return Function(
        "<lambda>",
        node.args,
        node.body,
        [evaluate(default, scope) for default in node.args.defaults],
        _keyword_defaults(node.args, scope),
        scope,
        scope.owner,
    )


def _formatted(node: ast.JoinedStr, scope: Scope) -> str:
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        assert isinstance(part, ast.FormattedValue)
        if part.format_spec is not None or part.conversion != -1:
            raise Refused(
                Message(
                    "Formats inside of an f-string, as in {example}, are not known here.", example="{x:.2f}"
                )
            )
        parts.append(_as_text(evaluate(part.value, scope)))
    text = "".join(parts)
    if len(text) > LONGEST:
        raise too_long()
    return text


def _as_text(value: Value) -> str:
    """What ``str`` makes of a plain value, or of a list of them; of anything else its type."""
    if type(value) in PLAIN:
        return str(value)
    if type(value) in (tuple, list) and all(type(part) in PLAIN for part in value) and len(value) <= 100:
        return str(value)
    if type(value).__name__ == "Size":
        return str(tuple(value))
    raise Refused(Message("A {type} cannot become text here.", type=type_name(value)))


def _starred(node: ast.Starred, _scope: Scope) -> NoReturn:
    raise unknown_syntax(node)


EXPRESSIONS: Mapping[type[ast.expr], Callable[[Any, Scope], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Tuple: lambda node, scope: tuple(_elements(node.elts, scope)),
    ast.List: lambda node, scope: _elements(node.elts, scope),
    ast.Dict: _dict,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.Lambda: _lambda,
    ast.JoinedStr: _formatted,
    ast.Starred: _starred,
    ast.Call: lambda node, scope: _call(node, scope),
}

# -- attributes of instances --------------------------------------------------------------------


def get_attribute(value: Value, name: str) -> Value:
    """``value.name``."""
    if name == "__class__" and isinstance(value, OwnModule):
        return value.own_class
    if name.startswith("__") and name not in ("__init__", "__name__"):
        raise Refused(
            Message("Names with two underscores in front are not known here: {name}.", name=name[:40])
        )
    if not name.isascii():
        _check_name(name)
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


def _constructor_of(value: OwnClass | LayerClass) -> Callable[..., Value]:
    """``nn.Module.__init__(self)`` and ``Parent.__init__(self, ...)``, called through the class."""

    def call(*arguments: Value, **keywords: Value) -> None:
        if not arguments or not isinstance(arguments[0], OwnModule):
            raise Refused(Message("Call {name}.__init__ with self first.", name=value.name))
        base = value.layer_base() if isinstance(value, OwnClass) else value
        assert base is not None
        call_base_constructor(arguments[0], base, arguments[1:])

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
        return Builtin("__init__", lambda *given_: call_base_constructor(module, base, given_))
    if name == "forward" and base.cls is not nn.Module:
        return Builtin("forward", lambda *given_: base.cls.forward(module, *given_))
    return attribute(module, name)


def set_attribute(holder: Value, name: str, value: Value) -> None:
    """``holder.name = value``."""
    _check_name(name)
    if isinstance(holder, OwnModule):
        member = holder.own_class.find(name)
        if _is_kind(member, "property"):
            raise AttributeError(f"property '{name}' of '{type_name(holder)}' object has no setter")
        if isinstance(value, nn.Module) and value is holder:
            raise Refused(Message("A network cannot be a part of itself."))
        set_instance_attribute(holder, name, value)
    elif isinstance(holder, nn.Module):
        set_layer_attribute(holder, name, value)
    elif type(holder) in TENSORS:
        set_tensor_attribute(holder, name, value)
    else:
        raise Refused(Message("Attributes of a {type} cannot be set here.", type=type_name(holder)))


# -- calls --------------------------------------------------------------------------------------


def _call(node: ast.Call, scope: Scope) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id in _SPECIAL and _is_free(node.func.id, scope):
        return _SPECIAL[node.func.id](node, scope)
    function = evaluate(node.func, scope)
    arguments = _elements(node.args, scope)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = evaluate(keyword.value, scope)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
            continue
        if type(value) not in DICTS or not all(type(key) is str for key in value):
            raise TypeError("argument after ** must be a mapping with keys of text")
        keywords.update(value)
    run = _CURRENT.get()
    assert run is not None
    run.line = node.lineno
    return call(function, tuple(arguments), keywords)


def call(function: Value, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> Value:
    """Call ``function``, whatever it is that may be called."""
    for name in keywords:
        _check_name(name)
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
    if kind is Partial:
        return call(function.function, (*function.arguments, *arguments), {**function.keywords, **keywords})
    if kind is TypeName and function.convert is not None:
        return function.convert(*arguments, **keywords)
    if kind is ErrorClass:
        return Constant(function.name, function.cls(*map(_as_text, arguments)))
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
    run = _CURRENT.get()
    assert run is not None
    made: nn.Module
    if issubclass(layer.cls, (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList)):
        made = layer.cls(*arguments, **keywords)
    else:
        made = layer.cls(
            *[given(value, layer.name) for value in arguments],
            **{name: given(value, layer.name) for name, value in keywords.items()},
        )
        run.layers += 1
        run.parameters += sum(parameter.numel() for parameter in made.parameters() if not _is_lazy(parameter))
    if run.layers > MOST_LAYERS:
        raise Refused(Message("More than {most:,} layers are too many here.", most=MOST_LAYERS))
    if run.parameters > MOST_PARAMETERS:
        raise Refused(Message("More than 10 billion parameters are too many here."))
    return made


def _is_lazy(parameter: nn.Parameter) -> bool:
    return isinstance(parameter, nn.parameter.UninitializedParameter)


def instantiate(own: OwnClass, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> nn.Module:
    """An instance of a class of the text."""
    run = _CURRENT.get()
    assert run is not None
    run.layers += 1
    if run.layers > MOST_LAYERS:
        raise Refused(Message("More than {most:,} layers are too many here.", most=MOST_LAYERS))
    module = new_instance(own)
    constructor = own.find("__init__")
    if constructor is not None:
        call(constructor, (module, *arguments), keywords)
        return module
    if keywords:
        raise TypeError(f"{own.name}.__init__() got an unexpected keyword argument '{next(iter(keywords))}'")
    base = own.layer_base()
    assert base is not None
    call_base_constructor(module, base, arguments)
    return module


def call_forward(
    own: OwnClass, module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Value:
    """The forward pass of an instance, as PyTorch calls it."""
    function = own.find("forward")
    with running() as run:
        line = run.line
        try:
            return call(function, (module, *arguments), keywords)
        finally:
            run.line = line


def function_of(node: ast.FunctionDef, scope: Scope, owner: OwnClass | None = None) -> Function:
    """The function that a ``def`` defines.

    Raises:
        Refused: it has a decorator that the language does not know.
    """
    kind = "function"
    for decorator in node.decorator_list:
        if ast.unparse(decorator) in _WITHOUT_EFFECT:
            continue
        name = decorator.id if isinstance(decorator, ast.Name) else ""
        if name not in ("property", "staticmethod", "classmethod") or owner is None:
            raise Refused(
                Message(
                    "cnnviz does not know the decorator of {name}; it knows property and staticmethod.",
                    name=node.name,
                ),
                decorator.lineno,
            )
        kind = name
    return Function(
        node.name,
        node.args,
        node.body,
        [evaluate(default, scope) for default in node.args.defaults],
        _keyword_defaults(node.args, scope),
        scope,
        owner or scope.owner,
        kind,
    )


_WITHOUT_EFFECT = frozenset(
    f"torch.jit.{name}" for name in ("unused", "ignore", "export", "_overload_method")
)
"""Decorators that only TorchScript minds."""


def _keyword_defaults(arguments: ast.arguments, scope: Scope) -> dict[str, Value]:
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: evaluate(default, scope) for argument, default in pairs if default is not None}


def call_function(function: Function, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> Value:
    """Call a function of the text."""
    run = _CURRENT.get()
    assert run is not None
    run.depth += 1
    line = run.line
    try:
        if run.depth > DEEPEST_CALLS:
            raise Refused(
                Message("Functions call each other more than {most} deep here.", most=DEEPEST_CALLS)
            )
        scope = Scope(bound(function, arguments, keywords), function.scope, function.owner)
        if isinstance(function.body, ast.expr):
            return evaluate(function.body, scope)
        try:
            execute(function.body, scope)
        except _Return as returned:
            return returned.value
        return None
    finally:
        run.depth -= 1
        run.line = line


def bound(function: Function, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> dict[str, Value]:
    """The names of the arguments of a call, with Python's own words where they do not fit.

    Raises:
        TypeError: too many, too few or unknown arguments.
    """
    spec, called = function.arguments, _qualified(function)
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    positional_only = {argument.arg for argument in spec.posonlyargs}
    keyword_only = [argument.arg for argument in spec.kwonlyargs]
    found: dict[str, Value] = dict(zip(names, arguments, strict=False))
    extra: dict[str, Value] = {}
    for name, value in keywords.items():
        if (name in names and name not in positional_only) or name in keyword_only:
            if name in found:
                raise TypeError(f"{called}() got multiple values for argument '{name}'")
            found[name] = value
        elif spec.kwarg is not None:
            extra[name] = value
        else:
            raise TypeError(f"{called}() got an unexpected keyword argument '{name}'")
    if len(arguments) > len(names) and spec.vararg is None:
        raise TypeError(_too_many(called, len(names), len(function.defaults), len(arguments)))
    for name, default in zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True):
        found.setdefault(name, default)
    for name, default in function.keyword_defaults.items():
        found.setdefault(name, default)
    missing = [name for name in names if name not in found]
    if missing:
        raise TypeError(_missing(called, missing, "positional"))
    missing = [name for name in keyword_only if name not in found]
    if missing:
        raise TypeError(_missing(called, missing, "keyword-only"))
    if spec.vararg is not None:
        found[spec.vararg.arg] = tuple(arguments[len(names) :])
    if spec.kwarg is not None:
        found[spec.kwarg.arg] = extra
    return found


def _qualified(function: Function) -> str:
    return (
        f"{function.owner.name}.{function.name}"
        if function.owner and function.name != "<lambda>"
        else function.name
    )


def _too_many(called: str, most: int, defaults: int, given_count: int) -> str:
    takes = f"from {most - defaults} to {most}" if defaults else str(most)
    plural = "" if most == 1 and not defaults else "s"
    were = "was" if given_count == 1 else "were"
    return f"{called}() takes {takes} positional argument{plural} but {given_count} {were} given"


def _missing(called: str, names: Sequence[str], kind: str) -> str:
    quoted = [f"'{name}'" for name in names]
    if len(quoted) == 1:
        listed = quoted[0]
    elif len(quoted) == 2:
        listed = " and ".join(quoted)
    else:
        listed = ", ".join(quoted[:-1]) + f", and {quoted[-1]}"
    plural = "" if len(names) == 1 else "s"
    return f"{called}() missing {len(names)} required {kind} argument{plural}: {listed}"


def _is_free(name: str, scope: Scope) -> bool:
    current: Scope | None = scope
    while current is not None:
        if name in current.names:
            return False
        current = current.outer
    return True


def _super(node: ast.Call, scope: Scope) -> Super:
    """``super()`` and ``super(Net, self)``: only with the method's own self."""
    if scope.owner is None or not scope.names:
        raise RuntimeError("super(): no arguments")
    if node.args and len(node.args) != 2:
        raise TypeError("super() argument 1 must be a type")
    owner = evaluate(node.args[0], scope) if node.args else scope.owner
    receiver = evaluate(node.args[1], scope) if node.args else next(iter(scope.names.values()))
    if type(owner) is not OwnClass or not isinstance(receiver, OwnModule):
        raise TypeError("super(type, obj): obj must be an instance or subtype of type")
    if owner not in receiver.own_class.ancestry():
        raise TypeError("super(type, obj): obj must be an instance or subtype of type")
    return Super(receiver, owner)


def _print(node: ast.Call, scope: Scope) -> None:
    """Nothing is printed; what would be is looked at, as it may raise."""
    run = _CURRENT.get()
    assert run is not None
    for argument in node.args:
        if not isinstance(argument, (ast.JoinedStr, ast.Starred)):
            evaluate(argument, scope)
    if not run.printed:
        run.printed = True
        run.remarks.append((node.lineno, Message("print is left out here.")))


def _isinstance(node: ast.Call, scope: Scope) -> bool:
    if len(node.args) != 2 or node.keywords:
        raise TypeError(f"isinstance expected 2 arguments, got {len(node.args)}")
    value, kinds = (evaluate(argument, scope) for argument in node.args)
    return any(_is_instance(value, kind) for kind in (kinds if type(kinds) is tuple else (kinds,)))


def _is_instance(value: Value, kind: Value) -> bool:
    if type(kind) is OwnClass:
        return isinstance(value, OwnModule) and kind in value.own_class.ancestry()
    if type(kind) in (LayerClass, TypeName):
        return same_class(value, kind)
    raise TypeError("isinstance() arg 2 must be a type, a tuple of types, or a union")


def _hasattr(node: ast.Call, scope: Scope) -> bool:
    if len(node.args) != 2:
        raise TypeError(f"hasattr expected 2 arguments, got {len(node.args)}")
    value, name = (evaluate(argument, scope) for argument in node.args)
    if type(name) is not str:
        raise TypeError("hasattr(): attribute name must be string")
    try:
        get_attribute(value, name)
    except AttributeError:
        return False
    return True


def _map(node: ast.Call, scope: Scope) -> list[Value]:
    function, *groups = _elements(node.args, scope)
    return [call(function, row, {}) for row in zip(*map(iterated, groups), strict=False)]


def _getattr(node: ast.Call, scope: Scope) -> Value:
    """``getattr`` with a text, which goes the way of a dot."""
    value, name, *default = _elements(node.args, scope)
    if type(name) is not str:
        raise TypeError("attribute name must be string")
    try:
        return get_attribute(value, name)
    except AttributeError:
        if default:
            return default[0]
        raise


def _setattr(node: ast.Call, scope: Scope) -> None:
    value, name, new = _elements(node.args, scope)
    if type(name) is not str:
        raise TypeError("attribute name must be string")
    set_attribute(value, name, new)


_SPECIAL: Mapping[str, Callable[[ast.Call, Scope], Value]] = {
    "super": _super,
    "print": _print,
    "isinstance": _isinstance,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "setattr": _setattr,
    "map": _map,
}
"""Functions of Python's that need more than the values of their arguments."""
