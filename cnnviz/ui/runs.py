"""Runs on a page: starting one, watching it, finding it again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import training as plots
from cnnviz.training.executor import start_queued
from cnnviz.training.metrics import FILE_NAME, Steps, read_steps
from cnnviz.training.recipe import Recipe
from cnnviz.training.runs import Run, Status, describe
from cnnviz.training.store import RunStore, open_store
from cnnviz.ui.frame import DRAW, FILTERS, fragment, link
from cnnviz.ui.show import explained

WATCH_SECONDS = 0.8
LIST_SECONDS = 3.0
_COLOURS = {
    Status.QUEUED: "gray",
    Status.STARTING: "blue",
    Status.RUNNING: "blue",
    Status.FINISHED: "green",
    Status.STOPPED: "orange",
    Status.INTERRUPTED: "orange",
    Status.FAILED: "red",
}
_SPEED_STEPS = 50


def start(recipe: Recipe) -> None:
    """Put a run of ``recipe`` into the queue, and show it: its id goes into the link."""
    run_id = open_store().create(recipe)
    st.query_params["run"] = run_id
    start_queued()


def shown_run(runs: Sequence[Run]) -> Run | None:
    """The run that the link names; else the newest that is not over, else the newest."""
    named = st.query_params.get("run")
    if named is not None:
        try:
            return open_store().get(named)
        except UnknownKeyError as error:
            st.warning(str(error), icon=":material/link_off:")
    return next((run for run in runs if run.is_open), runs[0] if runs else None)


def watch(run: Run) -> None:
    """The run's state and curves, which renew themselves while it is not over."""
    fragment(run_every=WATCH_SECONDS if run.is_open else None)(_watch)(run.id, run.is_open)


def _watch(run_id: str, was_open: bool) -> None:
    with explained():
        start_queued()  # somebody looks: that is when dead workers are noticed and the queue moves on
    with explained():
        store = open_store()
        run = store.get(run_id)
        if was_open and not run.is_open:
            st.rerun()  # the whole page, without the timer, and with the run's result in the list
        steps = read_steps(store.folder(run.id) / FILE_NAME)
        _head(store, run)
        _progress(store, run, steps)
        _figures(store, run, steps)


def _head(store: RunStore, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_title(run), anchor=False, width="content")
        with st.container(key="run-status", width="content"):
            st.badge(str(describe(run.status)), color=_COLOURS[run.status])
        if run.is_open:
            st.space("stretch")
            stopping = store.stop_requested(run.id)
            st.button(
                _("Stopping ...") if stopping else _("Stop"),
                icon=":material/stop_circle:",
                key="stop",
                disabled=stopping,
                on_click=_stop,
                args=(run.id,),
            )
    st.caption(_summary(run))


def _stop(run_id: str) -> None:
    with explained():
        open_store().request_stop(run_id)


def _title(run: Run) -> str:
    return _(
        "{network} on {data}",
        network=_known(architectures.get, run.architecture),
        data=_known(datasets.get, run.dataset),
    )
