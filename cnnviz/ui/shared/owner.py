"""Whose browser it is that shows a page, without an account."""

from __future__ import annotations

import re
import secrets

import streamlit as st

from cnnviz.ui.shared.problems import note_run_again

_KEPT, _COMPONENT = "_owner", "owner"
_NAME = re.compile(r"[0-9a-f]{32}")

_REMEMBER = """
export default function ({ data, setStateValue }) {
  const place = 'cnnviz-owner';
  try {
    const kept = localStorage.getItem(place);
    if (/^[0-9a-f]{32}$/.test(kept ?? '')) {
      if (kept !== data) setStateValue('kept', kept);
    } else {
      localStorage.setItem(place, data);
    }
  } catch {
    // a browser that keeps nothing: the name lasts as long as the page is open
  }
}
"""

_browser = st.components.v2.component("cnnviz_owner", js=_REMEMBER)


def owner() -> str:
    """Whose runs are started and whose networks are kept here: a random name for the person's browser, without cookies.

    The browser keeps it in its local storage, where a page finds it again tomorrow; until it has told it, the name is
    the session's. It protects nothing: it decides whose turn it is in the queue, and what a page shows first.
    """
    if _KEPT not in st.session_state:
        st.session_state[_KEPT] = new_name()
    return str(st.session_state[_KEPT])


def new_name() -> str:
    """A name that nobody has."""
    return secrets.token_hex(16)


def remember_owner() -> None:
    """Let the browser keep the name, or tell the one that it has kept; once on a page."""
    owner()
    _browser(data=st.session_state[_KEPT], key=_COMPONENT, on_kept_change=_take)


def _take() -> None:
    note_run_again()
    told = st.session_state[_COMPONENT].get("kept")
    if isinstance(told, str) and _NAME.fullmatch(told):
        st.session_state[_KEPT] = told
