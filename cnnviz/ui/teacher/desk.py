"""What a teacher sees and does: who is there, what runs, which pages and how much the class may use, one link for all."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.classroom import limits
from cnnviz.classroom.controls import TITLES, Control
from cnnviz.classroom.presence import PRESENCE
from cnnviz.classroom.rules import invite, rules, set_rules
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.training.store import disk
from cnnviz.training.store.polled import open_polled
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared import accounts, classroom, present, rights
from cnnviz.ui.shared.frame import MENU, TEACHER, TRAIN, Page, fragment, link
from cnnviz.ui.shared.problems import answer_callbacks, ask, explained, plain
from cnnviz.ui.train.runs import badge, duration, move_queue, run_title

LOOK_SECONDS = 3.0
_PASSWORD, _LINK, _SHOWN = "teacher-password", "teacher-link", "teacher-pages"
_CONTROLS, _PRESENTED = "teacher-controls", "teacher-presented"
_DISK_SECONDS = 30.0
_MEGABYTE = 1e6
_DIGITS = 6  # of a person's name, enough to tell thirty apart


def alone() -> None:
    """Say how a server becomes a class's."""
    st.info(
        _(
            "This server is one person's own: everybody who opens it may do everything. To share it with a class, "
            "start it with a teacher's password in `CNNVIZ_TEACHER_PASSWORD`."
        ),
        icon=":material/person:",
    )
    st.code(
        "CNNVIZ_PUBLIC=1 CNNVIZ_TEACHER_PASSWORD='...' python -m cnnviz app --no-browser",
        language="bash",
        wrap_lines=True,
    )
    answer_callbacks()
    _choose_presented()


def door() -> None:
    """Ask for the password, and say how an account becomes a teacher's."""
    answer_callbacks()
    known = accounts.account()
    if known is not None:
        st.info(
            plain(
                _(
                    "You are logged in as {name}. The accounts of teachers are listed in CNNVIZ_TEACHERS: by their "
                    "e-mail addresses, or by their keys. The key of yours is {key}.",
                    name=known.title,
                    key=known.key,
                )
            ),
            icon=":material/badge:",
        )
    if not settings().teacher_password:
        if known is None:
            st.info(_("This server has no teacher's password."), icon=":material/lock:")
        return
    st.write(_("With the teacher's password you see who is there, and can stop or delete every run."))
    with st.form("teacher-door", width=420):
        st.text_input(_("Password"), type="password", key=_PASSWORD, autocomplete="current-password")
        st.form_submit_button(
            _("Unlock"),
            icon=":material/lock_open:",
            key="unlock",
            type="primary",
            on_click=ask,
            args=(_unlock,),
        )


def _unlock() -> None:
    password = str(st.session_state.pop(_PASSWORD, ""))
    rights.unlock(password)


def desk() -> None:
    """Everything that the teacher can do."""
    answer_callbacks()
    left, right = st.columns(2, gap="large")
    with left:
        _send_link()
        _choose_pages()
        _choose_controls()
        _choose_presented()
        _set_limits()
    with right:
        fragment(run_every=LOOK_SECONDS)(_watch)()
    st.button(_("Lock this page again"), icon=":material/lock:", key="lock", on_click=rights.lock)


# -- one link for everybody -------------------------------------------------------------------------------------


def _send_link() -> None:
    st.subheader(_("One link for everybody"), anchor=False)
    with st.form("teacher-send", border=False):
        st.text_input(
            _("Link"),
            key=_LINK,
            placeholder="architecture?model=inception-mini&view=why",
            help=_("Copy it from your browser's address bar: it holds every choice."),
        )
        st.form_submit_button(
            _("Send"), icon=":material/campaign:", key="send", on_click=ask, args=(_invite,)
        )
    found = rules().invitation
    if found is None:
        st.caption(
            _(
                "It appears at the top of every open page within {seconds:g} s.",
                seconds=classroom.LOOK_SECONDS,
            )
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(_("Sent: {address}", address=found.address)), width="content")
        st.button(_("Take it back"), key="take-back", on_click=ask, args=(_take_back,))


def _invite() -> None:
    rights.need()
    shown = tuple(page.name for page in MENU if page.name not in rules().hidden)
    invite(classroom.checked(str(st.session_state[_LINK]), shown))
    st.session_state[_LINK] = ""


def _take_back() -> None:
    rights.need()
    set_rules(invitation=None)


# -- pages ------------------------------------------------------------------------------------------------------


def _choose_pages() -> None:
    st.subheader(_("Pages of the class"), anchor=False)
    offered: dict[str, Page] = {page.name: page for page in MENU if page.name}
    st.session_state[_SHOWN] = [name for name in offered if name not in rules().hidden]
    st.multiselect(
        _("Pages that students see"),
        list(offered),
        format_func=lambda name: str(offered[name].title),
        key=_SHOWN,
        on_change=ask,
        args=(_hide, tuple(offered)),
    )


def _hide(offered: tuple[str, ...]) -> None:
    rights.need()
    shown = st.session_state[_SHOWN]
    set_rules(hidden=tuple(name for name in offered if name not in shown))


# -- controls ---------------------------------------------------------------------------------------------------


