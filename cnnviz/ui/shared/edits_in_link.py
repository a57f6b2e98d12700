"""Edits of a network that are kept in the link: ``set=conv1.kernel_size=3``, once for each."""

from __future__ import annotations

import json

import streamlit as st

from cnnviz.errors import shortened
from cnnviz.language import Message
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.show import link_problem

PARAMETER = "set"
_MOST_EDITS = 64
_LONGEST = 200
"""Characters of an edit; a longer one may be nested more deeply than Python can read."""


def in_link() -> Edits:
    """The edits that the link holds, as paths and JSON values; what cannot be read is named and left out."""
    found = {}
    for text in st.query_params.get_all(PARAMETER)[:_MOST_EDITS]:
        path, _sign, value = text.partition("=")
        try:
            found[path] = json.dumps(json.loads(value if len(text) <= _LONGEST else ""))
        except ValueError:
            link_problem(
                Message(
                    "{text!r} in the link must have the form PATH=VALUE, such as conv1.kernel_size=3.",
                    text=shortened(text),
                )
            )
    return tuple(found.items())


def put(path: str, value: str) -> None:
    """Keep an edit in the link, in place of an older one of the same path; ``value`` is JSON. For callbacks."""
    kept = [text for text in st.query_params.get_all(PARAMETER) if text.partition("=")[0] != path]
    st.query_params[PARAMETER] = [*kept, f"{path}={value}"]


def take_back(path: str) -> None:
    """Take the edit of ``path`` out of the link, where there is one. For callbacks."""
    kept = [text for text in st.query_params.get_all(PARAMETER) if text.partition("=")[0] != path]
    if kept:
        st.query_params[PARAMETER] = kept
    else:
        st.query_params.pop(PARAMETER, None)
