"""The two views of runs: watch one, its state, metrics and curves updated until it is over; or compare several."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import streamlit as st

from cnnviz.language import Message, sentences
from cnnviz.language import translate as _
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import Steps
from cnnviz.training.store.polled import PolledStore, open_polled
from cnnviz.training.store.runs import MOST_STARTS, Run, Status, start_used, start_waited
from cnnviz.ui.shared.frame import DRAW, EVALUATE, FILTERS, fragment, link
from cnnviz.ui.shared.link_state import View, choose_view
from cnnviz.ui.shared.problems import answer_callbacks, explained, plain, run_again
from cnnviz.ui.shared.words import caption, metric
from cnnviz.ui.train import compare, curves, run_controls, runs, watched
from cnnviz.ui.train.runs import badge, duration, epochs_text, images_per_second, run_title, summary

WATCH_SECONDS = 0.8
_LATEST = 16  # samples
_PATIENCE_SECONDS = 5.0  # from when on the page says why a run has not begun


def _watch_one(_runs: Sequence[Run], shown: Run | None, recipe: Recipe | None) -> None:
    if shown is not None:
        fragment(run_every=WATCH_SECONDS if shown.is_open else None)(_watch)(shown.id, shown.is_open)
    else:
        st.info(_("No runs yet. Choose a network and press Start training."), icon=":material/info:")
        curves.before_the_first(recipe.epochs if recipe else 1)


VIEWS: Mapping[str, View[[Sequence[Run], Run | None, Recipe | None]]] = MappingProxyType(
    {
        "watch": View(Message("Watch one run"), _watch_one),
        "compare": View(Message("Compare runs"), lambda runs, _shown, _recipe: compare.compare(runs)),
    }
)


def show(runs: Sequence[Run], shown: Run | None, recipe: Recipe | None) -> None:
    """The view that the link names; there is nothing to choose before there are two ``runs``.

    ``shown`` is the run that is watched, ``recipe`` the one that the form holds.
    """
    view = VIEWS["watch"] if len(runs) < 2 else choose_view(VIEWS)
    view.show(runs, shown, recipe)


def _watch(run_id: str, was_open: bool) -> None:
    answer_callbacks()
    with explained():
        store = open_polled()
        moves = store.state(run_id).queue_moves
        with explained():  # also when that fails there is still everything of the run to see
            runs.look_after_queue(moves)
        run = store.get(run_id)
        if run.is_open != was_open:
            run_again()  # the whole page, with or without the timer, and with the run's result in the list
        steps = store.steps(run)
        with st.container():  # one element, however many are in it: the charts below it stay where they are
            steered = _head(store, run)
            _progress(store, run, steps)
            run_controls.tools(store, run, steered)
        curves.show(store, run, steps)


def _head(store: PolledStore, run: Run) -> bool:
    """The run's title and status; returns whether this person may control it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(run_title(run)), anchor=False, width="content")
        with st.container(key="run-status", width="content"):
            badge(run)
        st.space("stretch")
        steered = run_controls.allowed(run)
        if steered and run.watched is None:
            run_controls.buttons(store, run)
    if run.watched is not None:
        caption(plain(watched.summary(run, run.watched)))
        watched.say_who_trains(run)
    else:
        caption(plain(summary(run, store.rate_changes(run))))
    if run.is_open and run.executor is not None and run.worker is not None:
        where = _(
            "Its worker is on {machine}, a machine of the cluster ({name}).",
            machine=run.machine,
            name=run.executor,
        )
        st.caption(":material/dns: " + plain(where))
    if run.note:
        st.caption(":material/sticky_note_2: " + plain(run.note))
    return steered


