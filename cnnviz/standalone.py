"""A network as one file that runs by itself, without cnnviz: what its classes need, and nothing else."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnviz import architectures
from cnnviz.models import TORCHVISION, resolve, traced
from cnnviz.own.architecture import get as own_architecture
from cnnviz.own.definition import PREFIX
from cnnviz.own.excerpt import Part, names_bound, part_of
from cnnviz.own.facts import Facts
from cnnviz.tracing.edits import constructor_arguments
from cnnviz.tracing.inputs import type_taken

if TYPE_CHECKING:
    from torch import nn

_PACKAGE = "cnnviz"
_NETWORKS = "architectures"


def source(name: str) -> tuple[str, str]:
    """The file that defines a network as it is: its path, and its text.

    ``name`` is a registry key, ``own-...`` or ``torchvision:NAME``; a person's own text has the name of its class.
    """
    if name.startswith(PREFIX):
        facts = own_architecture(name).facts
        return f"{facts.name}.py", facts.definition.text
    module = sys.modules[_builder_module(name)]
    return module.__name__.replace(".", "/") + ".py", inspect.getsource(module)


def _builder_module(name: str) -> str:
    if name.startswith(TORCHVISION):
        return type(resolve(name, {})[0]).__module__
    return import_module(f"{_PACKAGE}.{_builder(name)[0]}").__name__


def runnable(name: str, input_shape: Sequence[int], edits: Mapping[str, object]) -> str:
    """A file that builds the network with ``edits`` made and prints its output's shape for a random image.

    Args:
        name: a registry key, ``own-...`` or ``torchvision:NAME``; the file of the latter needs torchvision.
        input_shape: (C, H, W) of the random image.
        edits: values by path: builder options and arguments of layers, as :func:`cnnviz.models.resolve`
            takes them.

    Raises:
        UnknownKeyError: no such network, option, layer or argument.
        UsageError: a value that an option or a layer does not take.
    """
    network = resolve(name, edits)[0]
    options: Container[str] = ()
    if name.startswith(PREFIX):
        title, written = own_architecture(name).facts.name, excerpt(name, {})
    elif name.startswith(TORCHVISION):
        model = name.removeprefix(TORCHVISION)
        title = f"{model} of torchvision, without weights."
        imports = "import torch\nfrom torch import nn\nfrom torchvision import models"
        written = Excerpt(imports, "", f"models.get_model({_literal(model)}, weights=None)")
    else:
        architecture = architectures.get(name)
        title, options = f"{architecture.title}: {architecture.paper}.", architecture.options
        written = excerpt(name, edits)
    changed = dict.fromkeys(path.rpartition(".")[0] for path in edits if path not in options)
    return render_with(
        "standalone.py.jinja",
        written,
        title=title,
        changes=[_change(network, path) for path in changed],
        **_input_and_output(name, network, tuple(input_shape), edits),
    )


def _input_and_output(
    name: str, network: nn.Module, input_shape: tuple[int, ...], edits: Mapping[str, object]
) -> dict[str, object]:
    """An expression that makes a batch of one input, what that is, and whether one tensor comes back.

    A person's own network may take whole numbers, or have weights of another type than float32.
    """
    sizes = ", ".join(map(str, (1, *input_shape)))
    import torch

    kind = type_taken(network)
    further = "" if kind == torch.float32 else f", dtype={kind}"
    found = traced(name, edits, input_shape) if name.startswith(PREFIX) else None
    below = None if found is None else found.integers_below
    return {
        "batch": f"torch.rand({sizes}{further})" if below is None else f"torch.randint({below}, ({sizes}))",
        "batch_words": "a batch of one random image" if len(input_shape) == 3 else "a batch of one",
        "one_output": found is None or found.failure is not None or [o.name for o in found.outputs] == [""],
    }


@dataclass(frozen=True)
class Excerpt:
    """What a file needs for a network: import statements, definitions, and the expression that builds it.

    ``own`` is the part of a person's text that the definitions consist of, None for the course's networks.
    """

    imports: str
    definitions: str
    call: str
    own: Part | None = None

    def with_code(self, code: str) -> Excerpt:
        """The same with ``code`` in the place of the person's part of the definitions."""
        assert self.own is not None
        return replace(self, definitions=self.definitions.removesuffix(self.own.code) + code)

    def apart(self) -> Excerpt:
        """The same with the person's part inside a function, where no name of the file can meet theirs."""
        assert self.own is not None
        name = self.call.partition("(")[0]
        body = indent(f"{self.own.code}\n\nreturn {name}", "    ")
        about = '"""The class of the network, with all that it needs."""'
        code = f"def own_network() -> type[nn.Module]:\n    {about}\n{body}"
        return replace(self.with_code(code), call=f"own_network(){self.call.removeprefix(name)}")


