"""Proposals about how layers are made and called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.own.remedies.text import Proposal, Text, attributes_assigned, is_self, methods
from cnnviz.own.rewriting import Edit


def of_calls(text: Text) -> Iterator[Proposal]:
    """Proposals for a text that gives no network, or one that fails."""
    yield from _made_of_a_tensor(text)
    yield from _comma(text)
    yield from _classes(text)
    yield from _list_in_sequential(text)
    yield from _module_list_called(text)


def _made_of_a_tensor(text: Text) -> Iterator[Proposal]:
    """``nn.ReLU(x)`` becomes ``nn.ReLU()(x)``, everywhere outside of constructors."""
    edits: list[Edit] = []
    told: list[str] = []
    for cls in text.classes:
        for function in methods(cls):
            if function.name == "__init__":
                continue
            called = {id(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and id(node) not in called:
                    words = _called(text, node, function)
                    if words is not None:
                        edits.append(text.source.replaced(node, words))
                        told.append(words)
    if edits:
        yield Proposal(
            tuple(_outermost(edits)),
            Message("Make the layer first, then call it: {code}.", code=told[0]),
        )


def _outermost(edits: list[Edit]) -> list[Edit]:
    """Those edits that are inside of no other one."""
    return [
        edit
        for edit in edits
        if not any(
            other is not edit and other.start <= edit.start and edit.end <= other.end for other in edits
        )
    ]


def _called(text: Text, node: ast.Call, function: ast.FunctionDef) -> str | None:
    """The call of a layer that ``node`` makes of a tensor, or makes and does not call."""
    layer = text.is_layer_class(node.func)
    if layer is None or any(isinstance(given, ast.Starred) for given in node.args):
        return None
    made = text.source.segment(node.func)
    first = node.args[0] if node.args else None
    if first is not None and _is_tensor(first):
        settings = [text.source.segment(given) for given in node.args[1:]]
        settings += [f"{keyword.arg}={text.source.segment(keyword.value)}" for keyword in node.keywords]
        if layer in ("Softmax", "LogSoftmax") and not settings:
            settings = ["dim=1"]
        return f"{made}({', '.join(settings)})({text.source.segment(first)})"
    if first is None:
        for statement in ast.walk(function):
            if isinstance(statement, ast.Assign) and statement.value is node:
                target = statement.targets[0]
                given = {argument.arg for argument in function.args.args}
                if isinstance(target, ast.Name) and (target.id in given or _used_before(function, target)):
                    return f"{text.source.segment(node)}({target.id})"
    return None


def _used_before(function: ast.FunctionDef, target: ast.Name) -> bool:
    """Whether something was assigned to the name before, which is then what the layer is for."""
    return any(
        isinstance(n, ast.Name)
        and n.id == target.id
        and isinstance(n.ctx, ast.Store)
        and n.lineno < target.lineno
        for n in ast.walk(function)
    )


def _is_tensor(node: ast.expr) -> bool:
    """Whether an argument looks like what a layer is called with, not like a setting."""
    return isinstance(node, (ast.Name, ast.Call, ast.BinOp))


def _comma(text: Text) -> Iterator[Proposal]:
    """``self.conv = nn.Conv2d(1, 4, 3),`` is a tuple."""
    for node in text.source.nodes():
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Tuple)
            and len(node.value.elts) == 1
            and isinstance(node.value.elts[0], ast.Call)
        ):
            words = text.source.segment(node.value.elts[0])
            yield Proposal(
                (text.source.replaced(node.value, words),),
                Message("Remove the comma at the end of the line."),
            )


def _classes(text: Text) -> Iterator[Proposal]:
    """``nn.ReLU`` among the layers of a container, without its parentheses."""
    places = [
        part
        for node in text.source.nodes()
        if isinstance(node, ast.Call) and text.is_layer_class(node.func) in ("Sequential", "ModuleList")
        for given in node.args
        for part in (given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given])
    ]
    named = [part for part in places if text.is_layer_class(part) is not None]
    if named:
        edits = [text.source.replaced(part, f"{text.source.segment(part)}()") for part in named]
        yield Proposal(
            tuple(edits), Message("Add the parentheses: {name}().", name=text.source.segment(named[0]))
        )


def _list_in_sequential(text: Text) -> Iterator[Proposal]:
    for node in text.source.nodes():
        if (
            isinstance(node, ast.Call)
            and text.is_layer_class(node.func) == "Sequential"
            and len(node.args) == 1
            and isinstance(node.args[0], (ast.List, ast.ListComp, ast.Name, ast.Tuple))
            and node.lineno <= (text.line or 0) <= (node.end_lineno or 0)
        ):
            start, _ = text.source.span(node.args[0])
            yield Proposal((Edit(start, start, "*"),), Message("Put a star in front of the list of layers."))


def _module_list_called(text: Text) -> Iterator[Proposal]:
    """A list of layers that is called like a network becomes one."""
    failure = text.reading.trace.failure if text.reading.trace else None
    if failure is None or failure.type != "ModuleList":
        return
    cls, name = text.class_at(text.line), failure.name.rpartition(".")[2]
    made = None if cls is None else attributes_assigned(cls).get(name)
    value = None if made is None else made.value
    sequential = text.written("nn.Sequential")
    if isinstance(value, ast.Call) and len(value.args) == 1 and sequential is not None:
        words = f"{sequential}(*{text.source.segment(value.args[0])})"
        yield Proposal(
            (text.source.replaced(value, words),),
            Message("Use nn.Sequential, which calls its layers in turn."),
        )


def dropped_result(text: Text, line: int) -> Iterator[Proposal]:
    """``F.relu(x)`` in a line of its own becomes ``x = F.relu(x)``."""
    statement = text.simple_at(line)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        method_of = (
            owner if isinstance(owner, ast.Name) and owner.id not in ("self", *text.imported) else None
        )
        given = method_of or next((a for a in call.args if isinstance(a, ast.Name)), None)
        if given is not None and not is_self(given):
            words = f"{given.id} = {text.source.segment(statement)}"
            yield Proposal(
                (text.source.replaced(statement, words),),
                Message("Keep the result: {code}.", code=words),
                "result-dropped",
            )
