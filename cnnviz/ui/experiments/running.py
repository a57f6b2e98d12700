"""Run an experiment: start it, watch the figures fill in, stop, resume or delete it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlencode

import streamlit as st

from cnnviz import datasets
from cnnviz.classroom.controls import Control
from cnnviz.experiments import results, running
from cnnviz.experiments.experiment import Experiment, Setting
from cnnviz.experiments.results import Results
from cnnviz.experiments.running import Group
from cnnviz.language import Message, language
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.training.store.polled import PolledStore, open_polled
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import open_store
from cnnviz.ui.experiments import results as page_results
from cnnviz.ui.shared import controls, rights
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_one, choose_segment
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import (
    answer_callbacks,
    ask,
    ask_page,
    explained,
    link_problem,
    plain,
    run_again,
)
from cnnviz.ui.shared.query import query
from cnnviz.ui.train import run_controls, runs
from cnnviz.ui.train.curves import LiveFigures
from cnnviz.ui.train.runs import duration

PARAMETER = "group"
"""The link's parameter with the id of the group of runs that is shown."""

WATCH_SECONDS = 1.0
_TOLD_FROM = 0.02  # of the work: before that nobody knows how long the rest takes
_DELETED = "_deleted_group"
_PROBLEMS = (Status.FAILED, Status.INTERRUPTED)
_SETTINGS: Mapping[Setting, Message] = MappingProxyType({"quick": Message("Quick"), "full": Message("Full")})


@controls.offers(Control.TRAINING)
def offer(shown: Experiment, shipped: Results | None) -> None:
    """Choose a setting, see how long it takes, and start."""
    st.subheader(_("Run it yourself"), anchor=False)
    setting: Setting = "full" if _choose_setting() == "full" else "quick"
    recipe = shown.recipe(shown.variants[0], setting)
    st.write(_plan(shown, setting, shipped))
    available = offer_download(recipe.dataset)
    pressed = st.button(
        _("Start the experiment"),
        type="primary",
        icon=":material/play_arrow:",
        key="start",
        disabled=not available,
    )
    if pressed:
        with explained():
            query[PARAMETER] = _started(shown, setting)
            runs.move_queue()


def _started(shown: Experiment, setting: Setting) -> str:
    """The id of a new group of runs, one for each variant."""
    controls.need(Control.TRAINING)
    runs.check(shown.recipes(setting).values())
    return running.start(open_store(), shown, setting, owner(), runs.admit())


def _choose_setting() -> str:
    return choose_segment(
        _("Setting"),
        list(_SETTINGS),
        key="setting",
        kind=Message("setting"),
        title=lambda key: str(_SETTINGS["full" if key == "full" else "quick"]),
        label_visibility="collapsed",
    )


def _plan(shown: Experiment, setting: Setting, shipped: Results | None) -> str:
    """What will be trained, and how long that takes."""
    variants = [variant for variant in shown.of(setting) if not variant.refused]
    recipe = shown.recipe(variants[0], setting)
    text = _(
        "{count} training runs on {data}, listed on the Train page: you may close this page in the meantime.",
        count=len(variants),
        data=datasets.get(recipe.dataset).title,
    )
    seconds = shipped.seconds.get(setting) if shipped is not None else None
    if shipped is None or seconds is None:
        return text
    return f"{text} " + _(
        "With {cores} cores this took **{time}**.", time=duration(seconds), cores=shipped.cores
    )


def show(shown: Experiment) -> None:
    """The group of runs in the link, or this person's newest."""
    deleted: str | None = st.session_state.get(_DELETED)
    run_controls.offer_to_restore(deleted, Message("All runs of this experiment were deleted."), _restore)
    chosen = _choose_group(shown)
    if chosen is not None:
        fragment(run_every=WATCH_SECONDS if chosen.is_open else None)(_watch)(chosen.id, chosen.is_open)


def _choose_group(shown: Experiment) -> Group | None:
    known = {group.id: group for group in _groups(shown.key)}
    own = [key for key, group in known.items() if rights.is_own(group.owner)]
    named = query.get(PARAMETER)
    if named is not None and named not in known:
        link_problem(Message("The runs in the link were deleted or belong to another experiment."))
        query.drop(PARAMETER)
        named = None
    offered = list(dict.fromkeys([*([named] if named else []), *own]))
    if not offered:
        return None
    if len(offered) == 1:
        return known[offered[0]]
    offered.sort(key=list(known).index)
    chosen = choose_one(
        _("Runs of this experiment"),
        offered,
        key=PARAMETER,
        kind=Message("group of runs"),
        title=lambda key: _group_title(known[key]),
    )
    return known[chosen]


def _groups(experiment: str) -> list[Group]:
    return open_polled().once_a_second(
        ("groups", experiment), lambda: running.groups(open_store(), experiment)
    )


def _group_title(group: Group) -> str:
    when = datetime.fromtimestamp(group.runs[0].created_at)
    return f"{_SETTINGS[group.setting]} · {when:%Y-%m-%d %H:%M:%S}"


