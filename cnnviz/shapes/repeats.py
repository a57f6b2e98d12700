"""Blocks that a network repeats: a table or a graph shows the first of them, and one row or node stands for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cnnviz.language import translate as _

if TYPE_CHECKING:
    from cnnviz.shapes.table import Row

FEWEST = 3
"""So many blocks in a row, alike in everything but their names, are folded."""


@dataclass(frozen=True)
class _Block:
    """The rows ``first`` to ``end`` (excluded), all that lies inside the module at ``path``."""

    path: str
    first: int
    end: int


def folded(rows: Sequence[Row]) -> tuple[Row, ...]:
    """``rows`` with the second to last of alike blocks replaced by one row with their sums."""
    result: list[Row] = []
    place = 0
    for run in _runs(rows):
        result += [*rows[place : run[0].end], _row_of_others(rows, run)]
        place = run[-1].end
    return (*result, *rows[place:])


@dataclass(frozen=True)
class Others:
    """All blocks of a run but the first: their ``paths``, and what stands for them."""

    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first and the last of them: ``layers.1 … 11``."""
        return f"{self.paths[0]} … {self.paths[-1].rpartition('.')[2]}"

    @property
    def label(self) -> str:
        """How many blocks there are in all, and how many of them are not shown."""
        return _("x {count}: {more} more like it", count=len(self.paths) + 1, more=len(self.paths))


def others(rows: Sequence[Row]) -> tuple[Others, ...]:
    """The blocks that :func:`folded` does not show, one entry for each run of alike ones."""
    return tuple(_of_run(run) for run in _runs(rows))


def _of_run(run: Sequence[_Block]) -> Others:
    return Others(tuple(block.path for block in run[1:]))


def _runs(rows: Sequence[Row]) -> Iterator[list[_Block]]:
    """The runs of alike blocks that are worth folding, none inside another."""
    blocks, place = _blocks(rows), 0
    while place < len(rows):
        run = _run(rows, blocks, place)
        long = len(run) >= FEWEST
        if long:
            yield run
        place = run[-1].end if long else place + 1


def _blocks(rows: Sequence[Row]) -> dict[int, list[_Block]]:
    """The blocks of several rows by the number of their first one, the largest first.

    A block is what lies inside of one module: a Sequential has no row of its own.
    """
    found: dict[int, list[_Block]] = {}
    before: list[str] = []
    for first, row in enumerate(rows):
        parts = row.name.split(".")
        around = [".".join(parts[:count]) for count in range(1, len(parts))]
        for path in around:
            if path not in before and (end := _end(rows, first, path)) > first + 1:
                found.setdefault(first, []).append(_Block(path, first, end))
        before = [*around, row.name]
    return found


def _end(rows: Sequence[Row], first: int, path: str) -> int:
    """The number after the last of the rows inside ``path`` that begin with ``first``."""
    end = first
    while end < len(rows) and f"{rows[end].name}.".startswith(f"{path}."):
        end += 1
    return end


def _run(rows: Sequence[Row], blocks: dict[int, list[_Block]], place: int) -> list[_Block]:
    """The longest run of alike blocks that begins with row ``place``."""
    longest: list[_Block] = []
    for block in blocks.get(place, ()):
        run, wanted = [block], _signature(rows, block)
        while following := next(
            (other for other in blocks.get(run[-1].end, ()) if _signature(rows, other) == wanted), None
        ):
            run.append(following)
        longest = max(longest, run, key=len)
    return longest


def _signature(rows: Sequence[Row], block: _Block) -> tuple[object, ...]:
    """All that alike blocks have in common."""
    inside = rows[block.first : block.end]
    return (
        block.path.rpartition(".")[0],
        *((r.name.removeprefix(block.path), r.type, r.output_shape, r.params, r.macs) for r in inside),
    )


def _row_of_others(rows: Sequence[Row], run: Sequence[_Block]) -> Row:
    """The row that stands for all of ``run`` but the first."""
    hidden, stand_in = rows[run[0].end : run[-1].end], _of_run(run)
    return replace(
        rows[run[0].end - 1],
        label=stand_in.label,
        name=stand_in.name,
        kind=None,
        reused=False,
        params=sum(row.params for row in hidden),
        macs=sum(row.macs for row in hidden),
        container=False,
        op=None,
    )
