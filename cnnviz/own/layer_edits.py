"""An edit of a layer as a change of the text: the very number is changed that made the layer what it is.

The text is never executed for this: the interpreter notes which call of the text made which layer. Each change is
tried, by reading the changed text; one that does not give the network that is asked for does not count.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.operations.op import Fix
from cnnviz.own.definition import Definition
from cnnviz.own.program import load
from cnnviz.own.reading import Reading, chosen_class, network, read
from cnnviz.own.rewriting import Edit, Source
from cnnviz.own.runs import Made, Run
from cnnviz.own.values import LayerClass
from cnnviz.tracing.edits import TYPE, argument_names, constructor_arguments, edited

_MOST_TRIED = 12
_MOST_STEPS = 3
_OF_INPUT = ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "input_size")


def mended(definition: Definition, fix: Fix, reading: Reading | None = None) -> Definition | None:
    """The network whose text makes the edit ``fix``, at the very place that decides; None where that is not certain.

    A pure function of its arguments, which may run in any process. ``reading`` is that of ``definition``, if it is
    known. Where an edit helps only together with others that follow from it, they are made as well.
    """
    found = read(definition) if reading is None else reading
    if found.trace is None or found.trace.failure is None:
        return None
    fixed_input = replace(definition, input_shape=found.trace.input_shape)
    text = _mended(fixed_input, fix, found.trace.failure.name, _MOST_STEPS)
    return None if text is None else replace(definition, text=text)


def rewritten(definition: Definition, edits: Mapping[str, object]) -> Definition | None:
    """The network whose text makes all of ``edits``, values by the path of a layer's argument, and changes nothing else.

    None where the text has no place that does: a layer of a block that is used several times cannot differ from the
    others there. A pure function of its arguments, as :func:`mended` is.
    """
    changed = definition
    for path, value in edits.items():
        known = _Network.of(changed)
        text = None if known is None else next(known.exact_texts(path, value), None)
        if text is None:
            return None
        changed = replace(changed, text=text)
    return changed


def _mended(definition: Definition, fix: Fix, goal: str, steps: int) -> str | None:
    """The text with ``fix`` made, and at most ``steps - 1`` more, after which the op called ``goal`` is reached."""
    network_ = _Network.of(definition)
    if network_ is None:
        return None
    for text in network_.texts(fix):
        changed = replace(definition, text=text)
        trace = read(changed).trace
        if trace is None:
            continue
        if trace.failure is None or any(op.name == goal for op in trace.ops):
            return text
        further = trace.failure.fix
        if further is not None and steps > 1 and further.path != fix.path:
            found = _mended(changed, further, goal, steps - 1)
            if found is not None:
                return found
    return None


@dataclass(frozen=True)
class _Network:
    """A text as a network, with the calls of the text that made its layers."""

    definition: Definition
    source: Source
    model: nn.Module
    made: dict[int, Made]

    @classmethod
    def of(cls, definition: Definition) -> _Network | None:
        run = Run(made={})
        try:
            program = load(definition.text)
            model = network(chosen_class(program, definition.class_name), definition.values, run)
        except CnnvizError:
            return None
        return cls(definition, Source(definition.text, program.body), model, run.made or {})

    def texts(self, fix: Fix) -> Iterator[str]:
        """Texts in which the layer has what ``fix`` asks for, the most natural first."""
        loose = []
        for text, exact in self._tried(fix.path, fix.value):
            if exact:
                yield text
            else:
                loose.append(text)
        yield from loose

    def exact_texts(self, path: str, value: object) -> Iterator[str]:
        """Texts in which the argument ``path`` is ``value``, and all the rest of the network is as it was."""
        return (text for text, exact in self._tried(path, value) if exact)

    def _tried(self, path: str, value: object) -> Iterator[tuple[str, bool]]:
        """Texts in which the layer has what is asked for, and whether nothing else is different."""
        try:
            wanted = _layers(edited(self.model, {path: value}))
        except CnnvizError:
            return
        name, _, argument = path.rpartition(".")
        layer = self.model.get_submodule(name)
        asked = _settings(name, wanted, argument)
        tried = dict.fromkeys(map(self.source.after, self._edits(layer, argument, value)))
        for text in islice(tried, _MOST_TRIED):
            other = _Network.of(replace(self.definition, text=text))
            layers = {} if other is None else _layers(other.model)
            if layers == wanted or (name in layers and _settings(name, layers, argument) == asked):
                yield text, layers == wanted

    def _edits(self, layer: nn.Module, argument: str, value: object) -> Iterator[tuple[Edit, ...]]:
        made = self.made.get(id(layer))
        if made is None or not all(map(self.source.has, made.calls)) or not made.calls:
            return
        if argument == TYPE:
            yield from self._of_class(made.calls[-1], str(value))
            return
        old = constructor_arguments(layer).get(argument)
        names = list(argument_names(layer)) if type(made.function) is LayerClass else []
        yield from self._of_argument(made.calls, names, argument, _Numbers(old, value, argument in _OF_INPUT))
        yield from self._of_constants(old, value)

    def _of_class(self, call: ast.Call, name: str) -> Iterator[tuple[Edit, ...]]:
        """The class that is called becomes the one called ``name``."""
        if isinstance(call.func, ast.Attribute):
            owner = self.source.segment(call.func.value)
            yield (self.source.replaced(call.func, f"{owner}.{name}"),)
        elif isinstance(call.func, ast.Name):
            yield (self.source.replaced(call.func, f"nn.{name}"),)
            yield (self.source.replaced(call.func, name),)

    def _of_argument(
        self, calls: Sequence[ast.Call], names: Sequence[str], argument: str, numbers: _Numbers
    ) -> Iterator[tuple[Edit, ...]]:
        """Changes of an argument of the last of ``calls``, or of what decides about it in the calls around."""
        call = calls[-1]
        given = _given(call, names, argument)
        if given is not None:
            yield from self._of_expression(given, calls, numbers)
        elif not any(isinstance(value, ast.Starred) for value in call.args):
            yield (self.source.with_argument(call, f"{argument}={self._written(numbers.new)}"),)

    def _of_expression(
        self, node: ast.expr, calls: Sequence[ast.Call], numbers: _Numbers
    ) -> Iterator[tuple[Edit, ...]]:
        if isinstance(node, ast.Name):
            yield from self._of_name(node, calls, numbers)
        yield from self._of_square(node, numbers)
        if not self._is_of_a_block(node, calls):
            yield (self.source.replaced(node, self._written(numbers.new)),)

    def _is_of_a_block(self, node: ast.expr, calls: Sequence[ast.Call]) -> bool:
        """Whether an expression depends on what a function is given that several calls of the text call.

        A number in its place would be right for one of them by chance.
        """
        parameters = self._parameters(self._function_around(node))
        depends = any(isinstance(n, ast.Name) and n.id in parameters for n in ast.walk(node))
        chains = {made.calls for made in self.made.values() if calls and made.calls[-1:] == tuple(calls[-1:])}
        return depends and len(chains) > 1

    def _function_around(self, node: ast.AST) -> ast.FunctionDef | None:
        return next((n for n in self.source.around(node) if isinstance(n, ast.FunctionDef)), None)

    def _of_name(
        self, node: ast.Name, calls: Sequence[ast.Call], numbers: _Numbers
    ) -> Iterator[tuple[Edit, ...]]:
        """What stands behind a name: an argument of the call around, a default, or a constant that serves here alone."""
        function = self._function_around(node)
        parameters = self._parameters(function)
        if node.id in parameters:
            if len(calls) > 1:
                yield from self._of_argument(calls[:-1], parameters, node.id, numbers)
            default = _default(function, node.id)
            if default is not None and _uses(node.id, ast.walk(function or node)) == 1:
                yield from self._of_expression(default, (), numbers)
            for other in parameters if numbers.of_input else ():
                if other != node.id:
                    yield (self.source.replaced(node, other),)
            return
        local = list(ast.walk(function)) if function is not None else []
        for nodes in (local, list(self.source.nodes())):
            assigned = _assigned(node.id, nodes)
            if assigned:
                if len(assigned) == _uses(node.id, nodes) == 1:
                    yield from self._of_expression(assigned[0], (), numbers)
                return

    def _parameters(self, function: ast.FunctionDef | None) -> list[str]:
        """The parameters of ``function`` as a call gives them, without self."""
        if function is None:
            return []
        spec = function.args
        names = [known.arg for known in (*spec.posonlyargs, *spec.args)]
        inside = next(self.source.around(function), None)
        static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
        own = names[1:] if isinstance(inside, ast.ClassDef) and not static else names
        return [*own, *(known.arg for known in spec.kwonlyargs)]

    def _of_square(self, node: ast.expr, numbers: _Numbers) -> Iterator[tuple[Edit, ...]]:
        """``64 * 7 * 7`` becomes ``64 * 5 * 5``: the channels stay, the height and width change."""
        factors = _factors(node)
        if len(factors) < 2 or not (isinstance(numbers.old, int) and isinstance(numbers.new, int)):
            return
        sides = [factor for factor in factors[-2:] if isinstance(factor, ast.Constant)]
        if len(sides) != 2 or sides[0].value != sides[1].value or not isinstance(sides[0].value, int):
            return
        channels, rest = divmod(numbers.old, sides[0].value ** 2) if sides[0].value else (0, 1)
        if rest or not channels or numbers.new % channels:
            return
        side = math.isqrt(numbers.new // channels)
        if side * side * channels == numbers.new:
            yield tuple(self.source.replaced(factor, str(side)) for factor in sides)

    def _of_constants(self, old: object, new: object) -> Iterator[tuple[Edit, ...]]:
        """Any other number of the text that is the old value, such as an entry of a list of sizes."""
        for node in self.source.nodes():
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value == old:
                within = (n.name for n in self.source.around(node) if isinstance(n, ast.FunctionDef))
                if "forward" not in within:
                    yield (self.source.replaced(node, self._written(new)),)

    def _written(self, value: object) -> str:
        if isinstance(value, (list, tuple)):
            return repr(tuple(value))
        if isinstance(value, str):
            quote = '"' if self.source.text.count('"') >= self.source.text.count("'") else "'"
            return f"{quote}{value}{quote}"
        return repr(value)


@dataclass(frozen=True)
class _Numbers:
    """The value of an argument, before and after, and whether it says what the layer is given."""

    old: object
    new: object
    of_input: bool


def _given(call: ast.Call, names: Sequence[str], argument: str) -> ast.expr | None:
    """What ``call`` gives for ``argument``, one of ``names`` in their order; None where it is not given, or hidden."""
    for keyword in call.keywords:
        if keyword.arg == argument:
            return keyword.value
    place = names.index(argument) if argument in names else len(call.args)
    if place >= len(call.args) or any(isinstance(value, ast.Starred) for value in call.args[: place + 1]):
        return None
    return call.args[place]


def _default(function: ast.FunctionDef | None, name: str) -> ast.expr | None:
    if function is None:
        return None
    spec = function.args
    names = [known.arg for known in (*spec.posonlyargs, *spec.args)]
    defaults: dict[str, ast.expr | None] = dict(zip(reversed(names), reversed(spec.defaults), strict=False))
    defaults |= dict(zip((known.arg for known in spec.kwonlyargs), spec.kw_defaults, strict=True))
    return defaults.get(name)


def _uses(name: str, nodes: Iterable[ast.AST]) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in nodes)


def _assigned(name: str, nodes: Iterable[ast.AST]) -> list[ast.expr]:
    """What is assigned to ``name``."""
    return [
        n.value
        for n in nodes
        if isinstance(n, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in n.targets)
    ]


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


_Layers = dict[str, tuple[str, dict[str, Any]]]


def _layers(model: nn.Module) -> _Layers:
    """Class and arguments of every module by its path."""
    return {
        path: (type(module).__name__, {} if module._modules else _comparable(constructor_arguments(module)))
        for path, module in model.named_modules()
    }


def _comparable(arguments: dict[str, Any]) -> dict[str, Any]:
    plain = (bool, int, float, str, tuple, type(None))
    return {name: value for name, value in arguments.items() if isinstance(value, plain)}


def _settings(path: str, layers: _Layers, argument: str) -> object:
    kind, arguments = layers[path]
    return kind if argument == TYPE else arguments.get(argument)
