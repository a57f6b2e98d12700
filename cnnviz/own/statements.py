"""Statements: each kind of syntax has its function in a table; what is in no table is refused."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from torch import Tensor

from cnnviz.language import Message
from cnnviz.own.calls import get_attribute, set_attribute
from cnnviz.own.expressions import assign, evaluate, keyword_defaults
from cnnviz.own.library import NO_GRAD, iterated
from cnnviz.own.operators import (
    binary,
    item,
    set_item,
    truth,
)
from cnnviz.own.runs import FLOW, Broken, Continued, Returned, as_text, note, step, unknown_syntax
from cnnviz.own.scopes import bind, lookup
from cnnviz.own.values import (
    Constant,
    ErrorClass,
    Function,
    OwnClass,
    Refused,
    Scope,
    Value,
)
from cnnviz.tracing.lines import note_line


def execute(body: Sequence[ast.stmt], scope: Scope) -> None:
    """Run the statements one after the other.

    Raises:
        Refused: a statement that the language does not have.
        Exception: what the text raises, or PyTorch.
    """
    for statement in body:
        step(statement)
        action = STATEMENTS.get(type(statement))
        try:
            if action is None:
                raise unknown_syntax(statement)
            action(statement, scope)
        except FLOW:
            raise
        except Exception as error:
            note_line(error, statement.lineno)
            raise


def _expression_statement(node: ast.Expr, scope: Scope) -> None:
    if isinstance(node.value, ast.Constant):  # a docstring, or dots
        return
    value = evaluate(node.value, scope)
    if _is_new_tensor(node.value, value, scope):
        note("result-dropped", node.lineno, node.col_offset)


def _is_new_tensor(node: ast.expr, value: Value, scope: Scope) -> bool:
    """Whether a call gave a tensor that it made, rather than one that it changed in place."""
    if type(value) is not Tensor or not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    if name.endswith("_") or any(value is known for known in scope.names.values()):
        return False
    own = scope.owner.find(name.removeprefix("self.")) if scope.owner is not None else None
    return own is None  # a method of the text may be called for what it does beside


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
            bind(name, binary(kind, before, evaluate(node.value, scope), in_place=True), scope)
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


def _if(node: ast.If, scope: Scope) -> None:
    execute(node.body if truth(evaluate(node.test, scope)) else node.orelse, scope)


def _for(node: ast.For, scope: Scope) -> None:
    for value in iterated(evaluate(node.iter, scope)):
        step(node)
        assign(node.target, value, scope)
        try:
            execute(node.body, scope)
        except Continued:
            continue
        except Broken:
            return
    execute(node.orelse, scope)


def _while(node: ast.While, scope: Scope) -> None:
    while truth(evaluate(node.test, scope)):
        step(node)
        try:
            execute(node.body, scope)
        except Continued:
            continue
        except Broken:
            return
    execute(node.orelse, scope)


def _return(node: ast.Return, scope: Scope) -> NoReturn:
    raise Returned(None if node.value is None else evaluate(node.value, scope))


def _break(_node: ast.Break, _scope: Scope) -> NoReturn:
    raise Broken


def _continue(_node: ast.Continue, _scope: Scope) -> NoReturn:
    raise Continued


def _pass(_node: ast.stmt, _scope: Scope) -> None:
    return


def _assert(node: ast.Assert, scope: Scope) -> None:
    if not truth(evaluate(node.test, scope)):
        words = () if node.msg is None else (as_text(evaluate(node.msg, scope)),)
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
    bind(node.name, function_of(node, scope), scope)


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


def _returned(body: Sequence[ast.stmt], names: Scope) -> Value:
    """What the body of a function returns."""
    try:
        execute(body, names)
    except Returned as returned:
        return returned.value
    return None


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
        lambda names: _returned(node.body, names),
        [evaluate(default, scope) for default in node.args.defaults],
        keyword_defaults(node.args, scope),
        scope,
        owner or scope.owner,
        kind,
        node,
    )


_WITHOUT_EFFECT = frozenset(
    (
        "torch.no_grad()",
        "torch.inference_mode()",
        *(f"torch.jit.{name}" for name in ("unused", "ignore", "export", "_overload_method")),
    )
)
"""Decorators that change no shape, or that only TorchScript minds."""
