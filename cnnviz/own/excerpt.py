"""The part of a text that its network needs, as the person wrote it: no training, no output. Nothing is executed."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

_FUTURE = "__future__"


@dataclass(frozen=True)
class Part:
    """``code`` holds the statements that a class needs, with the comments above them; ``imports`` are its imports, by
    the name that each binds: ``nn`` -> ``torch.nn``. ``bound`` are all names that it binds. ``future`` are the lines
    that must begin a file.
    """

    code: str
    imports: dict[str, str]
    bound: frozenset[str]
    future: tuple[str, ...]


def part_of(text: str, name: str) -> Part:
    """What the class ``name`` of ``text``, a text that is Python, needs of it, in the order of the text."""
    statements = ast.parse(text).body
    uses = _Uses(text)
    waiting, needed = [name], set[str]()
    while waiting:
        wanted = waiting.pop()
        if wanted not in needed:
            needed.add(wanted)
            waiting += [
                used for statement in statements if wanted in _bound(statement) for used in uses.of(statement)
            ]
    kept = [statement for statement in statements if needed & set(_bound(statement))]
    return Part(
        _lines(text, statements, kept),
        {bound: source for statement in kept for bound, source in _imported(statement)},
        frozenset(bound for statement in kept for bound in _bound(statement)),
        tuple(
            ast.unparse(statement)
            for statement in statements
            if isinstance(statement, ast.ImportFrom) and statement.module == _FUTURE
        ),
    )


def names_bound(code: str) -> dict[str, str]:
    """The names that a file binds outside of classes and functions: to what where it is an import, else to nothing."""
    found: dict[str, str] = {}
    for statement in ast.parse(code).body:
        found |= dict.fromkeys(_bound(statement), "")
        found |= dict(_imported(statement))
    return found


class _Uses:
    """Which names of the file its statements use."""

    def __init__(self, text: str) -> None:
        self._tables = symtable.symtable(text, "own", "exec").get_children()

    def of(self, statement: ast.stmt) -> set[str]:
        """The names that ``statement`` uses, whenever it does."""
        if not isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        first, last = _first_line(statement), statement.end_lineno or statement.lineno
        inside = [table for table in self._tables if first <= table.get_lineno() <= last]
        return {name for table in inside for name in _globals(table)} | set(_at_once(statement))


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for child in table.get_children():
        yield from _globals(child)


def _at_once(statement: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """Names in decorators, bases, defaults and annotations, which are evaluated in the file itself."""
    parts: list[ast.AST] = list(statement.decorator_list)
    if isinstance(statement, ast.ClassDef):
        parts += [*statement.bases, *(keyword.value for keyword in statement.keywords)]
    else:
        parts += [statement.args, *([statement.returns] if statement.returns else [])]
    for part in parts:
        yield from (node.id for node in ast.walk(part) if isinstance(node, ast.Name))


def _bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef() | ast.FunctionDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [bound for bound, _source in _imported(statement)]
        case ast.Assign() | ast.AnnAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return []


def _imported(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that an import binds, with what each stands for."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (first, first)
    elif isinstance(statement, ast.ImportFrom) and statement.module != _FUTURE:
        for alias in statement.names:
            yield alias.asname or alias.name, f"{statement.module}.{alias.name}"


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return int(min([statement.lineno, *(decorator.lineno for decorator in decorators)]))


def _lines(text: str, statements: list[ast.stmt], kept: list[ast.stmt]) -> str:
    """The lines of the statements ``kept``, each with what stands above it; at most two empty lines on end."""
    lines, chosen, end = text.splitlines(), set[int](), 0
    for statement in statements:
        last = statement.end_lineno or statement.lineno
        if statement in kept:
            chosen |= set(range(min(end + 1, _first_line(statement)), last + 1))
        end = last
    found: list[str] = []
    for number in sorted(chosen):
        if lines[number - 1].strip() or found[-2:] != ["", ""]:
            found.append(lines[number - 1].rstrip())
    return "\n".join(found).strip("\n")
