"""The options of a network's builder as sliders, kept in the link among the other edits: ``set=growth=16``."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from cnnviz.architectures import Architecture, Option
from cnnviz.errors import UsageError
from cnnviz.language import translate as _
from cnnviz.ui.architecture import what_if
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.show import link_problem

_COLUMNS = 3


def among(architecture: Architecture | None, edits: Edits) -> Edits:
    """Those of ``edits`` that are options of the builder."""
    known = architecture.options if architecture is not None else {}
    return tuple((path, value) for path, value in edits if path in known)


def choose(architecture: Architecture | None, edits: Edits, most_columns: int = _COLUMNS) -> Edits:
    """Sliders, where the network has options; and ``edits`` without those that an option does not take."""
    if architecture is None or not architecture.options:
        return edits
    usable = _usable(architecture, edits)
    values = {**architecture.defaults, **{path: json.loads(value) for path, value in usable}}
    with st.container(border=True, key="options"):
        columns = st.columns(min(most_columns, len(architecture.options)))
        for number, (name, option) in enumerate(architecture.options.items()):
            with columns[number % len(columns)]:
                _widget(architecture.key, name, option, values[name])
        if among(architecture, usable):
            st.button(
                _("Back to the paper's values"),
                icon=":material/restart_alt:",
                key="options-reset",
                on_click=_reset,
                args=(architecture.options,),
            )
    return usable


def _usable(architecture: Architecture, edits: Edits) -> Edits:
    kept = []
    for path, value in edits:
        try:
            option = architecture.options.get(path)
            if option is not None:
                option.check(path, json.loads(value))
                if json.loads(value) == option.default:  # it changes nothing
                    what_if.take_back(path)
                    continue
            kept.append((path, value))
        except UsageError as error:
            link_problem(error.message)
    return tuple(kept)


def _widget(key: str, name: str, option: Option, value: object) -> None:
    # The link is the truth: a link to other options on the same page must change the widgets too.
    widget = f"option-{key}-{name}"
    st.session_state[widget] = value
    label, then = str(option.label), {"key": widget, "on_change": _write, "args": (widget, name, option)}
    if option.choices:
        st.selectbox(label, option.choices, **then)  # type: ignore[call-overload]
    elif option.low is None or option.high is None:
        st.toggle(label, **then)  # type: ignore[arg-type]
    else:
        st.slider(label, option.low, option.high, **then)  # type: ignore[call-overload]


def _write(widget: str, name: str, option: Option) -> None:
    value = st.session_state[widget]
    if value == option.default:  # what everybody sees anyway is left out, to keep links short
        what_if.take_back(name)
    else:
        what_if.put(name, json.dumps(value))


def _reset(options: Mapping[str, Option]) -> None:
    for name in options:
        what_if.take_back(name)
