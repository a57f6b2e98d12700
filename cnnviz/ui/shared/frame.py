"""What every page begins with: its configuration, the style sheet, the language, the menu."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.classroom.limits import is_shared
from cnnviz.classroom.rules import rules
from cnnviz.language import DEFAULT_LANGUAGE, LANGUAGE_TAGS, LANGUAGES, Message, language, set_language
from cnnviz.language import translate as _
from cnnviz.ui.shared import (
    accounts,
    background,
    carried,
    classroom,
    markup,
    present,
    reach,
    upload_memory,
)
from cnnviz.ui.shared.pace import PACE
from cnnviz.ui.shared.problems import repeat_link_problems, run_again
from cnnviz.ui.shared.query import whole_query
from cnnviz.ui.shared.rights import is_teacher

P = ParamSpec("P")
T = TypeVar("T")

_ICON = (
    "data:image/svg+xml;base64,"
    + base64.b64encode((Path(__file__).parent / "icon.svg").read_bytes()).decode()
)

_DOCUMENT = """
// A finger on a plot scrolls the page: Streamlit lets plots in which one can select take it to pan. A tap still
// comes to them, as the mouse that browsers make of it.
const leave = (event) => { if (event.target.closest?.(".js-plotly-plot .draglayer")) event.stopPropagation(); };
document.addEventListener("touchstart", leave, { capture: true, passive: true });

// Streamlit's page says that it is English, whatever stands on it (streamlit/streamlit#15726): screen readers would
// read Chinese aloud as if it were, and browsers offer to translate it.
export default function ({ data }) {
  const [language, icon] = data;
  document.documentElement.lang = language;
  for (const link of document.querySelectorAll('link[rel~="icon"]')) link.href = icon;
}
"""
_document = st.components.v2.component("cnnviz_document", js=_DOCUMENT)


@dataclass(frozen=True)
class Page:
    """A page: its file, its name in the menu, and a Material symbol (Streamlit ships them).

    ``listed`` says whether it stands in the menu, which has room for one line; another page leads to those that do not.
    """

    file: str
    title: Message
    icon: str
    listed: bool = True

    @property
    def name(self) -> str:
        """The page's part of the address, which is empty for the landing page."""
        return "" if self.file == "app.py" else Path(self.file).stem


HOME = Page("app.py", Message("Home"), ":material/home:")
ARCHITECTURE = Page("pages/architecture.py", Message("Architecture"), ":material/account_tree:")
CONVOLUTION = Page("pages/convolution.py", Message("Convolution"), ":material/filter_center_focus:")
DATA = Page("pages/data.py", Message("Data"), ":material/photo_library:")
TRAIN = Page("pages/train.py", Message("Train"), ":material/show_chart:")
FILTERS = Page("pages/filters.py", Message("Filters"), ":material/grid_on:")
DRAW = Page("pages/draw.py", Message("Draw"), ":material/draw:")
EVALUATE = Page("pages/evaluate.py", Message("Evaluate"), ":material/fact_check:")
EXPERIMENTS = Page("pages/experiments.py", Message("Experiments"), ":material/science:")
LESSONS = Page("pages/lessons.py", Message("Lessons"), ":material/local_library:")
EXERCISES = Page("pages/exercises.py", Message("Exercises"), ":material/quiz:", listed=False)
GLOSSARY = Page("pages/glossary.py", Message("Glossary"), ":material/menu_book:")
TEACHER = Page("pages/teacher.py", Message("Teacher"), ":material/school:")
MENU = (
    HOME,
    ARCHITECTURE,
    CONVOLUTION,
    DATA,
    TRAIN,
    FILTERS,
    DRAW,
    EVALUATE,
    EXPERIMENTS,
    LESSONS,
    EXERCISES,
    GLOSSARY,
)


def frame(title: Message, page: Page) -> None:
    """A page's first call: configuration, style sheet, language, menu. ``title`` is written once the language is known.

    ``page`` says which one it is; where its link can name a network, that goes along to other pages.
    """
    background.page_begins()
    upload_memory.guard(page.name)
    whole_query.begin()
    _restore_language()
    carried.notice(page.name)
    # Without its icon, for which Streamlit would import NumPy and Pillow: the first visitor would wait for them.
    st.set_page_config(page_title=f"{title} · cnnviz", layout="wide")
    colours = {"accent": accent(), "link": _colour("linkColor"), "page": _colour("backgroundColor")}
    st.html(markup.style_sheet(is_dark(), **colours))
    # Above the page rather than in the sidebar: it is in sight on a phone too, where a sidebar covers the
    # page and stays open after a tap on a link, and tables and figures have the whole width.
    is_stranger = accounts.must_log_in()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="menu"):
        for entry in () if is_stranger else _offered():
            link(entry)
        st.space("stretch")
        _language_switch()
        present.show()
        _document(data=[LANGUAGE_TAGS[language()], _ICON], key="document")
        accounts.way_out()
        if is_shared() and not is_stranger:
            classroom.note(page.name)
    reach.refuse_foreign_name()
    if page in (HOME, TEACHER):
        reach.tell_who_reaches()
    if is_stranger:
        accounts.door()
    if is_shared():
        classroom.refuse_too_many()
        is_hidden = classroom.is_hidden(page.name)
        fragment(run_every=classroom.LOOK_SECONDS)(_look)(page.name, is_hidden, rules().controls)
        if is_hidden:
            classroom.refuse_hidden()
    repeat_link_problems()


