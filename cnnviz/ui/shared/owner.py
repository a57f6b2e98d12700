"""Who it is that looks at a page."""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.limits import is_shared
from cnnviz.classroom.people import is_token, name_of, new_token
from cnnviz.ui.shared.accounts import account, are_used
from cnnviz.ui.shared.problems import note_run_again

_KEPT, _COMPONENT = "_owner", "owner"

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
    // a browser that keeps nothing: the token lasts as long as the page is open
  }
}
"""

_browser = st.components.v2.component("cnnviz_owner", js=_REMEMBER)


def owner() -> str:
    """The name under which this person's runs and networks are stored: that of their account, or else the digest of a
    secret that only their browser and this session know.

    The browser keeps the secret in its local storage, where a page finds it again tomorrow; until it has told it, the
    session has one of its own. No link holds it, and nothing that is shown to anybody else.
    """
    known = account()
    return name_of(_token()) if known is None else known.key


def _token() -> str:
    return str(st.session_state.setdefault(_KEPT, new_token()))


def remember_owner(everywhere: bool = False) -> None:
    """Let the browser keep the secret, or tell the one that it has kept; once on a page.

    A class's server does so ``everywhere``, at the top of each page; the pages that do so themselves then need not.
    """
    if (is_shared() and not everywhere) or are_used():
        return
    _browser(data=_token(), key=_COMPONENT, on_kept_change=_take)


def _take() -> None:
    note_run_again()
    told = st.session_state[_COMPONENT].get("kept")
    if is_token(told):
        st.session_state[_KEPT] = told
