"""Figures that change while a person looks at them.

Streamlit (1.67) takes a plotly chart away and puts a new one in its place whenever its data change: it
flickers, and the person's zoom is lost. So a live chart keeps the figure that it was first drawn with,
and what has changed since is given to the plotly that Streamlit has loaded in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go

_UPDATE = """
const LOOK_MS = 200;
const shown = new Map(); // key -> the figure that its chart is to show, of all subjects on the page
let timer = null;

function look() {
  for (const [key, figure] of shown) {
    const plot = document.querySelector(`.st-key-${CSS.escape(key)} .js-plotly-plot`);
    // Plotly may still be loading; and whenever Streamlit draws a chart anew, it shows its first figure again
    if (!window.Plotly || !plot?._fullLayout || plot.data === figure.data) continue;
    // Streamlit has put the theme's colours and the size of the place into the layout
    const { template, width, height } = plot.layout;
    window.Plotly.react(plot, figure.data, { ...figure.layout, template, width, height });
  }
}

export default function ({ data }) {
  const own = Object.entries(data).map(([key, figure]) => [key, JSON.parse(figure)]);
  for (const [key, figure] of own) shown.set(key, figure);
  timer ??= setInterval(look, LOOK_MS);
  look();
  return () => {
    for (const [key, figure] of own) if (shown.get(key) === figure) shown.delete(key);
    if (!shown.size) { clearInterval(timer); timer = null; }
  };
}
"""

_updater = st.components.v2.component("cnnviz_live_figures", js=_UPDATE)


class LiveFigures:
    """The figures of one subject, such as a run; draw each in its place, and :meth:`update` at the end."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._figures: dict[str, str] = {}

    def draw(self, figure: go.Figure, name: str) -> None:
        """Draw ``figure`` here; in later reruns for the same subject, make what is here look like it."""
        key = f"{name}-{self._subject}"
        st.plotly_chart(self._first(key, figure), key=key)
        self._figures[key] = str(figure.to_json())

    def update(self) -> None:
        """Bring the figures that were drawn to their present state."""
        _updater(data=self._figures, key=f"live-{self._subject}")

    def _first(self, key: str, figure: go.Figure) -> go.Figure:
        first: Mapping[str, go.Figure] = st.session_state.get("_first_figures", {})
        kept = {name: drawn for name, drawn in first.items() if name.endswith(f"-{self._subject}")}
        st.session_state["_first_figures"] = kept = {key: figure, **kept}
        return kept[key]
