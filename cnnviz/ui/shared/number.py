"""Numbers that are kept in the link.

Streamlit's own ``bind="query-params"`` ends the page at a number such as ``1e999``, and drops another one
that it cannot use without a word. Here such a number gets a sentence, and the page goes on with its default.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.errors import shortened
from cnnviz.language import Message
from cnnviz.ui.shared.show import link_problem

N = TypeVar("N", int, float)

EXACT = 2**53 - 1
"""The largest whole number that a browser holds exactly."""


def choose_number(
    label: str,
    *,
    key: str,
    low: N,
    high: N,
    default: N,
    limited: bool = True,
    notes: DeltaGenerator | None = None,
    widget: Callable[..., Any] = st.number_input,
    **options: Any,
) -> N:
    """A number from ``low`` to ``high``; the link's parameter ``key`` holds it where it is not the ``default``.

    A whole number where ``default`` is one. ``limited=False`` lets every number through that a browser can
    hold, for a form that itself explains what is wrong with it. A sentence about the link goes into the
    container ``notes``, where there is one. ``widget`` is ``st.number_input`` or
    ``st.slider``, and ``options`` are its own.
    """
    with notes or nullcontext():
        number = _in_link(key, low, high, default, limited)
    # The link is the truth: a link to another number on the same page must change the widget too.
    st.session_state[key] = default if number is None else number
    limits = {"min_value": low, "max_value": high} if limited else {}
    chosen: N = widget(label, **limits, key=key, on_change=_write, args=(key, default), **options)
    return chosen


def put_number(key: str, number: N, default: N) -> None:
    """Write ``number`` into the link, from where its widget takes it; for callbacks."""
    if number == default:  # what everybody sees anyway is left out, to keep links short
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = str(number)


def _write(key: str, default: N) -> None:
    put_number(key, st.session_state[key], default)


def _in_link(key: str, low: N, high: N, default: N, limited: bool) -> N | None:
    """The number that the link names; None, with a sentence where one was named that cannot be used."""
    named = st.query_params.get(key)
    if named is None:
        return None
    whole = isinstance(default, int)
    least, most = (low, high) if limited else (-EXACT, EXACT)
    number = _read(named)
    if number is not None and least <= number <= most and (number.is_integer() or not whole):
        return type(default)(number)
    del st.query_params[key]
    values = {"name": key, "value": shortened(named), "low": low, "high": high, "default": default}
    link_problem(
        Message(
            "The link says {name}={value}, which cannot be used: allowed is a whole number from {low:,} to "
            "{high:,}. It is {default:,} now.",
            **values,
        )
        if whole
        else Message(
            "The link says {name}={value}, which cannot be used: allowed is a number from {low:g} to "
            "{high:g}. It is {default:g} now.",
            **values,
        )
    )
    return None


def _read(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