def excerpt(
    name: str,
    options: Mapping[str, object],
    *,
    imports: Iterable[Import] = (),
    further: Iterable[Definition] = (),
) -> Excerpt:
    """The source of a registered network with these ``options``, or of a person's own, and of all that it needs.

    What ``imports`` and ``further`` name is there as well.
    """
    if name.startswith(PREFIX):
        return _own_excerpt(own_architecture(name).facts, imports, further)
    return Excerpt(*_gathered([_builder(name), *further], imports), _call(name, options))


def _own_excerpt(facts: Facts, imports: Iterable[Import], further: Iterable[Definition]) -> Excerpt:
    part = part_of(facts.definition.text, facts.name)
    lines, definitions = _gathered([*further], imports)
    return Excerpt(
        "\n".join([*part.future, lines]),
        "\n\n\n".join(filter(None, (definitions, part.code))),
        f"{facts.name}({_arguments(facts.definition.values)})",
        part,
    )


def render_with(template: str, network: Excerpt, **values: object) -> str:
    """:func:`render` with a ``network``, a person's own apart where a name of its text is one of the file's, too."""
    text = render(template, network=network, **values)
    if network.own is None:
        return text
    file = names_bound(render(template, network=network.with_code(""), **values))
    meeting = [name for name in network.own.bound if name in file]
    if all(file[name] and file[name] == network.own.imports.get(name) for name in meeting):
        return text
    return render(template, network=network.apart(), **values)


def render(template: str, **values: object) -> str:
    """The text of a file that the ``template``, a path within the package, makes of ``values``."""
    return _templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["literal"] = _literal
    environment.filters["quotable"] = _quotable
    return environment


def _quotable(text: str) -> str:
    """``text`` as it may stand in a docstring: a person may call a network whatever they like."""
    return " ".join(text.replace("\\", " ").replace('"', "'").split())


def _builder(name: str) -> Definition:
    """The class or function that builds a registered network."""
    module, _, builder = architectures.get(name).builder.partition(":")
    return f"{_NETWORKS}.{module}", builder


def _call(name: str, edits: Mapping[str, object]) -> str:
    architecture = architectures.get(name)
    values = {**architecture.arguments, **architecture.defaults}
    values |= {path: value for path, value in edits.items() if path in architecture.options}
    return f"{_builder(name)[1]}({_arguments(values)})"


def _change(network: nn.Module, path: str) -> tuple[str, list[str]]:
    """The expression that makes an edited layer, and all places of the network where it stands."""
    layer = network.get_submodule(path)
    places = [place for place, module in network.named_modules(remove_duplicate=False) if module is layer]
    return f"nn.{type(layer).__name__}({_arguments(constructor_arguments(layer))})", places


def _arguments(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in values.items())


def _literal(value: object) -> str:
    """``value`` in Python, texts in the quotes of the rest of the file."""
    return json.dumps(value) if isinstance(value, str) else repr(value)


Import = tuple[str | None, str, str | None]
"""``from 0 import 1 as 2``; 0 is None for a plain import, 2 where there is no other name."""

Definition = tuple[str, str]
"""A module of the package, without the package's name, and a name that it defines."""


@dataclass(frozen=True)
class _File:
    """One module of the package: its definitions and imports, by the names that they bind.

    ``pieces`` are the definitions' texts with the comments above them, in order; ``own`` are names that come
    from another module of the package, ``others`` those that come from anywhere else.
    """

    nodes: Mapping[str, ast.stmt]
    pieces: Mapping[str, str]
    own: Mapping[str, str]
    others: Mapping[str, Import]