def _watch(group_id: str, was_open: bool) -> None:
    answer_callbacks()
    with explained():
        store = open_polled()
        chosen = settings()
        moves = store.queue_moves(chosen.max_workers, chosen.cluster)
        with explained():  # also when that fails there is still everything of the runs to see
            runs.look_after_queue(moves)
        group = store.once_a_second(
            ("group of runs", group_id), lambda: running.group_of(open_store(), group_id)
        )
        if group is None or group.is_open != was_open:
            run_again()
        shown = running.experiment_of(group)
        outcomes = store.once_a_second(
            ("outcomes", group_id), lambda: running.outcomes(open_store(), shown, group)
        )
        with st.container():  # one element, however many are in it: the charts below it stay where they are
            _head(store, shown, group)
            page_results.say(results.verdict(shown, outcomes, full=group.setting == "full"), "seen-here")
            _problems(group)
        live = LiveFigures(group.id)
        page_results.panels(shown, page_results.drawn(shown, group.setting, outcomes), live.draw)
        live.update()
        with st.expander(_("All runs in numbers"), icon=":material/table_chart:"):
            page_results.compare(shown, group.setting, outcomes, _links(group))


def _problems(group: Group) -> None:
    """Why runs failed or were interrupted."""
    for run in group.runs:
        if run.status in _PROBLEMS and run.reason is not None:
            st.error(f"{plain(run.name)}: {plain(run.reason)}", icon=":material/error:")


def _links(group: Group) -> dict[str, str]:
    """Each variant's run on the Train page."""
    return {
        run.role["variant"]: "train?" + urlencode({"run": run.id, "lang": language()})
        for run in group.runs
        if run.role
    }


def _head(store: PolledStore, shown: Experiment, group: Group) -> None:
    """The group's title, status, progress and buttons."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            _("Your run") if rights.is_own(group.owner) else _("Someone else's run"),
            anchor=False,
            width="content",
        )
        with st.container(key="group-status", width="content"):
            _badge(group)
        st.space("stretch")
        if run_controls.allowed(group.runs[0]):
            _buttons(store, group)
    if group.is_open:
        _progress(shown, group)


def _badge(group: Group) -> None:
    if group.is_open:
        st.badge(_("running"), color="blue")
    elif all(run.status == Status.FINISHED for run in group.runs):
        st.badge(_("finished"), color="green")
    else:
        st.badge(_("incomplete"), color="orange")


@controls.offers(Control.TRAINING)
def _buttons(store: PolledStore, group: Group) -> None:
    if group.is_open:
        stopping = store.is_stopping(tuple(run.id for run in group.runs if run.is_open))
        st.button(
            _("Stopping ...") if stopping else _("Stop"),
            key="stop",
            icon=":material/stop_circle:",
            disabled=stopping,
            on_click=ask,
            args=(_controlled, open_store().stop_group, group.id),
        )
        return
    if group.can_resume:
        st.button(
            _("Resume"),
            key="resume",
            icon=":material/play_circle:",
            on_click=ask_page,
            args=(_controlled, _resume, group.id),
        )
    st.button(
        _("Delete"),
        key="delete",
        icon=":material/delete:",
        on_click=ask_page,
        args=(_controlled, _delete, group.id),
    )


def _progress(shown: Experiment, group: Group) -> None:
    """A bar over all runs, with the time left, extrapolated from the time spent."""
    done = running.part_done(group, _weights(shown, group))
    ready = sum(not run.is_open for run in group.runs)
    text = _("{ready} of {count} runs done", ready=ready, count=len(group.runs))
    spent = sum((run.ended_at or time.time()) - run.started_at for run in group.runs if run.started_at)
    if not spent:
        text += " · " + _("queued")
    elif done > _TOLD_FROM:
        at_once = max(1, sum(run.status == Status.RUNNING for run in group.runs))
        left = spent * (1 - done) / done / at_once
        text += " · " + _("{duration} left", duration=duration(left))
    st.progress(done, text)


def _weights(shown: Experiment, group: Group) -> list[float]:
    """The relative duration of each run: from the included results, else equal."""
    shipped = results.shipped(shown.key)
    known = shipped.outcomes if shipped is not None else {}
    keys = [(run.role or {}).get("variant", "") for run in group.runs]
    if not all(key in known for key in keys):
        return [1.0] * len(keys)
    return [2.0 + sum(epoch.seconds for epoch in known[key].epochs) for key in keys]


def _controlled(do: Callable[[str], object], group_id: str) -> None:
    """Do it with the group, if this person still may."""
    controls.need(Control.TRAINING)
    rights.need(open_store().group(group_id)[0].owner)
    do(group_id)


def _resume(group_id: str) -> None:
    store = open_store()
    group = running.group_of(store, group_id)
    if group is None:
        return
    running.resume(store, group, runs.admit())
    runs.move_queue()


def _delete(group_id: str) -> None:
    open_store().delete_group(group_id)
    st.session_state[_DELETED] = group_id
    query.drop(PARAMETER)


def _restore(group_id: str) -> None:
    controls.need(Control.TRAINING)
    rights.need(*(run.owner for run in open_store().group(group_id, deleted=True)[:1]))
    open_store().restore_group(group_id)
    st.session_state.pop(_DELETED, None)
    query[PARAMETER] = group_id
