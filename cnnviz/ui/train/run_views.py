"""The two ways to look at runs: one of them closely, or several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.store.runs import Run
from cnnviz.ui.shared.choice import choose_one

VIEWS: Mapping[str, Message] = MappingProxyType(
    {"watch": Message("Watch one run"), "compare": Message("Compare runs")}
)


def choose(runs: Sequence[Run]) -> str:
    """The view that the link names; there is nothing to choose before there are two runs."""
    if len(runs) < 2:
        return "watch"
    return choose_one(
        _("View"),
        list(VIEWS),
        key="view",
        kind=Message("The view"),
        title=lambda key: str(VIEWS[key]),
        widget=partial(st.segmented_control, required=True, label_visibility="collapsed"),
    )
