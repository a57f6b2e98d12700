"""Present: the page on a projector, one figure at a time, in larger type, with no controls but those that the teacher
leaves.

It stands in the link (``?present=1``), so that it goes along to other pages and to others. What belongs together on the
screen is found in the browser; a page says it itself by the keys of its containers: what is in ``together-...`` is one
figure, what is in ``settings-...`` belongs to the controls, and what is in ``left-...`` stays. After the last figure the
button in ``present-on`` is pressed, before the first one that in ``present-back``, where a page has them.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cnnviz.classroom.rules import rules
from cnnviz.language import translate as _
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.query import whole_query

PARAMETER = "present"
CHOICES = "choices"
"""The name of a page's own choices among the controls that may stay."""

_ON, _KEY = "1", "present"
_component = in_browser(
    Path(__file__).parent / "present", ["dom", "slides", "fitting", "present"], isolated=False
)


def is_on() -> bool:
    """Whether the link says so."""
    return whole_query.get(PARAMETER) == _ON


def parameter() -> dict[str, str]:
    """What a link must say for the page that it leads to."""
    return {PARAMETER: _ON} if is_on() else {}


def show() -> None:
    """The button that begins, or the bar that leads from figure to figure; and the keys for both."""
    on = is_on()
    _component(
        data={"on": on, "choices": on and CHOICES in rules().presented, "words": _words(on)},
        key=_KEY,
        on_wanted_change=_change,
    )


def _change() -> None:
    if st.session_state[_KEY].get("wanted") == "on":
        whole_query[PARAMETER] = _ON
    else:
        whole_query.drop(PARAMETER)


def _words(on: bool) -> dict[str, str]:
    if not on:
        return {"begin": _("Present"), "how": _("One figure at a time, for a projector (key P)")}
    return {
        "bar": _("Presentation"),
        "pages": _("Pages"),
        "previous": _("Previous figure"),
        "next": _("Next figure"),
        "place": _("{number} of {count}"),
        "leave": _("Leave"),
        "escape": _("Leave (Escape)"),
    }
