"""Proposals about how a class is put together: its constructor, its forward, its base, its imports."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.own.program import sequential_of
from cnnviz.own.remedies.text import BY_CONVENTION, Proposal, Text, method, methods
from cnnviz.own.rewriting import Edit
from cnnviz.own.slips import tries_super
from cnnviz.tracing.mistakes import FORWARD_SPELLINGS, INIT_SPELLINGS

_SUPER = "super().__init__()"
_NAME_OF_DEF = re.compile(rb"(?:async\s+)?def\s+|class\s+")


def of_structure(text: Text) -> Iterator[Proposal]:
    """Proposals for a text that gives no network, or one that fails."""
    yield from _imports(text)
    yield from _sequential(text)
    yield from _default(text)
    for cls in text.classes:
        yield from _base(text, cls)
        yield from _constructor(text, cls)
        yield from _forward(text, cls)
        yield from _arguments(text, cls)
    yield from _return(text)


def _name_span(text: Text, node: ast.FunctionDef | ast.ClassDef) -> tuple[int, int]:
    """The bytes of the name in ``def name`` and ``class name``."""
    start, end = text.source.span(node)
    found = _NAME_OF_DEF.search(text.source.data, start, end)
    assert found is not None
    return found.end(), found.end() + len(node.name.encode())


def _renamed(text: Text, function: ast.FunctionDef, name: str) -> Proposal:
    return Proposal(
        (Edit(*_name_span(text, function), name),),
        Message("Rename {method} to {name}.", method=function.name, name=name),
    )


def _imports(text: Text) -> Iterator[Proposal]:
    used = {node.id for node in text.source.nodes() if isinstance(node, ast.Name)}
    missing = [line for name, line in BY_CONVENTION.items() if name in used and name not in text.imported]
    missing = [line for line in missing if line.rpartition(" ")[2] not in _assigned_outside(text)]
    if missing:
        first = next((node for node in text.source.body if not _comes_first(node)), text.source.body[-1])
        lines = text.source.line_end.join(missing)
        yield Proposal(
            (text.source.line_before(first, lines),),
            Message("Add at the top: {line}", line="; ".join(missing)),
        )


def _sequential(text: Text) -> Iterator[Proposal]:
    """``model = nn.Sequential(...)`` becomes a class that is derived from it, and an instance of that."""
    found = None if text.classes else sequential_of(text.source.body)
    if found is None or not found[1].args or found[1].keywords:
        return
    statement, call = found
    name = "Net" if "Net" not in _assigned_outside(text) else "Network"
    end_of_line = text.source.line_end
    start, end = text.source.span(call.args[0])[0], text.source.span(call.args[-1])[1]
    layers = text.source.data[start:end].decode()
    behind = "" if isinstance(call.args[0], ast.Starred) and len(call.args) == 1 else ","
    lines = [
        f"class {name}({text.source.segment(call.func)}):",
        "    def __init__(self):",
        "        super().__init__(",
        *(f"            {line.strip()}" for line in f"{layers}{behind}".splitlines()),
        "        )",
        "",
        "",
    ]
    at = text.source.line_start(statement.lineno)
    yield Proposal(
        (Edit(at, at, end_of_line.join(lines)), text.source.replaced(call, f"{name}()")),
        Message("Write it as a class."),
    )


def _default(text: Text) -> Iterator[Proposal]:
    """A number of classes that the constructor is not given gets the usual one."""
    problem = text.reading.problem
    cls = text.class_at(problem.line) if problem is not None and problem.kind == "constructor" else None
    constructor = None if cls is None else method(cls, "__init__")
    if constructor is None:
        return
    spec = constructor.args
    without = spec.args[1 : len(spec.args) - len(spec.defaults)]
    if len(without) == 1 and "class" in without[0].arg:
        end = text.source.span(without[0])[1]
        sign = "=10" if without[0].annotation is None else " = 10"
        yield Proposal(
            (Edit(end, end, sign),),
            Message("Give {name} the value 10, if nothing else is said.", name=without[0].arg),
        )


def _assigned_outside(text: Text) -> set[str]:
    return {
        node.id
        for statement in text.source.body
        if isinstance(statement, ast.Assign)
        for node in statement.targets
        if isinstance(node, ast.Name)
    }


def _comes_first(node: ast.stmt) -> bool:
    """Whether it is a docstring or an import from ``__future__``."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _base(text: Text, cls: ast.ClassDef) -> Iterator[Proposal]:
    problem = text.reading.problem
    if problem is None or problem.line != cls.lineno:
        return
    module = text.written("nn.Module") or "nn.Module"
    sentence = Message("Derive it from nn.Module: class {name}(nn.Module).", name=cls.name)
    if cls.bases:
        yield Proposal((text.source.replaced(cls.bases[0], module),), sentence)
        return
    _, end = _name_span(text, cls)
    empty = re.compile(rb"\s*\(\s*\)").match(text.source.data, end)
    yield Proposal((Edit(end, empty.end() if empty else end, f"({module})"),), sentence)


def _constructor(text: Text, cls: ast.ClassDef) -> Iterator[Proposal]:
    constructor = method(cls, "__init__")
    if constructor is None:
        for function in methods(cls):
            if function.name.strip("_").lower() in INIT_SPELLINGS:
                yield _renamed(text, function, "__init__")
        return
    yield from _super(text, cls, constructor)


