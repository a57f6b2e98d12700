from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter, Steps
from cnnviz.training.store.polled import PolledStore, open_polled
from cnnviz.training.store.runs import Kind, Status
from cnnviz.training.store.store import RunStore
from cnnviz.ui.train import curves, views
from tests.pages.training_page import PAGE, buttons, charts, mine, status, texts, work

OpenPage = Callable[..., AppTest]


def test_a_run_is_watched_while_it_goes_on(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    app = open_page(PAGE)  # without a run in the link: the one that goes on
    assert status(app) == "starting"
    work(store, run_id, steps=100)
    app.run()
    assert status(app) == "running"
    progress = app.get("progress")[0].proto
    assert progress.text.startswith("Epoch 2 of 3 · step 100 of 189 · ")
    assert progress.text.endswith(" left")
    assert progress.value == 52
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Test accuracy"] == "90.00%"
    assert shown["Images per second"] == "6,400"
    assert charts(app) == ["loss", "accuracy", "epoch-loss"]
    (hint,) = [caption.value for caption in app.caption if "TensorBoard" in caption.value]
    assert f"`tensorboard --logdir {store.settings.runs_dir}`" in hint


def test_the_second_run_waits_and_says_so(open_page: OpenPage, store: RunStore) -> None:
    first, second = mine(store), mine(store)
    app = open_page(PAGE, run=second)
    assert status(app) == "queued"
    assert "Position 1 in the queue" in texts(app)
    assert store.claim(first, "worker")
    assert store.finish(first, "worker", Status.FINISHED)
    app.run()
    assert status(app) == "starting"


def test_stop_reaches_the_worker(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    app = open_page(PAGE, run=run_id)
    work(store, run_id, steps=10)
    app.button(key="stop").click().run()
    assert Kind.STOP in store.requested(run_id)
    assert app.button(key="stop").disabled
    assert store.finish(run_id, "worker", Status.STOPPED)
    app.run()
    assert status(app) == "stopped"
    assert not [button for button in app.button if button.key == "stop"]


def test_a_finished_run_offers_its_checkpoint(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store, worker="worker")
    assert store.finish(run_id, "worker", Status.FINISHED, checkpoint=run_id)
    app = open_page(PAGE, run=run_id)
    assert status(app) == "finished"
    offered = [
        (element.proto.page, parse_qs(element.proto.query_string))
        for element in app.get("page_link")
        if f"checkpoint={run_id}" in element.proto.query_string  # the menu carries a network along, too
    ]
    assert offered == [(page, {"checkpoint": [run_id]}) for page in ("draw", "filters", "evaluate")]


def test_an_interrupted_run_says_why_and_keeps_its_curve(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=70)
    reason = Message("The plug was pulled after {count:,} steps.", count=70)
    assert store.finish(run_id, "worker", Status.INTERRUPTED, reason)
    app = open_page(PAGE, run=run_id)
    assert status(app) == "interrupted"
    assert "The plug was pulled after 70 steps." in texts(app)
    assert charts(app) == ["loss", "accuracy", "epoch-loss"]


def test_a_run_that_starts_shows_that_something_goes_on(open_page: OpenPage, store: RunStore) -> None:
    mine(store)
    (info,) = [element for element in open_page(PAGE).info if "Starting the worker process" in element.value]
    assert info.icon == "spinner"


def test_a_run_that_starts_on_a_busy_machine_says_what_it_waits_for(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine(store)
    run_id = store.take_next(1)
    run = dataclasses.replace(store.get(str(run_id)), starts=2)
    monkeypatch.setattr(PolledStore, "get", lambda *_: run)
    monkeypatch.setattr(views, "start_waited", lambda _run: 42.0)
    monkeypatch.setattr(views, "start_used", lambda _run: 1.25)
    shown = texts(open_page(PAGE))
    assert "in 42 seconds it has had it for 1.2." in shown
    assert "Attempt 2 of 3" in shown


def test_a_stop_within_the_first_epoch_counts_no_epoch(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    assert store.finish(run_id, "worker", Status.STOPPED, epoch=1, step=10)
    app = open_page(PAGE, run=run_id)
    assert {metric.label: metric.value for metric in app.metric}["Epochs completed"] == "0 / 3"
    assert app.dataframe[0].value["epochs"].tolist() == ["0 / 3"]
    assert charts(app) == ["loss"]  # no empty axes that look like an epoch
    assert any("ended within its first epoch" in caption.value for caption in app.caption)


def test_an_unknown_run_in_the_link_is_explained_and_the_newest_is_shown(
    open_page: OpenPage, store: RunStore
) -> None:
    run_id = mine(store)
    app = open_page(PAGE, run=run_id + "x")
    assert f"did you mean '{run_id}'" in texts(app)
    assert status(app) == "starting"


def test_all_runs_are_listed_newest_first(open_page: OpenPage, store: RunStore) -> None:
    finished = mine(store, worker="worker")
    assert store.add_epoch(finished, "worker", EpochMetrics(1, 0.5, 0.8, 0.4, 0.97, 1.0, 6400.0))
    assert store.finish(finished, "worker", Status.FINISHED, epoch=1)
    waiting = mine(store, epochs=7)
    table = open_page(PAGE).dataframe[0].value
    assert table["run"].tolist() == [waiting, finished]
    assert table["epochs"].tolist() == ["0 / 7", "1 / 3"]
    assert table["accuracy"].tolist()[1] == 97
    assert table["network"].tolist() == ["Basic CNN", "Basic CNN"]


def test_curves_grow_in_place(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    app = open_page(PAGE)
    before = [(chart.proto.spec, chart.proto.alt) for chart in app.get("plotly_chart")]
    assert len(before) == 3
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        metrics.add(11, 1, 0.1, 0.9, 0.2)
    assert store.renew(run_id, "worker", 1, 11)
    app.run()
    drawn = [(chart.proto.spec, chart.proto.alt) for chart in app.get("plotly_chart")]
    assert drawn == before  # or the browser draws anew
    (update,) = [
        found for found in app.get("bidi_component") if found.proto.component_name.endswith("live_figures")
    ]
    told = json.loads(update.proto.json)
    shown = {key: json.loads(figure) for key, (figure, _words) in told.items()}
    assert shown.keys() == {f"{name}-{run_id}" for name in ("loss", "accuracy", "epoch-loss")}
    losses = np.frombuffer(base64.b64decode(shown[f"loss-{run_id}"]["data"][1]["y"]["bdata"]), "<f4")
    np.testing.assert_allclose(losses[-2:], [0.2, 0.1])
    assert "; 11: 0.1)." in told[f"loss-{run_id}"][1]  # its words, which follow


def test_a_figure_is_built_once_for_everybody_who_watches(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    build, built = curves.plots.loss_figure, list[str]()

    def counted(steps: Steps, revision: str, loss_name: str, *look: Any) -> Any:
        built.append(loss_name)
        return build(steps, revision, loss_name, *look)

    monkeypatch.setattr(curves.plots, "loss_figure", counted)
    open_page(PAGE)
    open_page(PAGE)
    assert built == ["cross-entropy"]
    open_page(PAGE, lang="zh")
    assert len(built) == 2
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        metrics.add(11, 1, 0.1, 0.9, 0.2)
    assert store.renew(run_id, "worker", 1, 11)
    open_page(PAGE)
    assert len(built) == 3


def test_whoever_watches_too_asks_the_store_nothing_and_sees_what_is_done_on_another_server(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    monkeypatch.setattr(open_polled(), "_clock", lambda: 100.0)
    open_page(PAGE, run=run_id)
    asked: list[object] = []
    sa.event.listen(store._database._engine, "begin", asked.append)
    app = open_page(PAGE, run=run_id)
    assert status(app) == "running"
    assert not asked

    other_server = RunStore(settings())
    other_server.request_pause(run_id)
    app.run()
    assert buttons(app)["pause"]
    monkeypatch.setattr(open_polled(), "_clock", lambda: 101.0)
    app.run()
    assert not buttons(app)["pause"]
    other_server.pause(run_id, "worker", 1, 10)
    other_server.close()
    app.button(key="stop").click().run()  # what is done here shows at once, and what was done there with it
    assert (status(app), buttons(app)["stop"]) == ("paused", False)
