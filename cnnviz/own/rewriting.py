"""Changes of a text at places that its syntax tree names: everything else stays as it was, byte for byte."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_NEW_LINE = re.compile(rb"\r\n|\r|\n")
_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes from ``start`` up to ``end`` of the UTF-8 text become ``new``."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Source:
    """A text, its statements, and where their nodes stand in it."""

    text: str
    body: Sequence[ast.stmt] = field(repr=False)

    @cached_property
    def data(self) -> bytes:
        """The text in UTF-8: the columns of a syntax tree count its bytes."""
        return self.text.encode()

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _NEW_LINE.finditer(self.data))]

    @cached_property
    def _parents(self) -> dict[int, ast.AST]:
        nodes = [node for statement in self.body for node in ast.walk(statement)]
        return {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def _known(self) -> frozenset[int]:
        return frozenset(id(node) for statement in self.body for node in ast.walk(statement))

    def has(self, node: ast.AST) -> bool:
        """Whether ``node`` belongs to this text, and not to one that it makes use of."""
        return id(node) in self._known

    def nodes(self) -> Iterator[ast.AST]:
        """All nodes of the text."""
        return (node for statement in self.body for node in ast.walk(statement))

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes that ``node`` is inside of, the innermost first."""
        while (parent := self._parents.get(id(node))) is not None:
            yield parent
            node = parent

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> tuple[int, int]:
        """The bytes from which and up to which ``node`` reaches."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """How ``node`` is written."""
        start, end = self.span(node)
        return self.data[start:end].decode()

    def line_start(self, line: int) -> int:
        """The byte with which ``line`` (from 1) begins."""
        return self._line_starts[line - 1]

    def indent(self, line: int) -> str:
        """The blanks in front of ``line`` (from 1)."""
        rest = self.data[self.line_start(line) :]
        return rest[: len(rest) - len(rest.lstrip(b" \t"))].decode()

    @cached_property
    def line_end(self) -> str:
        """How this text ends its lines."""
        found = _NEW_LINE.search(self.data)
        return found[0].decode() if found else "\n"

    def _offset(self, line: int, column: int) -> int:
        return self.line_start(line) + column

    # -- edits ---------------------------------------------------------------------------------------

    def replaced(self, node: ast.expr | ast.stmt, new: str) -> Edit:
        """``new`` in place of ``node``."""
        return Edit(*self.span(node), new)

    def line_before(self, statement: ast.stmt, new: str) -> Edit:
        """A line ``new`` in front of that of ``statement``, as far indented."""
        start = self.line_start(statement.lineno)
        return Edit(start, start, f"{self.indent(statement.lineno)}{new}{self.line_end}")

    def line_after(self, statement: ast.stmt, new: str, indent: str | None = None) -> Edit:
        """A line ``new`` behind ``statement``, as far indented."""
        _, end = self.span(statement)
        found = _NEW_LINE.search(self.data, end)
        place = found.start() if found else len(self.data)
        blanks = self.indent(statement.lineno) if indent is None else indent
        return Edit(place, place, f"{self.line_end}{blanks}{new}")

    def without_lines(self, statement: ast.stmt) -> Edit:
        """The lines of ``statement`` are taken out."""
        start = self.line_start(statement.lineno)
        found = _NEW_LINE.search(self.data, self.span(statement)[1])
        return Edit(start, found.end() if found else len(self.data), "")

    def with_argument(self, call: ast.Call, argument: str) -> Edit:
        """One more ``argument``, the last one of ``call``."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        _, end = self.span(call)
        if not given:
            return Edit(end - 1, end - 1, argument)
        place = max(self.span(value)[1] for value in given)
        rest = re.sub(rb"#[^\r\n]*", lambda found: b" " * len(found[0]), self.data[place : end - 1])
        place += rest.rfind(b")") + 1  # behind the parentheses of the last argument
        return Edit(place, place, f", {argument}")

    def after(self, edits: Sequence[Edit]) -> str:
        """The text with ``edits`` made, which do not overlap."""
        data = self.data
        for edit in sorted(edits, reverse=True):
            data = data[: edit.start] + edit.new.encode() + data[edit.end :]
        return data.decode()


@dataclass(frozen=True)
class LineChange:
    """Lines of a text that change: the first one (from 1), the lines as they were, and as they are then."""

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]


def line_change(before: str, after: str) -> LineChange:
    """The smallest block of lines in which two texts differ; of a line that is new, ``old`` is empty."""
    old, new = _ENDS.split(before), _ENDS.split(after)
    same = _same(old, new)
    behind = _same(old[same:][::-1], new[same:][::-1])
    return LineChange(same + 1, tuple(old[same : len(old) - behind]), tuple(new[same : len(new) - behind]))


def _same(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same, from the first on."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))
