"""Every chart of the pages: drawn here, told to those who do not see it, and shown as a table to those who ask."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.plots.told import Table, Told
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.words import columns

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_ROWS = 5_000
"""Rows of a table on the page: more of them would be megabytes to send; the file has all."""
_HEIGHT, _WIDE = 320, 640  # pixels
_FEW_COLUMNS = 4


def chart(figure: go.Figure, key: str, told: Told | None = None, **look: Any) -> None:
    """A figure of plotly without its buttons, which would cover the title; ``look`` are the widget's own settings.

    ``told`` says what it shows where that cannot be read off the figure itself.
    """
    told = told or Told.of(figure)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=told.words, **look)
    table_of(told, key)


def table_of(told: Told, key: str) -> None:
    """A button that shows the numbers of the chart ``key`` as a table, and saves them; nothing where it has none."""
    if told.table is None:
        return
    name = f"table-of-{key}"
    with st.popover(
        _("Table"), type="tertiary", icon=":material/table_rows:", key=name, on_change="rerun"
    ) as place:
        if not place.open:
            return
        table = told.table()
        rows = len(next(iter(table.values()), ()))
        if not rows:
            st.caption(_("No data yet."))
            return
        wide = st.container(width=_WIDE) if len(table) > _FEW_COLUMNS else st.container()
        wide.dataframe(
            {title: column[:_MOST_ROWS] for title, column in table.items()},
            hide_index=True,
            height=_HEIGHT if rows > 8 else "auto",
            alt=told.words,
            column_config=columns(table),
        )
        if rows > _MOST_ROWS:
            st.caption(
                _("The first {shown:,} of {rows:,} rows; the file has all.", shown=_MOST_ROWS, rows=rows)
            )
        save_button(
            _("Save as CSV"), lambda: as_csv(table), f"{key}.csv", key=f"save-{name}", mime="text/csv"
        )


def as_csv(table: Table) -> str:
    """``table`` as a file that spreadsheets open, with its titles in the first row."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return "\ufeff" + file.getvalue()  # by which they know it for UTF-8
