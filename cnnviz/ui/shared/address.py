"""The browser's address follows the link without a step of its history."""

from __future__ import annotations

import streamlit as st

from cnnviz.ui.shared.query import query

_REPLACE = """
export default function ({ data, parentElement }) {
  if (parentElement.settled === data) return; // drawn again: the person may be somewhere else by now
  parentElement.settled = data;
  if (location.search !== "?" + data) history.replaceState(history.state, "", "?" + data);
}
"""

_put = st.components.v2.component("cnnviz_address", js=_REPLACE)


def follow() -> None:
    """Put in place what :meth:`cnnviz.ui.shared.query.Query.settle` has written; once on a page, after that."""
    if (text := query.settled()) is not None:
        _put(data=text, key="address")
