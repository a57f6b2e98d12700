"""Choices that are kept in the link, by key.

Streamlit's own ``bind="query-params"`` writes a widget's visible label into the link. That fits
numbers and options that are shown as they are written; a choice among things that have both a key and
a title (a title that may be translated) is kept here by its key: ``?model=basic-cnn`` in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.ui.shared.show import link_problem

_MOST_PROBLEMS = 5


def choose_one(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    kind: Message,
    title: Callable[[str], str] = str,
    default: str | None = None,
    widget: Callable[..., Any] = st.selectbox,
    forget: Sequence[str] = (),
    notes: DeltaGenerator | None = None,
    elsewhere: Sequence[str] = (),
    **look: Any,
) -> str:
    """A choice among ``options``; the link's parameter ``key`` holds the chosen one.

    ``title`` gives the text that stands for an option. A link that names an option that does not exist
    gets a sentence (``kind`` says of what, as in "The architecture") in the container ``notes``, where there
    is one, and the default is shown. ``widget``
    is ``st.selectbox`` or ``st.segmented_control``, and ``look`` are its own settings. ``forget`` are
    parameters of the link that mean nothing after another choice. Of ``elsewhere``, options of the same
    parameter in other views, the default is shown without a word.
    """
    default = options[0] if default is None else default
    named = st.query_params.get(key, default)
    with notes or nullcontext():
        _explain_unknown([] if named in elsewhere else [named], options, kind)
    # The link is the truth: a link to another choice on the same page must change the widget too.
    st.session_state[_widget(key)] = named if named in options else default
    chosen: str = widget(
        label,
        options,
        format_func=title,
        key=_widget(key),
        on_change=_write,
        args=(key, [default], forget),
        **look,
    )
    return chosen


def choose_many(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    kind: Message,
    title: Callable[[str], str] = str,
    default: Sequence[str] = (),
    placeholder: str | None = None,
) -> list[str]:
    """Like :func:`choose_one` for any number of ``options``; the parameter stands in the link once for each.

    An empty parameter (``?key=``) means that none is chosen.
    """
    named = st.query_params.get_all(key) if key in st.query_params else list(default)
    named = [name for name in named if name]
    _explain_unknown(named, options, kind)
    st.session_state[_widget(key)] = [name for name in dict.fromkeys(named) if name in options]
    return st.multiselect(
        label,
        options,
        format_func=title,
        key=_widget(key),
        placeholder=placeholder,
        on_change=_write,
        args=(key, list(default)),
    )


def _widget(key: str) -> str:
    return f"choice-{key}"


def _write(key: str, default: list[str], forget: Sequence[str] = ()) -> None:
    for parameter in forget:
        st.query_params.pop(parameter, None)
    chosen = st.session_state[_widget(key)]
    chosen = chosen if isinstance(chosen, list) else [chosen]
    if chosen == default:  # what everybody sees anyway is left out, to keep links short
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = chosen or ""


def _explain_unknown(named: Sequence[str], options: Sequence[str], kind: Message) -> None:
    unknown = [name for name in dict.fromkeys(named) if name not in options]
    for name in unknown[:_MOST_PROBLEMS]:
        link_problem(UnknownKeyError(kind, name, options).message)
