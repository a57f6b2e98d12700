"""Figures about a class's answers to exercises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from cnnviz.language import translate as _
from cnnviz.plots.training import FAINT, lay_out, legend_below

_HEIGHT = 420
_HATCHES = ("", "/", "")


def board(title: str, parts: Mapping[str, Sequence[int]], people: int) -> go.Figure:
    """For each question, counted from 1, how many of ``people`` are in each of ``parts``, one above the other.

    The last part is what is not done yet, and pale.
    """
    figure = go.Figure()
    for number, (name, counts) in enumerate(parts.items()):
        pale = {"color": FAINT} if number == len(parts) - 1 else {}
        figure.add_bar(
            x=[str(place) for place in range(1, len(counts) + 1)],
            y=list(counts),
            name=name,
            text=[str(count) if count else "" for count in counts],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"size": 16},
            marker={"pattern": {"shape": _HATCHES[number % len(_HATCHES)], "fillmode": "overlay"}, **pale},
            hovertemplate="%{y}",
        )
    lay_out(figure, title, "board")
    legend_below(figure, _HEIGHT)
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_xaxes(title=_("question"), type="category")
    figure.update_yaxes(
        title=_("people"), range=[0, max(1, people)], tickformat="d", dtick=max(1, people // 5)
    )
    return figure
