"""One op with all its feature maps: their grid, one of them enlarged, their statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.language import Message, sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import Op, shape_text
from cnnviz.plots import maps as plots
from cnnviz.ui.inside.weights import Order, Weights, choose_op, choose_order, choose_page
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_switch, put_in_link
from cnnviz.ui.shared.pictures import Tile, tiles
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.interpret.activations import FeatureMaps, MapStatistics

PAGE = 64
"""Maps per page."""

_ENLARGED = 440
_ROW, _MOST_ROWS, _BORDERS = 35, 11, 2  # of a table: pixels, rows of maps seen at once, pixels
_SCALES: Mapping[str, Message] = {"common": Message("shared"), "own": Message("individual")}


@dataclass(frozen=True, eq=False)
class _Grid:
    """The maps of one op in one network, for one image."""

    weights: Weights
    image: ImageKey
    maps: FeatureMaps

    @property
    def title(self) -> str:
        op = self.maps.op
        return f"{self.weights.title}: {op.name}, {shape_text(op.output_shape)}"


def show(shown: Sequence[Weights], image: ImageKey) -> None:
    """All maps of the op in the link's ``layer``, for ``image``."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="layer-choices"):
        ops = _choose_ops(shown[0], image)
        grids = [
            _Grid(weights, image, cached.feature_maps(weights.key, image)[op.index])
            for weights in shown
            for op in ops
        ]
        if len(ops[0].output_shape) != 3:
            for place, grid in enumerate(grids):
                _vector(grid, place)
            return
        scale = _choose_scale()
        order = _choose_channels(grids[0])
        chosen = _choose_map(len(grids[0].maps.values), int(order[0]))
    limit = max(grid.maps.limit for grid in grids) if scale == "common" else None
    for place, grid in enumerate(grids):
        _grid(grid, place, order, chosen, limit)
    with st.container(horizontal=True, gap="medium"):
        _enlarged(grids, chosen, limit)
        with st.container(width="stretch" if len(grids) == 1 else 2 * _ENLARGED):
            _table(grids[-1])
    maps = grids[-1].maps
    caption(str(plots.maps_sentence(maps.op.kind, maps.op.type, maps.zeros)))


def _choose_ops(weights: Weights, image: ImageKey) -> tuple[Op, ...]:
    """The chosen op; with the switch, the ops before and after the activation."""
    from cnnviz.interpret.activations import around_activation

    op = choose_op(weights)
    pair = around_activation(weights.trace, op)
    if pair is None or pair[0].output_shape != pair[1].output_shape:
        return (op,)
    return pair if choose_switch(_("Before and after activation"), key="both") else (op,)


def _choose_scale() -> str:
    with st.container(width=150):
        return choose_one(_("Colour scale"), _SCALES, key="scale", kind=Message("colour scale"))


def _choose_channels(grid: _Grid) -> Order:
    """The channels that are shown, in their order."""
    count = len(grid.maps.values)
    by = choose_order("sort", "part", default="channel" if count <= PAGE else "norm", width=190)
    return choose_page(cached.map_order(grid.weights.key, grid.image, grid.maps.op.index, by), PAGE, "part")


def _choose_map(count: int, default: int) -> int:
    with st.container(width=140):
        return choose_number(_("Enlarged map"), key="map", low=0, high=count - 1, default=default)


def _grid(grid: _Grid, place: int, order: Order, chosen: int, limit: float | None) -> None:
    """The maps as clickable pictures, and how many of them are dead."""
    numbers = tuple(int(number) for number in order)
    found = cached.map_statistics(grid.weights.key, grid.image, grid.maps.op.index)
    pictures = cached.map_tiles(grid.weights.key, grid.image, grid.maps.op.index, numbers, limit, is_dark())
    st.subheader(plain(grid.title), anchor=False)
    tiles(
        [
            Tile(number, png, _title(number, found), _note(number, found), bool(found.dead[number]))
            for number, png in zip(numbers, pictures, strict=True)
        ],
        key=f"tiles-{place}",
        chosen=chosen,
        on_pick=partial(put_in_link, "map", default=numbers[0]),
        side=60 if len(numbers) > 16 else 84,
    )
    caption(plain(_summary(grid.maps, found, len(numbers), limit)))


