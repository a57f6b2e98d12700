"""What one can do with a run: pause, step, resume or stop it, change its learning rate, branch off, name or delete it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.store.polled import PolledStore
from cnnviz.training.store.runs import Kind, Run, Status
from cnnviz.training.store.store import open_store
from cnnviz.training.worker.resuming import check_branch
from cnnviz.ui.shared import controls, rights
from cnnviz.ui.shared.own_networks import keep_of
from cnnviz.ui.shared.problems import ask, ask_page, plain, whole_page
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, meaning
from cnnviz.ui.train import runs, sharing
from cnnviz.ui.train.sharing import download_weights

_DELETED = "_deleted_run"
_LONGEST_NOTE = 2_000
_LONGEST_NAME = 80


def allowed(run: Run) -> bool:
    """Whether this person may control ``run``: their own always, somebody else's after confirming, and where a class
    shares the server, only the teacher.
    """
    if not controls.offered(Control.TRAINING):
        return False
    if not rights.may_change(run.owner):
        st.caption(
            ":material/lock: " + _("Only the browser that started this run, and the teacher, can control it.")
        )
        return False
    if rights.is_own(run.owner) or run.owner is None:  # nobody's: it was started on the command line
        return True
    return st.toggle(
        _("Control someone else's run"),
        key="steer-others",
        help=_("This run was started in another browser. Controlling it changes what its owner sees."),
    )


@controls.offers(Control.TRAINING)
def buttons(store: PolledStore, run: Run) -> None:
    """The buttons that apply now; a request that the worker has not seen yet is disabled."""
    asked = store.requested(run.id) if run.is_open else ()
    if run.status == Status.PAUSED:
        _resume(run, asked)
        _step(run, asked)
    elif run.is_open:
        _pause(run, asked)
    elif run.can_resume:
        _resume(run, asked)
    if run.is_open:
        stopping = Kind.STOP in asked
        _button(
            _("Stopping ...") if stopping else _("Stop"),
            "stop",
            ":material/stop_circle:",
            stopping,
            open_store().request_stop,
            run,
        )


def _pause(run: Run, asked: Sequence[Kind]) -> None:
    waiting = Kind.PAUSE in asked
    label = _("Pausing ...") if waiting else _("Pause")
    _button(label, "pause", ":material/pause_circle:", waiting, open_store().request_pause, run)


def _resume(run: Run, asked: Sequence[Kind]) -> None:
    waiting = Kind.RESUME in asked
    label = _("Resuming ...") if waiting else _("Resume")

    def resume(run_id: str) -> None:
        open_store().resume(run_id, admit=runs.admit())
        runs.move_queue()

    _button(label, "resume", ":material/play_circle:", waiting, resume, run)


def _step(run: Run, asked: Sequence[Kind]) -> None:
    def step(run_id: str) -> None:
        open_store().request_step(run_id)
        runs.move_queue()

    _button(_("One step"), "step", ":material/skip_next:", Kind.STEP in asked, step, run)


def _button(label: str, key: str, icon: str, disabled: bool, do: Callable[[str], object], run: Run) -> None:
    st.button(label, key=key, icon=icon, disabled=disabled, on_click=ask, args=(_controlled, do, run.id))


def _controlled(do: Callable[..., object], run_id: str, *values: object) -> None:
    """Do it with the run, if this person still may."""
    controls.need(Control.TRAINING)
    rights.need(open_store().get(run_id).owner)
    do(run_id, *values)


def tools(store: PolledStore, run: Run, steered: bool) -> None:
    """Popovers with tools for ``run``; those that change it only if it may be ``steered``."""
    with st.container(horizontal=True, gap="small"):
        if run.checkpoint is not None:
            download_weights(run.checkpoint)
        if run.watched is None:
            if steered and run.status != Status.FINISHED:
                _learning_rate(store, run)
            _again(run)
        if steered:
            _words(run)
        if steered and not run.is_open:
            st.button(
                _("Delete"),
                key="delete",
                icon=":material/delete:",
                on_click=ask_page,
                args=(_controlled, _delete, run.id),
            )
    if steered and run.watched is None:
        _pending_rate(store, run)


def offer_undo() -> None:
    """Say which run was just deleted, with an Undo button."""
    offer_to_restore(st.session_state.get(_DELETED), Message("Run {id} was deleted."), restore)


@controls.offers(Control.TRAINING)
def offer_to_restore(deleted: str | None, sentence: Message, do: Callable[[str], None]) -> None:
    """Say that what has the id ``deleted`` was just deleted (None: nothing was), with an Undo button."""
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(_(sentence.template, id=deleted), icon=":material/delete:")
        st.button(_("Undo"), key="undo-delete", icon=":material/undo:", on_click=ask, args=(do, deleted))


def restore(run_id: str) -> None:
    """Restore a deleted run and show it."""
    controls.need(Control.TRAINING)
    rights.need(open_store().get(run_id).owner)
    open_store().restore(run_id)
    st.session_state.pop(_DELETED, None)
    runs.show(run_id)


def _delete(run_id: str) -> None:
    open_store().delete(run_id)
    st.session_state[_DELETED] = run_id
    query.drop(runs.PARAMETER)


_RATE, _ASKED_RATE, _RATES_ASKED = "tool-rate", "_asked_rate", "_rates_asked"


def _learning_rate(store: PolledStore, run: Run) -> None:
    # Under a new key it is a new popover, which is closed.
    popover_key = f"{_RATE}-{st.session_state.get(_RATES_ASKED, 0)}"
    # In a form, so that what is typed counts when Apply is pressed at once.
    with (
        st.popover(_("Learning rate"), icon=":material/speed:", key=popover_key),
        st.form(f"rate-form-{run.id}", border=False),
    ):
        key = f"new-rate-{run.id}"
        # given as value, not through the session: the browser makes what is in a popover when it is opened
        st.number_input(
            _("New learning rate"), value=_present_rate(store, run), key=key, step=0.001, format="%g"
        )
        caption(_("Takes effect at the next step; a schedule continues from there."))
        st.form_submit_button(
            _("Apply"), key="change-rate", on_click=ask, args=(_controlled, _change_rate, run.id, key)
        )


def _pending_rate(store: PolledStore, run: Run) -> None:
    """Below the tools: a change that was asked for and does not count yet; at first, that it was heard."""
    if (rate := st.session_state.pop(_ASKED_RATE, None)) is not None:
        st.toast(_("Learning rate {rate:g} requested.", rate=rate), icon=":material/check:")
    if Kind.RATE in store.requested(run.id):
        st.caption(":material/hourglass_top: " + _when_it_counts(run))


def _when_it_counts(run: Run) -> str:
    """When a requested change will take effect."""
    if run.status == Status.QUEUED:
        return _("Takes effect when the run starts.")
    if not run.is_open or (run.status == Status.PAUSED and run.worker is None):
        return _("Takes effect when the run is resumed.")
    return _("The worker will apply the change in a moment.")


def _present_rate(store: PolledStore, run: Run) -> float:
    records = store.samples(run).records
    return float(records[-1]["learning_rate"] if len(records) else run.recipe.get("learning_rate", 0.01))


def _change_rate(run_id: str, key: str) -> None:
    """Ask for the rate in the field ``key``, close the popover and confirm; a rate that is none leaves it open."""
    rate = float(st.session_state[key])
    open_store().request_learning_rate(run_id, rate)
    st.session_state[_RATES_ASKED] = st.session_state.get(_RATES_ASKED, 0) + 1
    st.session_state[_ASKED_RATE] = rate


@controls.offers(Control.TRAINING)
def _again(run: Run) -> None:
    with st.popover(_("Run again"), icon=":material/history:", key="tool-again"):
        steps = {0: 0, **dict(snapshots.available(run.id))}
        weights, rate, epochs = f"from-{run.id}", f"again-rate-{run.id}", f"again-epochs-{run.id}"
        st.selectbox(
            _("Starting weights"),
            list(steps),
            key=weights,
            format_func=lambda step: _place(step, steps[step]),
        )
        if run.step > 0:
            _say_why_there_are_few(run)
        usual = float(run.recipe.get("learning_rate", 0.01))
        st.number_input(
            _("Learning rate"),
            value=usual,
            key=rate,
            step=0.001,
            format="%g",
            help=meaning("learning-rate"),
        )
        st.number_input(_("Total epochs"), value=run.epochs, key=epochs, step=1, help=meaning("epoch"))
        st.button(
            _("Continue as a new run"),
            key="branch",
            icon=":material/alt_route:",
            on_click=ask_page,
            args=(_branch, run, weights, rate, epochs),
        )
        caption(
            _("For other changes, copy the recipe to the form: the same seed gives the same initial weights.")
        )
        st.button(_("Copy recipe to the form"), key="into-form", on_click=ask_page, args=(_into_form, run))


def _say_why_there_are_few(run: Run) -> None:
    with suppress(CnnvizError):  # a run of another cnnviz, with what this one does not know
        reason = snapshots.shortage(run.id, Recipe.from_dict(run.recipe))
        if reason is not None:
            st.caption(":material/movie: " + plain(reason))


def _place(step: int, epoch: int) -> str:
    if step == 0:
        return _("initial weights")
    return _("after step {step:,}, epoch {epoch:,}", step=step, epoch=epoch)


def _branch(run: Run, weights: str, rate: str, epochs: str) -> None:
    """Start a new run with the values of the widgets with these keys; initial weights come from the seed."""
    step = int(st.session_state[weights])
    changes = {"learning_rate": st.session_state[rate], "epochs": st.session_state[epochs]}
    recipe = dataclasses.replace(Recipe.from_dict(run.recipe), **changes)
    recipe.validate()
    if step == 0:
        runs.start(recipe)
        return
    check_branch(recipe, run, step)
    runs.start(recipe, origin=(run.id, step))


def _into_form(run: Run) -> None:
    recipe = Recipe.from_dict(run.recipe)
    keep_of(recipe)
    sharing.put(sharing.parameters(recipe))


def _words(run: Run) -> None:
    with st.popover(_("Name and note"), icon=":material/edit:", key="tool-words"):
        name, note = f"name-{run.id}", f"note-{run.id}"
        then: dict[str, Any] = {"on_change": _describe, "args": (run.id, name, note)}
        st.text_input(_("Name"), value=run.name or "", key=name, max_chars=_LONGEST_NAME, **then)
        st.text_area(_("Note"), value=run.note or "", key=note, max_chars=_LONGEST_NOTE, **then)


def _describe(run_id: str, name: str, note: str) -> None:
    ask(_controlled, open_store().describe, run_id, st.session_state[name], st.session_state[note])
    whole_page()
