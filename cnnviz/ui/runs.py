"""Runs on a page: starting one, watching it, finding it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import training as plots
from cnnviz.training.executor import start_queued
from cnnviz.training.metrics import FILE_NAME, Steps, read_steps
from cnnviz.training.observer import EpochMetrics
from cnnviz.training.recipe import Recipe
from cnnviz.training.runs import Run, Status, describe
from cnnviz.training.store import RunStore, open_store
from cnnviz.ui.frame import DRAW, FILTERS, fragment, link
from cnnviz.ui.live import LiveFigures
from cnnviz.ui.show import explained, link_problem, plain

_Colour = Literal["gray", "blue", "green", "orange", "red"]

WATCH_SECONDS = 0.8
_COLOURS: Mapping[Status, _Colour] = {
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
            link_problem(error.message)
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
        st.subheader(plain(_title(run)), anchor=False, width="content")
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
    st.caption(plain(_summary(run)))


def _stop(run_id: str) -> None:
    with explained():
        open_store().request_stop(run_id)


def _title(run: Run) -> str:
    return _(
        "{network} on {data}",
        network=network_title(run),
        data=data_title(run),
    )


def _summary(run: Run) -> str:
    recipe = run.recipe
    facts = [
        _("epochs {epochs:,}", epochs=run.epochs),
        _("batch size {size:,}", size=recipe.get("batch_size", 0)),
        _("learning rate {rate:g}", rate=recipe.get("learning_rate", 0.0)),
        _("momentum {momentum:g}", momentum=recipe.get("momentum", 0.0)),
        _("seed {seed}", seed=recipe.get("seed", "-")),
        _("run {id}", id=run.id),
    ]
    return " · ".join(facts)


def _progress(store: RunStore, run: Run, steps: Steps) -> None:
    if run.status == Status.QUEUED:
        place = store.queue_position(run.id) or 1
        text = _(
            "Place {place:,} in the queue. It starts by itself when the runs before it have ended; you may "
            "close this page meanwhile.",
            place=place,
        )
        st.info(text, icon=":material/hourglass_top:")
    elif run.status == Status.STARTING:
        st.info(_("The worker process starts and loads the data ..."), icon="spinner")
    elif run.status == Status.RUNNING:
        st.progress(min(1.0, run.step / max(1, run.total_steps)), _progress_text(run))
    elif run.reason is not None:
        show = st.error if run.status == Status.FAILED else st.warning
        show(plain(run.reason), icon=":material/error:")
    _metrics(run, steps)
    if run.checkpoint is not None:
        _uses(run.checkpoint)


def _progress_text(run: Run) -> str:
    text = _(
        "Epoch {epoch:,} of {epochs:,} · step {step:,} of {total:,}",
        epoch=max(1, run.epoch),
        epochs=run.epochs,
        step=run.step,
        total=run.total_steps,
    )
    if run.started_at is None or run.step == 0:
        return text
    left = (time.time() - run.started_at) / run.step * (run.total_steps - run.step)
    return text + " · " + _("{duration} left", duration=duration(left))


def duration(seconds: float) -> Message:
    """A span of time in the two largest units that fit: hours, minutes, seconds."""
    whole = max(0, round(seconds))
    if whole < 60:
        return Message("{seconds} s", seconds=whole)
    if whole < 3600:
        return Message("{minutes} min {seconds} s", minutes=whole // 60, seconds=whole % 60)
    return Message("{hours:,} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)


def _metrics(run: Run, steps: Steps) -> None:
    if run.started_at is None:
        return
    ended = run.ended_at or time.time()
    speed = images_per_second(steps, int(run.recipe.get("batch_size", 0)))
    accuracy = "–" if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
    with st.container(horizontal=True, gap="medium"):
        st.metric(_("Test accuracy"), accuracy, width="content")
        st.metric(_("Epoch") if run.is_open else _("Epochs completed"), epochs_text(run), width="content")
        st.metric(_("Images per second"), "–" if speed is None else f"{speed:,.0f}", width="content")
        st.metric(_("Time"), str(duration(ended - run.started_at)), width="content")


def epochs_text(run: Run) -> str:
    """Which of its epochs a run is in; once it is over, how many it has completed."""
    epoch = run.epoch
    if not run.is_open and run.total_steps:
        epoch = run.step * run.epochs // run.total_steps
    return f"{epoch:,} / {run.epochs:,}"


def images_per_second(steps: Steps, batch_size: int) -> float | None:
    """How many images the latest steps took in a second of training; None before there are two steps."""
    if len(steps) < 2:
        return None
    first, last = steps[max(0, len(steps) - _SPEED_STEPS)], steps[-1]
    seconds = float(last["seconds"] - first["seconds"])
    return (int(last["step"]) - int(first["step"])) * batch_size / seconds if seconds > 0 else None


def _uses(checkpoint: str) -> None:
    with st.container(horizontal=True):
        link(DRAW, _("Draw a digit for this network"), checkpoint=checkpoint)
        link(FILTERS, _("Look at its filters"), checkpoint=checkpoint)


def _figures(store: RunStore, run: Run, steps: Steps) -> None:
    epochs = store.epochs(run.id)
    if not len(steps):
        return
    live = LiveFigures(run.id)
    left, right = st.columns(2)
    with left:
        live.draw(plots.loss_figure(steps, run.id), "loss")
        st.caption(str(plots.LOSS_MESSAGE))
    with right:
        if epochs or run.is_open:
            _accuracy(live, run, epochs)
        else:
            st.caption(_("The run ended within its first epoch, so there is no accuracy per epoch to show."))
    live.update()


def _accuracy(live: LiveFigures, run: Run, epochs: Sequence[EpochMetrics]) -> None:
    train = [epoch.train_accuracy for epoch in epochs]
    test = [epoch.test_accuracy for epoch in epochs]
    total = run.epochs if run.is_open else len(epochs)
    live.draw(plots.accuracy_figure(train, test, total, run.id), "accuracy")
    st.caption(str(plots.ACCURACY_MESSAGE))


def network_title(run: Run) -> str:
    """What a person calls the run's network."""
    return _title_of(architectures.get, run.architecture)


def data_title(run: Run) -> str:
    """What a person calls the run's data set."""
    return _title_of(datasets.get, run.dataset)


def _title_of(get: Callable[[str], Any], key: str) -> str:
    """The title of what is registered as ``key``; the key for what another version of cnnviz knew."""
    try:
        return str(get(key).title)
    except UnknownKeyError:
        return key