@lru_cache(maxsize=64)
def _read(module: str) -> _File:
    text = inspect.getsource(import_module(f"{_PACKAGE}.{module}"))
    lines, end = text.splitlines(), 0
    file = _File({}, {}, {}, {})
    for node in ast.parse(text).body:
        piece = _without_imports(node, lines, end)
        end = node.end_lineno or 0
        names = dict.fromkeys(_bound(node), node)
        file = _File(
            {**file.nodes, **names},
            {**file.pieces, **dict.fromkeys(names, piece)},
            {**file.own, **_own(node)},
            {**file.others, **_others(node)},
        )
    return file


def _without_imports(node: ast.stmt, lines: Sequence[str], end: int) -> str:
    """The text of ``node`` and what is above it from line ``end`` on; the file imports at its top, not in functions."""
    dropped: set[int] = set()
    if isinstance(node, ast.FunctionDef):
        for inner in node.body:
            if isinstance(inner, ast.Import | ast.ImportFrom):
                dropped |= {inner.lineno}
        if dropped:
            dropped.add(max(dropped) + 1)  # the blank line behind them
    kept = [
        line
        for number, line in enumerate(lines[: node.end_lineno], 1)
        if number > end and number not in dropped
    ]
    return "\n".join(kept).strip("\n")


def _bound(node: ast.stmt) -> list[str]:
    """The names that a definition binds."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _own(node: ast.stmt) -> dict[str, str]:
    if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}.")):
        return {}
    return {alias.name: (node.module or "").removeprefix(f"{_PACKAGE}.") for alias in node.names}


def _others(node: ast.stmt) -> dict[str, Import]:
    if isinstance(node, ast.If):  # TYPE_CHECKING
        return {name: found for inner in node.body for name, found in _others(inner).items()}
    if not isinstance(node, ast.Import | ast.ImportFrom) or _own(node):
        return {}
    module = node.module if isinstance(node, ast.ImportFrom) else None
    return {alias.asname or alias.name: (module, alias.name, alias.asname) for alias in node.names}


def _gathered(wanted: Sequence[Definition], further: Iterable[Import]) -> tuple[str, str]:
    """Import statements, the ``further`` ones among them, and what is ``wanted`` after all that it needs from files
    of the package.
    """
    always: tuple[Import, ...] = ((None, "torch", None), ("torch", "nn", None))
    imports: dict[Import, None] = dict.fromkeys((*always, *further))
    needed: dict[Definition, None] = {}

    def need(module: str, name: str) -> None:
        file = _read(module)
        if name in file.own:
            need(file.own[name], name)
        elif name in file.others:
            imports[file.others[name]] = None
        elif name in file.nodes and (module, name) not in needed:
            needed[module, name] = None
            for node in ast.walk(file.nodes[name]):
                if isinstance(node, ast.Name):
                    need(module, node.id)

    for definition in wanted:
        need(*definition)
    files = dict.fromkeys(file for module, _ in wanted for file in _below(module))
    pieces = dict.fromkeys(
        piece for file in files for bound, piece in _read(file).pieces.items() if (file, bound) in needed
    )
    return "\n".join(_import_lines(imports)), "\n\n\n".join(pieces)


def _below(module: str) -> dict[str, None]:
    """``module`` after all files of the package that it imports."""
    found: dict[str, None] = {}
    for other in _read(module).own.values():
        found |= _below(other)
    return {**found, module: None}


def _import_lines(imports: Iterable[Import]) -> list[str]:
    """Import statements, the standard library's first."""
    found: dict[str | None, list[str]] = {}
    for module, name, other in imports:
        found.setdefault(module, []).append(f"{name} as {other}" if other else name)
    plain = [f"import {name}" for name in sorted(found.pop(None, []))]
    froms = [
        f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(found.items(), key=str)
    ]
    lines = [*plain, *froms]
    standard = [line for line in lines if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    return [*standard, *([""] if standard else []), *(line for line in lines if line not in standard)]