def _super(text: Text, cls: ast.ClassDef, constructor: ast.FunctionDef) -> Iterator[Proposal]:
    body = constructor.body[1:] if _comes_first(constructor.body[0]) else constructor.body
    correct = (_SUPER, f"super({cls.name}, self).__init__()", "nn.Module.__init__(self)")
    calls = [statement for statement in body if tries_super(statement)]
    good = [statement for statement in calls if ast.unparse(statement) in correct]
    if not body or body[0] in good or body[0].lineno == constructor.lineno:
        return
    sentence = Message("Make super().__init__() the first line of __init__.")
    if body[0] in calls:
        yield Proposal((text.source.replaced(body[0], _SUPER),), sentence)
        return
    wrong = good or calls
    words = text.source.segment(good[0]) if good else _SUPER
    edits = [text.source.line_before(body[0], words), *(text.source.without_lines(s) for s in wrong[:1])]
    yield Proposal(tuple(edits), sentence)


# -- forward -----------------------------------------------------------------------------------------


def _forward(text: Text, cls: ast.ClassDef) -> Iterator[Proposal]:
    if method(cls, "forward") is not None:
        return
    for function in methods(cls):
        yield from _inside(text, function)
        if function.name.strip("_").lower() in FORWARD_SPELLINGS:
            yield _renamed(text, function, "forward")
    for statement in text.source.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "forward":
            yield _indented(text, cls, statement)
    others = [m for m in methods(cls) if len(m.args.args) == 2 and not m.name.startswith("__init")]
    if len(others) == 1:
        yield _renamed(text, others[0], "forward")


def _inside(text: Text, outer: ast.FunctionDef) -> Iterator[Proposal]:
    """A forward that is defined inside of another method moves one level out."""
    for node in ast.walk(outer):
        if isinstance(node, ast.FunctionDef) and node.name == "forward" and node is not outer:
            less = len(text.source.indent(node.lineno)) - len(text.source.indent(outer.lineno))
            edits = [
                Edit(start, start + less, "")
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
                if len(text.source.indent(line)) >= less
                for start in (text.source.line_start(line),)
            ]
            yield Proposal(
                tuple(edits),
                Message("Indent it like {method}, one level below the class.", method=outer.name),
            )


def _indented(text: Text, cls: ast.ClassDef, function: ast.FunctionDef) -> Proposal:
    """A forward behind the class becomes a part of it."""
    blanks = text.source.indent(cls.body[0].lineno)
    edits = [
        Edit(start, start, blanks)
        for line in range(function.lineno, (function.end_lineno or function.lineno) + 1)
        for start in (text.source.line_start(line),)
    ]
    return Proposal(tuple(edits), Message("Indent forward, so that it is a part of {name}.", name=cls.name))


def _arguments(text: Text, cls: ast.ClassDef) -> Iterator[Proposal]:
    """A method without self, a forward without its input."""
    for function in methods(cls):
        given = [argument.arg for argument in function.args.args]
        plain = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
        if plain or function.args.vararg is not None or function.args.posonlyargs:
            continue
        if given[:1] != ["self"] and function.name in ("__init__", "forward"):
            yield _with_arguments(text, function, "self", front=True)
        elif given == ["self"] and function.name == "forward":
            yield _with_arguments(text, function, _first_read(text, function), front=False)


def _first_read(text: Text, function: ast.FunctionDef) -> str:
    """The name that a forward without an input reads first, though nothing gave it a value: it is the input."""
    known = {"self", *text.imported, *dir(builtins)}
    read = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known
    ]
    return min(read, key=lambda node: (node.lineno, node.col_offset)).id if read else "x"


def _with_arguments(text: Text, function: ast.FunctionDef, name: str, front: bool) -> Proposal:
    given = function.args.args
    if given:
        place = text.source.span(given[0])[0 if front else 1]
        words = f"{name}, " if front else f", {name}"
    else:
        place = text.source.data.index(b"(", text.source.span(function)[0]) + 1
        words = name
    return Proposal(
        (Edit(place, place, words),),
        Message("Add the argument {name} to {method}.", name=name, method=function.name),
    )


# -- return ------------------------------------------------------------------------------------------


def _return(text: Text) -> Iterator[Proposal]:
    """A forward that came to its end without an error and gave no tensor."""
    trace = text.reading.trace
    cls = text.class_at(text.line)
    forward = None if cls is None else method(cls, "forward")
    if trace is None or trace.failure is None or forward is None:
        return
    last, value = forward.body[-1], _last_value(forward)
    sentence = Message("End forward with a return statement.")
    if isinstance(last, ast.Return):
        if last.value is None or isinstance(last.value, ast.Constant):
            yield Proposal((text.source.replaced(last, f"return {value}"),), sentence)
        elif isinstance(last.value, ast.Attribute):
            called = f"return {text.source.segment(last.value)}({value})"
            yield Proposal(
                (text.source.replaced(last, called),),
                Message("Call it: {code}.", code=called),
            )
    elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        given = last.value
        if isinstance(given.func, ast.Name) and given.func.id == "print" and given.args:
            yield Proposal(
                (text.source.replaced(last, f"return {text.source.segment(given.args[0])}"),), sentence
            )
        else:
            yield Proposal((text.source.replaced(last, f"return {text.source.segment(last)}"),), sentence)
    else:
        indent = text.source.indent(forward.body[0].lineno)
        yield Proposal((text.source.line_after(last, f"return {value}", indent),), sentence)


def _last_value(forward: ast.FunctionDef) -> str:
    """The name that forward assigned last; that of its input where it assigned none."""
    assigned = [
        target.id
        for node in ast.walk(forward)
        if isinstance(node, (ast.Assign, ast.AugAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    given = [argument.arg for argument in forward.args.args if argument.arg != "self"]
    return (assigned or given or ["x"])[-1]
