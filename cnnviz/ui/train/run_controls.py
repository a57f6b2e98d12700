"""Steering a run: pause, one step, resume, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.training.store.runs import Kind, Run, Status
from cnnviz.training.store.store import RunStore
from cnnviz.ui.shared.callbacks import ask
from cnnviz.ui.train import runs
from cnnviz.ui.train.owner import owner


def allowed(run: Run) -> bool:
    """Whether the person may steer ``run``: one's own at once, somebody else's after saying so."""
    if run.owner in (None, owner()):  # nobody's: it was started on the command line
        return True
    return st.toggle(
        _("Steer somebody else's run"),
        key="steer-others",
        help=_("Another browser has started this run. Whoever steers it changes what they see."),
    )


def buttons(store: RunStore, run: Run) -> None:
    """What may be done with the run now; what it was asked for and has not heard of yet stands still."""
    asked = store.requested(run.id) if run.is_open else ()
    if run.status == Status.PAUSED:
        _resume(store, run, asked)
        _step(store, run, asked)
    elif run.is_open:
        _pause(store, run, asked)
    elif run.can_resume:
        _resume(store, run, asked)
    if run.is_open:
        stopping = Kind.STOP in asked
        _button(
            _("Stopping ...") if stopping else _("Stop"),
            "stop",
            ":material/stop_circle:",
            stopping,
            store.request_stop,
            run,
        )


def _pause(store: RunStore, run: Run, asked: Sequence[Kind]) -> None:
    waiting = Kind.PAUSE in asked
    label = _("Pausing ...") if waiting else _("Pause")
    _button(label, "pause", ":material/pause_circle:", waiting, store.request_pause, run)


def _resume(store: RunStore, run: Run, asked: Sequence[Kind]) -> None:
    waiting = Kind.RESUME in asked
    label = _("Going on ...") if waiting else _("Resume")

    def resume(run_id: str) -> None:
        store.resume(run_id)
        runs.move_queue()

    _button(label, "resume", ":material/play_circle:", waiting, resume, run)


def _step(store: RunStore, run: Run, asked: Sequence[Kind]) -> None:
    def step(run_id: str) -> None:
        store.request_step(run_id)
        runs.move_queue()

    _button(_("One step"), "step", ":material/skip_next:", Kind.STEP in asked, step, run)


def _button(label: str, key: str, icon: str, disabled: bool, do: Callable[[str], object], run: Run) -> None:
    st.button(label, key=key, icon=icon, disabled=disabled, on_click=ask, args=(do, run.id))
