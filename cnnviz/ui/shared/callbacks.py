"""What a person asks for with a button: done before the page runs again, and explained where it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.ui.shared.show import plain

P = ParamSpec("P")

_PROBLEM, _WHOLE = "_asking_problem", "_asking_whole_page"


def ask(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do it, in a callback; why it could not be done is what :func:`answer` says."""
    try:
        do(*args, **kwargs)
    except CnnvizError as error:
        st.session_state[_PROBLEM] = error.message


def ask_page(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """:func:`ask`, and let the whole page run again where the button is part of a fragment."""
    ask(do, *args, **kwargs)
    whole_page()


def whole_page() -> None:
    """In a callback: what follows concerns the whole page, not the fragment alone."""
    st.session_state[_WHOLE] = True


def answer() -> None:
    """Begin a fragment: rerun the whole page where a callback asked for that, else say what went wrong in one."""
    if st.session_state.pop(_WHOLE, False):
        st.rerun()
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.error(plain(problem), icon=":material/error:")
