"""The imports that a tree of Python files makes, read from the source: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OURS = ("app", "pages", "cnnviz")


@dataclass(frozen=True, order=True)
class Import:
    """One import: at the top of a module, inside a function, or by ``importlib``."""

    importer: str
    imported: str
    """The module itself where it is one of ours: ``from cnnviz import training`` imports ``cnnviz.training``."""
    line: int
    for_types: bool = False
    """Under ``if TYPE_CHECKING:``, so it never runs."""
    guessed: bool = False
    """``import_module`` of a name that is known only when it runs; ``imported`` is the package that it lies in."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules_of(root: Path) -> dict[str, Path]:
    """Dotted name to file, for ``app.py``, ``pages/`` and ``cnnviz/`` below ``root``, at any depth."""
    files = [root / "app.py", *(root / "pages").rglob("*.py"), *(root / "cnnviz").rglob("*.py")]
    return {_dotted(path.relative_to(root)): path for path in sorted(files) if path.exists()}


def imports_of(root: Path) -> list[Import]:
    """Every import in the modules of ``root``, ours and third-party alike, the standard library's too."""
    modules = modules_of(root)
    return [found for name, path in modules.items() for found in _imports(name, path, modules.keys())]


def circles(imports: Iterable[Import]) -> list[set[str]]:
    """The sets of modules that import one another, directly or by way of others, largest first.

    These are the strongly connected components (Tarjan, 1972) with more than one member. A module that
    imports its own package's ``__init__`` counts; that Python runs every ``__init__`` on the way down to
    a module does not. Nor do guessed imports: a registry may load any module beside it but itself.
    """
    graph: dict[str, set[str]] = {}
    for found in imports:
        if not found.guessed:
            graph.setdefault(found.importer, set()).add(found.imported)
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[set[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for imported in sorted(graph.get(module, ())):
            if imported not in number:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], number[imported])
        if lowest[module] == number[module]:
            first = stack.index(module)
            components.append(set(stack[first:]))
            del stack[first:]

    for module in sorted(graph):
        if module not in number:
            visit(module)
    return sorted((component for component in components if len(component) > 1), key=len, reverse=True)


def layer_of(module: str, layers: Iterable[str]) -> str | None:
    """The layer that holds ``module``: the longest name among ``layers`` that is it or contains it."""
    holding = [layer for layer in layers if module == layer or module.startswith(f"{layer}.")]
    return max(holding, key=len, default=None)


def reachable(layer: str, arrows: Mapping[str, Iterable[str]]) -> set[str]:
    """``layer`` and every layer that arrows lead to from it, over any number of others."""
    found: set[str] = set()
    waiting = [layer]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(arrows[current])
    return found


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imports(name: str, path: Path, modules: Iterable[str]) -> Iterator[Import]:
    known = set(modules)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = _constants(tree) | {"__name__": name, "__package__": package}
    never_run = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        line, for_types = getattr(node, "lineno", 0), node in never_run
        for target in _written(node, package, known):
            yield Import(name, target, line, for_types)
        beginning, whole = _by_name(node, texts)
        if beginning and (whole or beginning.partition(".")[2]):  # "cnnviz." and something tells nothing
            target = _absolute(beginning if whole else beginning.rpartition(".")[0], package)
            yield Import(name, _deepest(target, known), line, for_types, guessed=not whole)


def _written(node: ast.AST, package: str, known: set[str]) -> Iterator[str]:
    """What an import statement imports."""
    if isinstance(node, ast.Import):
        yield from (_deepest(alias.name, known) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute("." * node.level + (node.module or ""), package)
        for alias in node.names:
            member = f"{base}.{alias.name}"
            yield member if member in known else _deepest(base, known)


def _by_name(node: ast.AST, texts: Mapping[str, str]) -> tuple[str, bool]:
    """What ``import_module(...)`` names, as far as it can be told, and whether that is the whole name."""
    if not isinstance(node, ast.Call) or not node.args:
        return "", True
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if function not in ("import_module", "__import__"):
        return "", True
    argument, beginning = node.args[0], ""
    for part in argument.values if isinstance(argument, ast.JoinedStr) else [argument]:
        value = part.value if isinstance(part, ast.FormattedValue) else part
        text = texts.get(value.id) if isinstance(value, ast.Name) else getattr(value, "value", None)
        if not isinstance(text, str):
            return beginning, False
        beginning += text
    return beginning, True


def _constants(tree: ast.Module) -> dict[str, str]:
    """The names that stand for a text in the whole module."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - level + 1], *filter(None, [name[level:]])])


def _deepest(name: str, known: set[str]) -> str:
    """``name``, or the module of ours that it is an attribute of."""
    while name not in known and name.partition(".")[0] in OURS and "." in name:
        name = name.rpartition(".")[0]
    return name