def _offered() -> tuple[Page, ...]:
    """The menu's entries for this person."""
    listed = tuple(entry for entry in MENU if entry.listed)
    if not is_shared():
        return listed
    if is_teacher():
        return (*listed, TEACHER)
    hidden = rules().hidden
    return tuple(entry for entry in listed if entry.name not in hidden)


def _look(page: str, was_hidden: bool, controls: tuple[str, ...]) -> None:
    """What the teacher has done since the page was drawn: hidden or shown it, or sent a link to everybody, which stays
    until it is opened or closed.
    """
    if classroom.is_hidden(page) != was_hidden or rules().controls != controls:
        st.rerun()
    found = classroom.invitation(page)
    if found is None:
        return
    name, parameters = classroom.page_and_parameters(found.address)
    target = next((entry for entry in MENU if entry.name == name), None)
    if target is None:
        return
    if classroom.is_new(found):  # whoever has scrolled down does not see the top of the page
        st.toast(_("Your teacher has sent a link: see the top of the page."), icon=":material/campaign:")
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="invitation"):
        st.markdown(
            ":material/campaign: " + _("Your teacher asks everybody to open this page:"), width="content"
        )
        st.page_link(
            target.file,
            label=str(target.title),
            icon=target.icon,
            query_params=_query(parameters),
        )
        st.space("stretch")
        st.button(
            _("Close"), key="close-invitation", icon=":material/close:", on_click=classroom.see, args=(found,)
        )


def is_open(page: Page) -> bool:
    """Whether this person may see ``page``: on a class's server the teacher may have hidden it."""
    return not is_shared() or not classroom.is_hidden(page.name)


def link(page: Page, label: str | None = None, **parameters: str) -> None:
    """A link to ``page``, in the current language, with the page's own query ``parameters``.

    One that names none leads to the network that is carried along.
    """
    named = _query(parameters or carried.parameters(page.name))
    st.page_link(page.file, label=label or str(page.title), icon=page.icon, query_params=named)


def address(page: Page, **parameters: str) -> str:
    """Where :func:`link` leads, as seen from the landing page."""
    return f"{page.name}?{urlencode(_query(parameters))}"


def follow(page: Page, **parameters: str | list[str]) -> NoReturn:
    """Open ``page`` as a click on :func:`link` does; the current page ends here."""
    st.switch_page(page.file, query_params=_query(parameters))


def is_dark() -> bool:
    """Whether the person's browser shows the dark theme."""
    return st.context.theme.type == "dark"


def accent() -> str:
    """The theme's accent colour (``#rrggbb``), for markup that Streamlit does not colour itself."""
    return _colour("primaryColor")


def _colour(name: str) -> str:
    """A colour of the theme that the person's browser shows."""
    return str(st.get_option(f"theme.{'dark' if is_dark() else 'light'}.{name}"))


def fragment(run_every: float | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """``st.fragment`` for functions that write text: they keep the language of the page around them.

    A fragment's own rerun is a new context, in which the language would be English again.
    ``run_every`` is in seconds; where too many look at this server, it is longer, see :class:`Pace`.
    """

    def decorate(draw: Callable[P, T]) -> Callable[P, T]:
        @wraps(draw)
        def speaking(code: str, factor: int, *args: P.args, **kwargs: P.kwargs) -> T:
            whole_query.begin()
            set_language(code)
            if run_every is None:  # what looks by itself every second is nobody's request
                classroom.refuse_too_many_updates()
                return draw(*args, **kwargs)
            if not PACE.fits(factor):
                run_again()
            with PACE.looking((_session(), draw.__module__, draw.__qualname__), run_every):
                return draw(*args, **kwargs)

        @wraps(draw)
        def start(*args: P.args, **kwargs: P.kwargs) -> T:
            factor = 1 if run_every is None else PACE.factor
            every = None if run_every is None else factor * run_every
            return st.fragment(speaking, run_every=every)(language(), factor, *args, **kwargs)

        return start

    return decorate


def _session() -> str:
    """The session of the person who looks."""
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""


def _query(parameters: carried.Parameters) -> dict[str, str | list[str]]:
    """What stands in a link to a page that is given ``parameters``."""
    return {**parameters, **_language_parameter(), **present.parameter()}


def _language_parameter() -> dict[str, str]:
    """What a link must say to be read in the current language; nothing where English comes by itself."""
    if language() == DEFAULT_LANGUAGE == _browser_language():
        return {}
    return {"lang": language()}


def _browser_language() -> str:
    """The language that the person's browser asks for, where it is one of cnnviz's; else English."""
    primary = (st.context.locale or "").lower().replace("_", "-").partition("-")[0]
    return primary if primary in LANGUAGES else DEFAULT_LANGUAGE


def _restore_language() -> None:
    """The link decides; a link that names no language keeps the session's, which begins as the browser's."""
    set_language(whole_query.get("lang") or st.session_state.get("_language", _browser_language()))
    st.session_state["_language"] = language()
    if whole_query.get("lang") != _language_parameter().get("lang"):
        _write_language_to_link()


def _write_language_to_link() -> None:
    # Not a widget bound to the link: that would put the label (中文) there in place of its code.
    if parameter := _language_parameter():
        whole_query.change(parameter)
    else:
        whole_query.drop("lang")


def _language_switch() -> None:
    st.session_state["language_switch"] = language()
    st.segmented_control(
        "Language · 语言",
        options=list(LANGUAGES),
        format_func=lambda code: LANGUAGES[code],
        key="language_switch",
        required=True,
        label_visibility="collapsed",
        on_change=_switch_language,
    )


def _switch_language() -> None:
    set_language(st.session_state["language_switch"])
    st.session_state["_language"] = language()
    _write_language_to_link()