def _choose_controls() -> None:
    st.session_state[_CONTROLS] = [control.value for control in Control if control not in rules().controls]
    st.multiselect(
        _("Controls that students may use"),
        [control.value for control in Control],
        format_func=lambda name: str(TITLES[Control(name)]),
        key=_CONTROLS,
        on_change=ask,
        args=(_take_away,),
    )


def _take_away() -> None:
    rights.need()
    left = st.session_state[_CONTROLS]
    set_rules(controls=tuple(control.value for control in Control if control not in left))


def _choose_presented() -> None:
    titles = {present.CHOICES: Message("The page's own choices")}
    titles |= {control.value: title for control, title in TITLES.items()}
    st.session_state[_PRESENTED] = [name for name in rules().presented if name in titles]
    st.multiselect(
        _("Controls that stay on a page while it is presented"),
        list(titles),
        format_func=lambda name: str(titles[name]),
        key=_PRESENTED,
        placeholder=_("None"),
        help=_("To present a page, press P on it, or add present=1 to its link."),
        on_change=ask,
        args=(_leave,),
    )


def _leave() -> None:
    rights.need()
    set_rules(presented=tuple(st.session_state[_PRESENTED]))


# -- limits -----------------------------------------------------------------------------------------------------


def _set_limits() -> None:
    st.subheader(_("Limits"), anchor=False)
    with st.form("teacher-limits", border=False):
        columns = st.columns(2)
        for place, (name, title) in enumerate(limits.LIMITS.items()):
            columns[place % 2].number_input(
                str(title),
                min_value=1,
                step=1,
                value=limits.limit(name) or limits.usual(name),
                key=_field(name),
            )
        st.form_submit_button(
            _("Apply"), icon=":material/check:", key="apply-limits", on_click=ask, args=(_apply,)
        )


def _field(name: str) -> str:
    return f"limit-{name}"


def _apply() -> None:
    rights.need()
    asked = {name: int(st.session_state[_field(name)]) for name in limits.LIMITS}
    # What is as usual goes on following the settings.
    set_rules(limits={name: value for name, value in asked.items() if value != limits.usual(name)})
    st.toast(_("The limits apply from now on."), icon=":material/check:")


# -- who is there and what runs -----------------------------------------------------------------------------------


def _watch() -> None:
    if not rights.is_teacher():
        st.rerun()  # the page was locked elsewhere
    answer_callbacks()
    with explained():
        open_runs = open_polled().list(only_open=True)
        _people(open_runs)
        _runs(open_runs)
        used = _used()
        st.caption(
            _(
                "Runs use {used:,} MB of disk space ({trash:,} MB of it in the trash); the limit is {limit:,} MB.",
                used=round(used.bytes / _MEGABYTE),
                trash=round(used.trash / _MEGABYTE),
                limit=limits.limit("disk_mb") or 0,
            )
        )


@st.cache_data(ttl=_DISK_SECONDS, max_entries=1, show_spinner=False)
def _used() -> disk.Use:
    return disk.use(open_store())


def _people(open_runs: Sequence[Run]) -> None:
    people = PRESENCE.people()
    st.subheader(_("Who is here: {count:,}", count=len(people)), anchor=False)
    titles = {page.name: str(page.title) for page in (*MENU, TEACHER)}
    st.dataframe(
        {
            _("Person"): [_called(person.name) for person in people],
            _("Page"): [titles.get(person.page, person.page) for person in people],
            _("Last active"): [_("{time} ago", time=duration(person.seconds)) for person in people],
            _("Runs"): [sum(run.owner == person.name for run in open_runs) for person in people],
        },
        hide_index=True,
        alt=_("Who is here: {count:,}", count=len(people)),
        height=min(35 * (len(people) + 1) + 3, 320),
    )


def _called(name: str) -> str:
    """What a person is called: as in their account, or by the first digits of their name."""
    return PRESENCE.title(name) or name[:_DIGITS]


def _runs(open_runs: Sequence[Run]) -> None:
    st.subheader(_("Runs that train or wait: {count:,}", count=len(open_runs)), anchor=False)
    if not open_runs:
        st.caption(_("No run is training or waiting."))
        return
    waiting = [run.id for run in open_runs if run.status == Status.QUEUED]
    with st.container(horizontal=True):
        st.button(
            _("Stop all"),
            key="stop-all",
            icon=":material/stop_circle:",
            on_click=ask,
            args=(_stop, [run.id for run in open_runs if run.watched is None]),
        )
        st.button(
            _("Clear the queue"),
            key="clear-queue",
            icon=":material/playlist_remove:",
            disabled=not waiting,
            on_click=ask,
            args=(_stop, waiting),
        )
    for run in open_runs[:50]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row-{run.id}"):
            badge(run)
            st.markdown(plain(run_title(run)), width="content")
            st.caption(plain(_called(run.owner) if run.owner else _("terminal")), width="content")
            st.space("stretch")
            link(TRAIN, _("Show"), run=run.id)
            if run.watched is None:  # any other ends in its own program
                st.button(_("Stop"), key=f"stop-{run.id}", on_click=ask, args=(_stop, [run.id]))


def _stop(run_ids: list[str]) -> None:
    rights.need()
    store = open_store()
    for run_id in run_ids:
        store.request_stop(run_id)
    move_queue()
