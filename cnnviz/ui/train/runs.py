"""Runs of a person: starting one, showing one, and keeping the queue moving."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import open_store
from cnnviz.training.worker.executor import start_queued
from cnnviz.training.worker.processes import keep_standby
from cnnviz.ui.shared.show import link_problem
from cnnviz.ui.train.owner import owner

PARAMETER = "run"
"""Of the link: the id of the run that is shown."""


def start(recipe: Recipe, origin: tuple[str, int] | None = None) -> None:
    """Put a run of ``recipe`` into the queue, and show it; ``origin`` is the snapshot that it goes on from."""
    run_id = open_store().create(recipe, owner=owner(), origin=origin)
    show(run_id)
    move_queue()


def expect() -> None:
    """See to it that the next run begins quickly: a process that has imported all that is slow waits for it."""
    keep_standby()


def show(run_id: str) -> None:
    """Name the run in the link, from where the page takes it."""
    st.query_params[PARAMETER] = run_id
    st.query_params.pop("view", None)


def move_queue() -> None:
    """Notice dead workers, and start whatever may start."""
    start_queued()


def shown_run(runs: Sequence[Run]) -> Run | None:
    """The run that the link names; else of the person's own the newest that is not over, else the newest."""
    named = st.query_params.get(PARAMETER)
    if named is not None:
        try:
            run = open_store().get(named)
            if run.deleted_at is None:
                return run
            link_problem(Message("The run {id} was deleted.", id=run.id))
        except UnknownKeyError as error:
            link_problem(error.message)
    own = [run for run in runs if run.owner == owner()]
    return next((run for run in own if run.is_open), own[0] if own else None)
