"""Figures of a network: the layers' shares of its parameters, and the receptive field of a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette

_ROW = 26  # pixels
_AROUND = 96
_LONGEST_NAME = 26
_ROOM_FOR_NUMBERS = 1.8
"""The axis in units of the longest bar, so that the number at its end has room on a phone, too."""


@dataclass(frozen=True)
class Bar:
    """One bar: ``name`` beside it, ``note`` on hover, and its parts by kind of op."""

    name: str
    note: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(self.parts.values())


def bars(entries: Sequence[Bar], total: int, title: str, axis: str, dark: bool = False) -> go.Figure:
    """Horizontal bars, the first of ``entries`` on top, each with its number and its share of ``total``."""
    kinds = dict.fromkeys(kind for bar in entries for kind in bar.parts)
    # One trace of text, as annotations cost a millisecond each.
    figure = go.Figure([*(_of_kind(entries, kind, dark) for kind in kinds), _numbers(entries, total)])
    longest = max((bar.total for bar in entries), default=0) or 1
    figure.update_layout(
        title=title,
        barmode="stack",
        bargap=0.28,
        height=_ROW * len(entries) + _AROUND,
        margin={"l": 8, "r": 8, "t": 44, "b": 40},
        showlegend=False,
        dragmode=False,
        xaxis={
            "title": axis,
            "range": [0, longest * _ROOM_FOR_NUMBERS],
            "nticks": 5,
            "fixedrange": True,
            "zeroline": False,
        },
        yaxis={
            "tickvals": _rows(entries),
            "ticktext": [_shortened(bar.name) for bar in entries],
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
        },
    )
    return figure


def _rows(entries: Sequence[Bar]) -> list[int]:
    return list(range(len(entries)))


def _of_kind(entries: Sequence[Bar], kind: str, dark: bool) -> go.Bar:
    """The segments of one kind in all bars."""
    return go.Bar(
        x=[bar.parts.get(kind, 0) for bar in entries],
        y=_rows(entries),
        orientation="h",
        marker={"color": palette.kind(kind).colour(dark), "line": {"width": 0}},
        name=str(palette.kind(kind).title),
        customdata=[(bar.name, bar.note) for bar in entries],
        meta=[_("layer"), _("type")],
        hovertemplate="<b>%{customdata[0]}</b> %{customdata[1]}<br>%{x:,}<extra>%{fullData.name}</extra>",
    )


def _numbers(entries: Sequence[Bar], total: int) -> go.Scatter:
    """The number at the end of every bar."""
    return go.Scatter(
        x=[bar.total for bar in entries],
        y=_rows(entries),
        text=[f"  {bar.total:,} · {percent(bar.total, total)}" for bar in entries],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
    )


def percent(part: int, total: int) -> str:
    """``part`` of ``total`` in per cent, with a decimal close to 0 or 100."""
    value = 100 * part / total if total else 0.0
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.95 <= value < 100:
        return "> 99.9 %"
    near_an_end = 0 < value < 1 or 99 < value < 100
    return f"{value:.1f} %" if near_an_end else f"{value:.0f} %"


def _shortened(name: str) -> str:
    """The end of a long path, which names the layer, cut at a dot if there is one."""
    if len(name) <= _LONGEST_NAME:
        return name
    end = name[-_LONGEST_NAME + 1 :]
    return f"…{end.partition('.')[2] or end}"


RECEPTIVE_FIELD_SENTENCE = Message(
    "The blue frame shows what the first value sees, the red one what the middle value sees; parts "
    "outside the grey image are padding."
)
_FIRST, _MIDDLE = "#0077bb", "#cc3311"
Patch = tuple[int, int, int, int]


def over_input(height: int, width: int, first: Patch, middle: Patch, title: str) -> go.Figure:
    """The input of ``height`` x ``width`` pixels, and two patches (top, left, height, width) in pixels."""
    figure = go.Figure()
    _rectangle(figure, (0, 0, height, width), _("input"), "#8d93a3", "solid", "rgba(141,147,163,0.25)")
    _rectangle(figure, first, _("first value"), _FIRST, "solid", "rgba(0,119,187,0.15)")
    _rectangle(figure, middle, _("middle value"), _MIDDLE, "dot", "rgba(204,51,17,0.15)")
    figure.update_layout(
        title=title,
        height=400,
        margin={"l": 8, "r": 8, "t": 84, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        dragmode=False,
        xaxis={"title": _("column, in pixels"), "constrain": "domain", "zeroline": False},
        yaxis={
            "title": _("row, in pixels"),
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
            "zeroline": False,
        },
    )
    return figure


def _rectangle(figure: go.Figure, patch: Patch, name: str, colour: str, dash: str, fill: str) -> None:
    top, left, height, width = patch
    right, bottom = left + width, top + height
    figure.add_trace(
        go.Scatter(
            x=[left, right, right, left, left],
            y=[top, top, bottom, bottom, top],
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            fill="toself",
            fillcolor=fill,
            name=name,
            hoverinfo="name+x+y",
        )
    )