def _title(number: int, found: MapStatistics) -> str:
    return _("{number} · dead", number=number) if found.dead[number] else str(number)


def _note(number: int, found: MapStatistics) -> str:
    return _(
        "Map {number}: {low:.3g} to {high:.3g}, mean {mean:.3g}, {zeros:.0%} zeros",
        number=number,
        low=float(found.low[number]),
        high=float(found.high[number]),
        mean=float(found.mean[number]),
        zeros=float(found.zeros[number]),
    )


def _summary(maps: FeatureMaps, found: MapStatistics, count: int, limit: float | None) -> str:
    total = len(maps.values)
    parts = [_("All {total} maps.", total=total)]
    if count < total:
        parts = [_("{count} of {total} maps.", count=count, total=total)]
    if limit is None:
        parts.append(_("Each map has its own colour scale: compare patterns, not strengths."))
    else:
        parts.append(_("Shared colour scale, -{limit:.3g} to {limit:.3g}.", limit=limit))
    dead = int(found.dead.sum())
    if dead:
        parts.append(_("{dead} of {total} are dead for this image: zero everywhere.", dead=dead, total=total))
    return sentences(parts)


def _enlarged(grids: Sequence[_Grid], chosen: int, limit: float | None) -> None:
    """One map of each grid, with every value on hover."""
    several = len({grid.weights.title for grid in grids}) > 1
    for place, grid in enumerate(grids):
        values = grid.maps.values[chosen]
        end = float(abs(values).max()) if limit is None else limit
        title = _("{name}, map {number}", name=grid.maps.op.name, number=chosen)
        title = f"{grid.weights.title}: {title}" if several else title
        figure = plots.map_figure(values, title, limit=end, dark=is_dark())
        with st.container(width=_ENLARGED):
            chart(figure, key=f"enlarged-{place}")


def _table(grid: _Grid) -> None:
    """The statistics of every map."""
    found = cached.map_statistics(grid.weights.key, grid.image, grid.maps.op.index)
    numbers = {
        _("Mean"): found.mean,
        _("Standard deviation"): found.deviation,
        _("Smallest"): found.low,
        _("Largest"): found.high,
    }
    count = len(found.mean)
    told = _("Statistics of all maps of {op}", op=grid.maps.op.name)
    if count > _MOST_ROWS:
        told = _("Statistics of all maps of {op}, {count} rows (scroll)", op=grid.maps.op.name, count=count)
    caption(plain(told))
    zero = int(found.dead.sum())
    words = told if zero == 0 else _("{told}; {dead:,} are dead", told=told, dead=zero)
    dead = [_("yes") if each else _("no") for each in found.dead]
    st.dataframe(
        {_("Map"): list(range(count)), **numbers, _("Zeros"): found.zeros, _("Dead"): dead},
        hide_index=True,
        alt=words,
        row_height=_ROW,
        height=_ROW * (min(count, _MOST_ROWS) + 1) + _BORDERS,
        column_config={
            **{name: st.column_config.NumberColumn(format="%.4g") for name in numbers},
            _("Zeros"): st.column_config.NumberColumn(format="percent"),
        },
    )


def _vector(grid: _Grid, place: int) -> None:
    """The output of an op that has no maps."""
    figure = plots.maps_figure(grid.maps.values, grid.title, dark=is_dark())
    chart(figure, key=f"vector-{place}", width=_ENLARGED * 3 // 2)
    caption(str(plots.maps_sentence(grid.maps.op.kind, grid.maps.op.type, grid.maps.zeros)))
