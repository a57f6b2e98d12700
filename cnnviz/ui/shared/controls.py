"""Which controls a page offers: not those that the teacher has taken away, and while it is presented those left for that.

What is not offered is not drawn, and what it would do asks again: a page may have been drawn before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.classroom.rules import rules
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared import present, rights
from cnnviz.ui.shared.rights import NotAllowedError

P = ParamSpec("P")
T = TypeVar("T")


def may_use(control: Control) -> bool:
    """Whether this person may use controls of this kind."""
    return rights.may_do_anything() or control not in rules().controls


def offered(control: Control) -> bool:
    """Whether a page shows controls of this kind."""
    return may_use(control) and (not present.is_on() or control in rules().presented)


def need(control: Control) -> None:
    """Refuse what the teacher has taken away.

    Raises:
        NotAllowedError: this person may not use controls of this kind.
    """
    if not may_use(control):
        raise NotAllowedError(_REFUSED)


def offers(control: Control) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Let a function that draws controls of this kind draw them only where they are offered."""

    def decorate(draw: Callable[P, T]) -> Callable[P, T | None]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> T | None:
            if not offered(control):
                return None
            if not present.is_on():
                return draw(*args, **kwargs)
            with st.container(key=f"left-{control}-{kwargs.get('key', draw.__name__)}"):
                return draw(*args, **kwargs)

        return drawn

    return decorate


def say_hidden() -> None:
    """Say in place of controls that the teacher has taken them away."""
    st.info(_(_REFUSED.template), icon=":material/visibility_off:")


_REFUSED = Message("Your teacher has switched this off for now.")
