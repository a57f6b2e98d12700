"""The views of other pages that a lesson shows: the pages' own parts, which find the lesson's choices in their link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.lessons.course.lesson import View
from cnnviz.lessons.course.places import PLACES, in_link
from cnnviz.ui.shared import frame
from cnnviz.ui.shared.frame import Page
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.query import MISSING, PREFIX, query, whole_query

_OPENED, _LEFT = "_opened_from_a_lesson", "_lesson_left_behind"


def _convolution(view: str) -> None:
    from cnnviz.shapes.sliding_window import slide
    from cnnviz.ui.convolution import animation, cost, layer

    if view == "saving":
        cost.show_saving()
        return
    chosen = layer.choose()
    walks = slide(chosen.window, chosen.height, chosen.width)
    if view == "animation":
        animation.show(chosen, walks)
    elif view == "size":
        layer.show_size(chosen, walks)
    else:
        cost.show(chosen, walks)


def _architecture(view: str) -> None:
    from cnnviz.ui.architecture import views

    views.show_alone(view)


def _filters(view: str) -> None:
    from cnnviz.ui.filters import views

    views.show(views.VIEWS[view], st.container())


def _evaluate(view: str) -> None:
    from cnnviz.ui.evaluate import views

    views.show(view)


def _experiments(view: str) -> None:
    from cnnviz.ui.experiments import results

    experiment = results.choose_experiment()
    if view == "figure":
        results.show_figure(experiment)
    else:
        results.show_shipped(experiment)


def _train(_view: str) -> None:
    from cnnviz.ui.train import runs, studio

    runs.expect()
    studio.show()


def _draw(_view: str) -> None:
    from cnnviz.ui.draw import studio

    studio.show(introduced=False)


_SHOW: Mapping[str, tuple[Page, Callable[[str], None]]] = MappingProxyType(
    {
        "convolution": (frame.CONVOLUTION, _convolution),
        "architecture": (frame.ARCHITECTURE, _architecture),
        "filters": (frame.FILTERS, _filters),
        "evaluate": (frame.EVALUATE, _evaluate),
        "experiments": (frame.EXPERIMENTS, _experiments),
        "train": (frame.TRAIN, _train),
        "draw": (frame.DRAW, _draw),
    }
)


def begin(view: View | None) -> None:
    """Let the parts of the step's ``view`` find its choices; and go to its page where the person has asked for that."""
    if view is None:
        return
    query.embed(in_link(view))
    if st.session_state.pop(_OPENED, False):
        found = {key: query.get_all(key) for key in query if key not in PLACES[view.page].alone}
        st.session_state[_LEFT] = found, {key: whole_query.get_all(key) for key in whole_query}
        frame.follow(_SHOW[view.page][0], **found)


def come_back() -> None:
    """Let Back lead from the page of a view to the step that it was opened from.

    What Streamlit has put into the browser's history before that page is this one with the other's parameters.
    """
    opened, place = st.session_state.get(_LEFT, ({}, {}))
    if opened and opened == {key: whole_query.get_all(key) for key in opened}:
        whole_query.change(place, forget=opened)


def show(view: View) -> None:
    """The step's view, with a way to its page and a way back to the lesson's choices."""
    page, draw = _SHOW[view.page]
    if not frame.is_open(page):
        st.info(
            _("Your teacher has hidden the page {page} for now.", page=page.title),
            icon=":material/visibility_off:",
        )
        return
    with st.container(border=True, key="lesson-view"), explained():
        draw(view.view)
    with st.container(horizontal=True, gap="small", key="lesson-view-ways"):
        st.button(
            _("Open this on the page {page}", page=page.title),
            key="lesson-open-page",
            type="tertiary",
            icon=page.icon,
            on_click=_open,
        )
        st.button(
            _("Reset to the lesson's choices"),
            key="lesson-reset-view",
            type="tertiary",
            icon=":material/restart_alt:",
            on_click=whole_query.drop,
            args=of_the_view(),
        )


def of_the_view() -> tuple[str, ...]:
    """The parameters of the page's link that belong to the view."""
    return tuple(key for key in whole_query if key == MISSING or key.startswith(PREFIX))


def _open() -> None:
    st.session_state[_OPENED] = True
