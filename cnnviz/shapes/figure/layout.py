"""Where the parts of a figure stand: in columns from left to right by their distance from the input, and in each column
so that what is connected is on a level.

As Sugiyama, Tagawa and Toda (1981) draw layered graphs: an edge over several columns passes through a place in each of
them, the order in a column follows that of its neighbours, and the heights are the nearest to those of the neighbours
that keep this order and the distances.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnviz.shapes.figure.drawing import Point

_SWEEPS = 6
_GAP = 10.0
_STEEP_GAP, _STEEP_PART = 22.0, 0.15
_PASSING = 5.0
"""Half the height, in points, that is left free for an edge that passes."""


@dataclass(frozen=True)
class Extent:
    """How far a part reaches from its middle: to the left and right, upwards and downwards (labels included)."""

    left: float
    right: float
    up: float
    down: float


@dataclass(frozen=True)
class Layout:
    """The middles of all parts, and for each edge the middles of the places that it passes on its way.

    ``columns`` are the left and the right ends of the columns; ``cuts`` are those after which the figure may go on in
    another row: everything goes through the one part that stands there.
    """

    middles: tuple[Point, ...]
    ways: dict[tuple[int, int], tuple[tuple[Point, float], ...]]
    columns: tuple[tuple[float, float], ...]
    cuts: frozenset[int]

    def rows(self, most: float) -> list[int]:
        """The row (from 0) of each column, so that no row is wider than ``most`` points, if that is possible."""
        rows = [0] * len(self.columns)
        first, cut = 0, None
        for number, (_left, right) in enumerate(self.columns):
            if cut is not None and right - self.columns[first][0] > most:
                first, cut = cut + 1, None
                rows[first:] = [rows[first] + 1] * (len(rows) - first)
            if number in self.cuts:
                cut = number
        return rows


def layout(
    extents: Sequence[Extent], ranks: Sequence[int], edges: Sequence[tuple[int, int]], gap: float
) -> Layout:
    """Place parts with these ``extents`` in columns at least ``gap`` points apart, and more where edges are steep.

    In a way each place comes with half the width of its column, which an edge crosses on a level.
    """
    columns: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for number, rank in enumerate(ranks):
        columns[rank].append(number)
    chains, neighbours, all_extents = _with_places(extents, ranks, edges, columns)
    _order(columns, neighbours)
    heights = _heights(columns, neighbours, all_extents)
    rank_of = {number: rank for rank, column in enumerate(columns) for number in column}
    steepest = [0.0] * len(columns)
    for number, (_left, right) in neighbours.items():
        for other in right:
            rank = rank_of[number]
            steepest[rank] = max(steepest[rank], abs(heights[number] - heights[other]))
    gaps = [gap + min(_STEEP_GAP, _STEEP_PART * steep) for steep in steepest]
    middles_of_columns, halves, ends = _columns(columns, all_extents, gaps)

    def middle(number: int) -> Point:
        return middles_of_columns[rank_of[number]], heights[number]

    ways = {
        edge: tuple((middle(place), halves[rank_of[place]]) for place in places)
        for edge, places in chains.items()
    }
    count = len(extents)
    return Layout(
        tuple(middle(number) for number in range(count)),
        ways,
        tuple(ends),
        frozenset(rank for rank, column in enumerate(columns[:-1]) if len(column) == 1),
    )


def _with_places(
    extents: Sequence[Extent],
    ranks: Sequence[int],
    edges: Sequence[tuple[int, int]],
    columns: list[list[int]],
) -> tuple[dict[tuple[int, int], list[int]], dict[int, tuple[list[int], list[int]]], list[Extent]]:
    """A place in each column that an edge passes: the places of each edge, everybody's neighbours to the left and to the
    right, and the extents with those of the places at the end.
    """
    every = list(extents)
    neighbours: dict[int, tuple[list[int], list[int]]] = {n: ([], []) for n in range(len(every))}
    chains: dict[tuple[int, int], list[int]] = {}
    for a, b in edges:
        chain = [a]
        for rank in range(ranks[a] + 1, ranks[b]):
            place = len(every)
            every.append(Extent(0.0, 0.0, _PASSING, _PASSING))
            neighbours[place] = ([], [])
            columns[rank].append(place)
            chain.append(place)
        chain.append(b)
        for left, right in itertools.pairwise(chain):
            neighbours[left][1].append(right)
            neighbours[right][0].append(left)
        chains[a, b] = chain[1:-1]
    return chains, neighbours, every


def _order(columns: list[list[int]], neighbours: dict[int, tuple[list[int], list[int]]]) -> None:
    """Sort each column by the mean place of its neighbours, to the right and back again several times."""
    place = {
        number: index - (len(column) - 1) / 2 for column in columns for index, number in enumerate(column)
    }
    for sweep in range(2 * _SWEEPS):
        side = sweep % 2
        for column in columns if side == 0 else reversed(columns):
            near = {n: _mean([place[m] for m in neighbours[n][side]], place[n]) for n in column}
            column.sort(key=lambda n: near[n])
            for index, number in enumerate(column):
                place[number] = index - (len(column) - 1) / 2


def _heights(
    columns: list[list[int]],
    neighbours: dict[int, tuple[list[int], list[int]]],
    extents: Sequence[Extent],
) -> dict[int, float]:
    heights: dict[int, float] = {}
    for column in columns:
        _settle(column, dict.fromkeys(column, 0.0), extents, heights)
    for sweep in range(
        2 * _SWEEPS + 1
    ):  # at the end to the right: a branch is on the level on which it begins
        side = sweep % 2
        for column in columns if side == 0 else reversed(columns):
            wanted = {n: _mean([heights[m] for m in neighbours[n][side]], heights[n]) for n in column}
            _settle(column, wanted, extents, heights)
    return heights


def _settle(
    column: Sequence[int], wanted: dict[int, float], extents: Sequence[Extent], heights: dict[int, float]
) -> None:
    """The heights nearest to those that are ``wanted`` (least squares) that keep order and distances: pooled adjacent
    violators, once the distances are taken off.
    """
    offsets = [0.0]
    for upper, lower in itertools.pairwise(column):
        offsets.append(offsets[-1] + extents[upper].down + extents[lower].up + _GAP)
    pools: list[tuple[float, int]] = []  # the sum of what they want, and how many they are
    for number, offset in zip(column, offsets, strict=True):
        pools.append((wanted[number] - offset, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            (total, count), (more, others) = pools[-2:]
            pools[-2:] = [(total + more, count + others)]
    settled = [total / count for total, count in pools for _ in range(count)]
    for number, offset, height in zip(column, offsets, settled, strict=True):
        heights[number] = height + offset


def _columns(
    columns: list[list[int]], extents: Sequence[Extent], gaps: Sequence[float]
) -> tuple[list[float], list[float], list[tuple[float, float]]]:
    """The middle of each column, half its width, and its ends."""
    middles, halves, ends, x = [], [], list[tuple[float, float]](), 0.0
    for column, gap in zip(columns, gaps, strict=True):
        left, right = (_widest(column, extents, side) for side in (lambda e: e.left, lambda e: e.right))
        middles.append(x + left)
        halves.append(min(left, right))
        ends.append((x, x + left + right))
        x += left + right + gap
    return middles, halves, ends


def _widest(column: Sequence[int], extents: Sequence[Extent], side: Callable[[Extent], float]) -> float:
    return max(side(extents[number]) for number in column)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
