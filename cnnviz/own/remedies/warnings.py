"""Proposals for what runs and hardly does what is meant: each ends one warning."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.operations.op import product
from cnnviz.own.line_warnings import LineWarning
from cnnviz.own.remedies.layers import dropped_result
from cnnviz.own.remedies.shapes import kept_batch, reshape_for_view
from cnnviz.own.remedies.text import (
    Proposal,
    Text,
    attributes_assigned,
    is_self,
    method,
)
from cnnviz.own.rewriting import Edit

_REMOVED = ("softmax", "log_softmax", "relu", "relu6")


def of_warnings(text: Text) -> Iterator[Proposal]:
    """Proposals for the warnings of a reading, in their order."""
    for warning in text.reading.warnings:
        if warning.line is None:
            continue
        if warning.code in ("softmax-before-loss", "relu-at-the-end"):
            yield from _removed(text, warning, warning.line)
        elif warning.code == "unregistered":
            yield from _registered(text, warning, warning.line)
        elif warning.code == "dropout-in-evaluation":
            yield from _training(text, warning.line)
        elif warning.code == "broadcast-sum":
            yield from _projected(text, warning, warning.line)
        elif warning.code == "rows-for-images":
            yield from _flattened(text)
        elif warning.code == "mixed-images":
            yield from _over_classes(text, warning.line)
            yield from kept_batch(text, warning.line, warning.code)
        elif warning.code == "view-of-one-channel":
            yield from _reshaped(text, warning.line, warning.code)
        elif warning.code == "reread-memory":
            yield from _permuted(text, warning, warning.line)
        elif warning.code == "result-dropped":
            yield from dropped_result(text, warning.line)
        elif warning.code == "same-layer-repeated":
            yield from _comprehended(text, warning.line)
        elif warning.code == "return-in-loop":
            yield from _outside_the_loop(text, warning.line)


def _calls(text: Text, line: int) -> list[ast.Call]:
    statement = text.simple_at(line)
    return [n for n in ast.walk(statement) if isinstance(n, ast.Call)] if statement is not None else []


# -- a function too much -----------------------------------------------------------------------------


def _removed(text: Text, warning: LineWarning, line: int) -> Iterator[Proposal]:
    """A softmax or ReLU behind the last layer is taken out: a call, or a layer of a list."""
    sentence = Message("Remove {name}.", name=warning.name)
    statement = text.simple_at(line)
    for node in _calls(text, line):
        value = _what_it_is_given(text, node, _module(text, warning))
        if value is None or statement is None:
            continue
        edit = text.source.replaced(node, text.source.segment(value))
        if _assigns_itself(statement, node, value):
            edit = text.source.without_lines(statement)
        yield Proposal((edit, *_layer_of(text, node)), sentence, warning.code)
    yield from _removed_from_a_list(text, warning, sentence)


def _module(text: Text, warning: LineWarning) -> str | None:
    """The name in its container of the layer that a warning is about; None for a function."""
    assert text.reading.trace is not None
    assert warning.op is not None
    path = text.reading.trace.ops[warning.op].module
    return None if path is None else path.rpartition(".")[2]


def _what_it_is_given(text: Text, node: ast.Call, layer: str | None) -> ast.expr | None:
    """The values that a softmax or ReLU is applied to; None where ``node`` is no such call.

    ``layer`` is the name of it as an attribute, if it is a layer.
    """
    func = node.func
    if isinstance(func, ast.Attribute) and func.attr in _REMOVED:
        owner = ast.unparse(func.value)
        if owner not in (text.known_as("F"), text.known_as("torch")) and not is_self(func):
            return func.value
    is_layer = layer is not None and is_self(func, layer)
    is_function = ast.unparse(func).rpartition(".")[2] in _REMOVED
    made_here = isinstance(func, ast.Call) and text.is_layer_class(func.func) in ("Softmax", "ReLU", "ReLU6")
    return node.args[0] if node.args and (is_layer or is_function or made_here) else None


def _assigns_itself(statement: ast.stmt, node: ast.Call, value: ast.expr) -> bool:
    """Whether only ``x = x`` would be left."""
    return (
        isinstance(statement, ast.Assign)
        and statement.value is node
        and isinstance(value, ast.Name)
        and [ast.unparse(target) for target in statement.targets] == [value.id]
    )


def _layer_of(text: Text, node: ast.Call) -> Iterator[Edit]:
    """The line that makes the layer that ``node`` calls, if nothing else uses it."""
    cls = text.class_at(node.lineno)
    if cls is None or not isinstance(node.func, ast.Attribute) or not is_self(node.func):
        return
    made = attributes_assigned(cls).get(node.func.attr)
    uses = sum(
        is_self(n, node.func.attr) and isinstance(n.ctx, ast.Load)
        for n in ast.walk(cls)
        if isinstance(n, ast.Attribute)
    )
    if made is not None and uses == 1 and len(made.targets) == 1:
        yield text.source.without_lines(made)


def _removed_from_a_list(text: Text, warning: LineWarning, sentence: Message) -> Iterator[Proposal]:
    place = warning.name.rpartition(".")[2]
    if not place.isdigit():
        return
    for node in text.source.nodes():
        if isinstance(node, ast.Call) and text.is_layer_class(node.func) == "Sequential":
            parts = node.args
            if len(parts) != int(place) + 1 or int(place) == 0:
                continue
            start, end = text.source.span(parts[-2])[1], text.source.span(parts[-1])[1]
            yield Proposal((Edit(start, end, ""),), sentence, warning.code)


# -- what PyTorch does not find ----------------------------------------------------------------------

_CONTAINER = {ast.Dict: "ModuleDict", ast.DictComp: "ModuleDict"}


def _registered(text: Text, warning: LineWarning, line: int) -> Iterator[Proposal]:
    """A plain list of layers becomes an nn.ModuleList, a dict an nn.ModuleDict; a layer moves out of forward."""
    statement = text.simple_at(line)
    if isinstance(statement, ast.Assign) and any(map(is_self, statement.targets)):
        container = _CONTAINER.get(type(statement.value), "ModuleList")
        written = text.written(f"nn.{container}")
        if written is not None:
            words = f"{written}({text.source.segment(statement.value)})"
            yield Proposal(
                (text.source.replaced(statement.value, words),),
                Message("Use nn.{container}, in which PyTorch finds the layers.", container=container),
                warning.code,
            )
        return
    yield from _moved_to_the_constructor(text, warning, line)


def _moved_to_the_constructor(text: Text, warning: LineWarning, line: int) -> Iterator[Proposal]:
    cls = text.class_at(line)
    constructor = None if cls is None else method(cls, "__init__")
    for node in _calls(text, line):
        made = node.func
        if not isinstance(made, ast.Call) or text.is_layer_class(made.func) != warning.name:
            continue
        if cls is None or constructor is None or not all(_is_plain(n) for n in (*made.args, *made.keywords)):
            continue
        name = _free(warning.name.lower(), attributes_assigned(cls))
        indent = text.source.indent(constructor.body[-1].lineno)
        yield Proposal(
            (
                text.source.line_after(
                    constructor.body[-1], f"self.{name} = {text.source.segment(made)}", indent
                ),
                text.source.replaced(made, f"self.{name}"),
            ),
            Message("Make the layer once, in __init__: self.{name}.", name=name),
            warning.code,
        )


def _free(name: str, taken: object) -> str:
    known = set(taken) if isinstance(taken, dict) else set()
    return next(n for n in (name, *(f"{name}{i}" for i in range(2, 1_000))) if n not in known)


def _is_plain(node: ast.AST) -> bool:
    """Whether an argument is made of numbers and words alone, so that it means the same in another method."""
    return not any(isinstance(n, (ast.Name, ast.Call)) for n in ast.walk(node))


# -- dropout -----------------------------------------------------------------------------------------


def _training(text: Text, line: int) -> Iterator[Proposal]:
    """``training=self.training`` for a dropout function, and the function for a layer that is made in every pass."""
    for node in _calls(text, line):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name.startswith(("dropout", "alpha_dropout", "feature_")):
            given = next((keyword for keyword in node.keywords if keyword.arg == "training"), None)
            if given is not None:
                edit = text.source.replaced(given.value, "self.training")
            else:
                edit = text.source.with_argument(node, "training=self.training")
            yield Proposal(
                (edit,), Message("Drop values in training alone: training=self.training."), _DROPOUT
            )
        elif isinstance(node.func, ast.Call) and (layer := text.is_layer_class(node.func.func)) in _FUNCTIONS:
            function = text.written(f"F.{_FUNCTIONS[str(layer)]}")
            if function is not None and node.args:
                settings = [text.source.segment(n) for n in node.func.args]
                settings += [f"{k.arg}={text.source.segment(k.value)}" for k in node.func.keywords]
                given_all = [text.source.segment(node.args[0]), *settings, "training=self.training"]
                yield Proposal(
                    (text.source.replaced(node, f"{function}({', '.join(given_all)})"),),
                    Message("Drop values in training alone: training=self.training."),
                    _DROPOUT,
                )


_DROPOUT = "dropout-in-evaluation"
_FUNCTIONS = {
    "Dropout": "dropout",
    "Dropout1d": "dropout1d",
    "Dropout2d": "dropout2d",
    "Dropout3d": "dropout3d",
}


# -- the order of values -----------------------------------------------------------------------------


def _reshaped(text: Text, line: int, code: str) -> Iterator[Proposal]:
    for node in _calls(text, line):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            yield reshape_for_view(text, node, code)


def _permuted(text: Text, warning: LineWarning, line: int) -> Iterator[Proposal]:
    order = warning.reason.values.get("order")
    if not isinstance(order, str):
        return
    for node in _calls(text, line):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("view", "reshape"):
            owner = text.source.segment(node.func.value)
            if owner != text.known_as("torch"):
                words = f"{owner}.permute({order})"
                yield Proposal(
                    (text.source.replaced(node, words),), Message("Write {code}.", code=words), warning.code
                )


def _over_classes(text: Text, line: int) -> Iterator[Proposal]:
    """A softmax over the images becomes one over the classes."""
    for node in _calls(text, line):
        if ast.unparse(node.func).rpartition(".")[2] in ("softmax", "log_softmax"):
            for keyword in node.keywords:
                if keyword.arg == "dim":
                    yield Proposal(
                        (text.source.replaced(keyword.value, "1"),),
                        Message("Use dim=1, the dimension of the classes."),
                        "mixed-images",
                    )


def _flattened(text: Text) -> Iterator[Proposal]:
    """The forward of the network begins with a flatten."""
    cls = next((cls for cls in text.classes if cls.name == text.reading.chosen), None)
    forward = None if cls is None else method(cls, "forward")
    if forward is None or len(forward.args.args) != 2 or forward.body[0].lineno == forward.lineno:
        return
    first = forward.body[1:] if isinstance(forward.body[0], ast.Expr) else forward.body
    name = forward.args.args[1].arg
    words = f"{name} = {text.flattened(name)}"
    for statement in first[:1]:
        yield Proposal(
            (text.source.line_before(statement, words),),
            Message("Flatten before this line: {code}.", code=words),
            "rows-for-images",
        )


# -- a shortcut --------------------------------------------------------------------------------------


def _projected(text: Text, warning: LineWarning, line: int) -> Iterator[Proposal]:
    """A shortcut of fewer channels goes through a 1x1 convolution: one operand of the sum, whichever it is."""
    cls, statement = text.class_at(line), text.simple_at(line)
    constructor = None if cls is None else method(cls, "__init__")
    convolution = text.written("nn.Conv2d")
    assert text.reading.trace is not None
    assert warning.op is not None
    small, large = sorted(text.reading.trace.ops[warning.op].input_shapes, key=product)
    if cls is None or constructor is None or statement is None or convolution is None:
        return
    if len(small) != 3 or small[1:] != large[1:]:
        return
    name = _free("shortcut", attributes_assigned(cls))
    made = f"self.{name} = {convolution}({small[0]}, {large[0]}, kernel_size=1)"
    indent = text.source.indent(constructor.body[-1].lineno)
    for operand in _operands(statement):
        words = f"self.{name}({text.source.segment(operand)})"
        yield Proposal(
            (
                text.source.line_after(constructor.body[-1], made, indent),
                text.source.replaced(operand, words),
            ),
            Message("Give the shortcut as many channels, by a 1x1 convolution."),
            warning.code,
        )


def _operands(statement: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        yield statement.value
    for node in ast.walk(statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from (node.left, node.right)


# -- lists and loops ---------------------------------------------------------------------------------


def _comprehended(text: Text, line: int) -> Iterator[Proposal]:
    """``2 * [layer]`` becomes ``[layer for _ in range(2)]``."""
    statement = text.simple_at(line)
    for node in ast.walk(statement) if statement is not None else ():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        pairs = ((node.left, node.right), (node.right, node.left))
        for items, times in pairs:
            if isinstance(items, ast.List) and items.elts:
                made = [_made(text, part) for part in items.elts]
                turns = f"for _ in range({text.source.segment(times)})"
                words = (
                    f"[{made[0]} {turns}]"
                    if len(made) == 1
                    else f"[layer {turns} for layer in ({', '.join(made)})]"
                )
                yield Proposal(
                    (text.source.replaced(node, words),),
                    Message("Make a new layer for each place."),
                    "same-layer-repeated",
                )


def _made(text: Text, part: ast.expr) -> str:
    """How a layer is made: the call itself, for a name the call that was assigned to it."""
    if isinstance(part, ast.Name):
        for node in text.source.nodes():
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and [ast.unparse(target) for target in node.targets] == [part.id]
                and node.lineno <= part.lineno
            ):
                return text.source.segment(node.value)
    return text.source.segment(part)


def _outside_the_loop(text: Text, line: int) -> Iterator[Proposal]:
    """The return is indented like the loop that it stands in."""
    statement = text.simple_at(line)
    around = None if statement is None else next(text.source.around(statement), None)
    if isinstance(statement, ast.Return) and isinstance(around, ast.For):
        start = text.source.line_start(line)
        yield Proposal(
            (Edit(start, start + len(text.source.indent(line)), text.source.indent(around.lineno)),),
            Message("Indent the return like the for."),
            "return-in-loop",
        )
