"""Switches that are kept in the link: ``?flip=true``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.errors import shortened
from cnnviz.language import Message
from cnnviz.ui.shared.show import link_problem

_WORDS = {"true": True, "false": False}


def choose_switch(
    label: str,
    *,
    key: str,
    default: bool = False,
    notes: DeltaGenerator | None = None,
    **look: Any,
) -> bool:
    """A toggle; the link's parameter ``key`` holds it where it is not the ``default``.

    A link that says neither true nor false gets a sentence, in the container ``notes`` where there is one,
    and the default is shown. ``look`` are ``st.toggle``'s own settings.
    """
    named = st.query_params.get(key)
    if named is not None and named not in _WORDS:
        with notes or nullcontext():
            _refuse(key, named)
        named = None
    # The link is the truth: a link to the other choice on the same page must change the widget too.
    st.session_state[key] = default if named is None else _WORDS[named]
    chosen: bool = st.toggle(label, key=key, on_change=_write, args=(key, default), **look)
    return chosen


def _refuse(key: str, named: str) -> None:
    del st.query_params[key]
    link_problem(
        Message(
            "The link says {name}={value}, which cannot be used: allowed is: {rule}.",
            name=key,
            value=shortened(named),
            rule="true | false",
        )
    )


def put_switch(key: str, value: bool, default: bool) -> None:
    """Write ``value`` into the link, from where its widget takes it; for callbacks."""
    if value == default:  # what everybody sees anyway is left out, to keep links short
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = str(value).lower()


def _write(key: str, default: bool) -> None:
    put_switch(key, st.session_state[key], default)