def _progress(store: PolledStore, run: Run, steps: Steps) -> None:
    if run.status == Status.QUEUED:
        place = store.queue_position(run.id) or 1
        text = _(
            "Position {place:,} in the queue. It starts automatically when the runs before it have "
            "ended; you may close this page in the meantime.",
            place=place,
        )
        if run.waits is not None:
            text += "\n\n" + plain(run.waits)
        st.info(text, icon=":material/hourglass_top:")
    elif run.status == Status.STARTING:
        st.info(_starting_text(run), icon="spinner")
    elif run.status in (Status.RUNNING, Status.PAUSED) and run.total_steps:
        st.progress(min(1.0, run.step / run.total_steps), _progress_text(store, run))
    elif run.reason is not None:
        show = {Status.FAILED: st.error, Status.FINISHED: st.info}.get(run.status, st.warning)
        show(
            plain(run.reason), icon=":material/info:" if run.status == Status.FINISHED else ":material/error:"
        )
    if run.status == Status.PAUSED:
        st.caption(":material/pause_circle: " + _pause_text(run))
    _metrics(store, run, steps)
    if run.checkpoint is not None:
        _uses(run.checkpoint)


def _starting_text(run: Run) -> str:
    """What a run waits for that was taken out of the queue and does not train yet."""
    if run.executor is not None and run.worker is None:
        asked = Message("The cluster ({name}) was asked to train this run.", name=run.executor)
        return plain(sentences((asked, run.waits)))
    waited, used = start_waited(run), start_used(run)
    text = _("Starting the worker process and loading the data ...")
    if waited is not None and used is not None and waited > _PATIENCE_SECONDS and used < waited / 2:
        text = _(
            "The worker process waits for the processor: in {waited:.0f} seconds it has had it for {used:.1f}. Other "
            "programs keep this machine busy; the run begins as soon as it gets its turn.",
            waited=waited,
            used=used,
        )
    if (run.starts or 0) > 1:
        text += " " + _(
            "Attempt {number} of {most}: the process before ended before training began.",
            number=run.starts,
            most=MOST_STARTS,
        )
    return text


def _pause_text(run: Run) -> str:
    if run.worker is None:
        return _(
            "Paused; another run may train in the meantime. This run rejoins the queue when you resume it."
        )
    return _("Paused before step {step:,}. Nothing is lost, however long it stays paused.", step=run.step + 1)


def _progress_text(store: PolledStore, run: Run) -> str:
    text = _(
        "Epoch {epoch:,} of {epochs:,} · step {step:,} of {total:,}",
        epoch=max(1, run.epoch),
        epochs=run.epochs,
        step=run.step,
        total=run.total_steps,
    )
    left = _seconds_left(store, run)
    if left is None or run.status == Status.PAUSED:
        return text
    return text + " · " + _("{duration} left", duration=duration(left))


def _seconds_left(store: PolledStore, run: Run) -> float | None:
    """The worker's latest estimate; before there is one, extrapolated from the steps so far."""
    records = store.samples(run).records[-_LATEST:]
    if len(records):  # each says when the run will have ended; on a busy machine they differ a lot
        end = np.median(records["seconds"] + records["seconds_left"])
        return max(0.0, float(end - records["seconds"][-1]))
    if run.started_at is None or run.step == 0:
        return None
    return (time.time() - run.started_at) / run.step * (run.total_steps - run.step)


def _metrics(store: PolledStore, run: Run, steps: Steps) -> None:
    if run.started_at is None:
        return
    trained = float(steps[-1]["seconds"]) if len(steps) else 0.0
    if run.watched is not None:
        watched.metrics(run, steps, str(duration(trained)))
        return
    speed = images_per_second(steps, int(run.recipe.get("batch_size", 0)))
    best = max((epoch.test_accuracy for epoch in store.epochs(run.id)), default=None)
    with st.container(horizontal=True, gap="medium"):
        metric(_("Test accuracy"), _percent(run.test_accuracy), width="content")
        if best is not None and run.test_accuracy is not None and best > run.test_accuracy:
            metric(_("Best epoch"), _percent(best), width="content")
        metric(_("Epoch") if run.is_open else _("Epochs completed"), epochs_text(run), width="content")
        metric(_("Images per second"), "–" if speed is None else f"{speed:,.0f}", width="content")
        metric(_("Training time"), str(duration(trained)), width="content")


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2%}"


def _uses(checkpoint: str) -> None:
    with st.container(horizontal=True):
        link(DRAW, _("Draw a digit for this network"), checkpoint=checkpoint)
        link(FILTERS, _("Explore its filters"), checkpoint=checkpoint)
        link(EVALUATE, _("See its mistakes"), checkpoint=checkpoint)
