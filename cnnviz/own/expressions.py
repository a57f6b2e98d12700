"""Expressions: each kind of syntax has its function in a table; what is in no table is refused."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from torch import nn

from cnnviz.language import Message
from cnnviz.own.calls import call, class_of_value, get_attribute, set_attribute
from cnnviz.own.library import PLAIN, iterated, same_class
from cnnviz.own.networks import (
    OwnModule,
)
from cnnviz.own.operators import (
    DICTS,
    LONGEST,
    binary,
    compared,
    item,
    set_item,
    too_long,
    truth,
    unary,
)
from cnnviz.own.runs import FLOW, as_text, note, step, the_run, unknown_syntax
from cnnviz.own.scopes import bind, is_free, lookup
from cnnviz.own.values import (
    Constant,
    Function,
    LayerClass,
    OwnClass,
    Record,
    RecordClass,
    Refused,
    Scope,
    Super,
    TypeName,
    Value,
    type_name,
)
from cnnviz.tracing.lines import note_line


def assign(target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind ``value`` to a name, an attribute, an entry, or several of them."""
    match target:
        case ast.Name(id=name):
            bind(name, value, scope)
        case ast.Attribute(value=owner, attr=name):
            set_attribute(evaluate(owner, scope), name, value)
        case ast.Subscript(value=owner, slice=index):
            set_item(evaluate(owner, scope), evaluate(index, scope), value)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            _unpack(targets, value, scope)
        case other:
            raise unknown_syntax(other)


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


def evaluate(node: ast.expr, scope: Scope) -> Value:
    """The value of an expression.

    Raises:
        Refused: syntax, or a value, that the language does not have.
        Exception: what Python or PyTorch raises.
    """
    step(node)
    function = EXPRESSIONS.get(type(node))
    try:
        if function is None:
            raise unknown_syntax(node)
        return function(node, scope)
    except FLOW:
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
    value = binary(type(node.op), evaluate(node.left, scope), evaluate(node.right, scope))
    if type(node.op) is ast.Mult and type(value) in (list, tuple) and _repeats_weights(value):
        note("same-layer-repeated", node.lineno, node.col_offset)
    return value


def _repeats_weights(values: Sequence[Value]) -> bool:
    """Whether a layer with parameters stands in a list that was multiplied, and so more than once."""
    trained = [id(v) for v in values if isinstance(v, nn.Module) and any(True for _ in v.parameters())]
    return len(trained) > len(set(trained))


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
        step(first.iter)
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
        lambda names: evaluate(node.body, names),
        [evaluate(default, scope) for default in node.args.defaults],
        keyword_defaults(node.args, scope),
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
                Message("Formats inside an f-string, as in {example}, are not known here.", example="{x:.2f}")
            )
        parts.append(as_text(evaluate(part.value, scope)))
    text = "".join(parts)
    if len(text) > LONGEST:
        raise too_long()
    return text


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


def _call(node: ast.Call, scope: Scope) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id in _SPECIAL and is_free(node.func.id, scope):
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
    run = the_run()
    run.line = node.lineno
    run.calls.append(node)
    try:
        value = call(function, tuple(arguments), keywords)
        run.note_made(value, function)
        return value
    finally:
        run.calls.pop()


def keyword_defaults(arguments: ast.arguments, scope: Scope) -> dict[str, Value]:
    """The defaults of arguments that are given by name alone."""
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: evaluate(default, scope) for argument, default in pairs if default is not None}


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
    for argument in node.args:
        if not isinstance(argument, (ast.JoinedStr, ast.Starred)):
            evaluate(argument, scope)


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
    if type(kind) is RecordClass:
        return type(value) is Record and value.kind is kind
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


def _type(node: ast.Call, scope: Scope) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise Refused(Message("type() takes one value here."))
    return class_of_value(evaluate(node.args[0], scope))


def _next(node: ast.Call, scope: Scope) -> Value:
    """The first value of a generator; an iterator that is kept cannot go on, as there are none in the language."""
    if not node.args or not isinstance(node.args[0], (ast.GeneratorExp, ast.Call)):
        raise Refused(
            Message("next() is known here only directly of a generator, as in next(v for v in values).")
        )
    values, *default = _elements(node.args, scope)
    found = iterated(values)
    if found:
        return found[0]
    if default:
        return default[0]
    raise StopIteration


_SPECIAL: Mapping[str, Callable[[ast.Call, Scope], Value]] = {
    "super": _super,
    "print": _print,
    "isinstance": _isinstance,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "setattr": _setattr,
    "map": _map,
    "type": _type,
    "next": _next,
}
"""Functions of Python's that need more than the values of their arguments."""
