from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.training.records.figures import RateChange, write_rate_changes
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import PAGE, figures, mine, recipe, texts, work

OpenPage = Callable[..., AppTest]


def finished(store: RunStore, accuracies: list[float], **changes: object) -> str:
    run_id = mine(store, worker="worker", **changes)
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        for step in range(1, 20):
            metrics.add(step, 1, 1.0 / step, 0.5, step / 10)
    for epoch, accuracy in enumerate(accuracies, 1):
        assert store.add_epoch(run_id, "worker", figures(epoch, accuracy))
    assert store.finish(run_id, "worker", Status.FINISHED)
    return run_id


def table(app: AppTest) -> list[list[str]]:
    """The cells of the table, row by row, the titles first."""
    (markup,) = [found.proto.body for found in app.main.get("html") if "<table" in found.proto.body]
    rows = re.findall(r"<tr>(.*?)</tr>", markup)
    return [
        [
            re.sub(r"<[^>]*>", "", cell).replace("\u00a0", " ").strip()
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)
        ]
        for row in rows
    ]


def test_runs_stand_on_one_chart_with_what_differs(open_page: OpenPage, store: RunStore) -> None:
    slow = finished(store, [0.8, 0.9, 0.85])
    fast = finished(store, [0.95], learning_rate=0.05, augmentation={"flip": True})
    app = open_page(PAGE, view="compare", runs=[slow, fast])
    titles, *rows = table(app)
    assert titles == [
        "Run", "Status", "Horizontal flip", "Learning rate", "Best accuracy", "Final accuracy", "Epochs completed",
        "Time", "Parameters",
    ]  # fmt: skip
    assert [row[2:6] for row in rows] == [
        ["off", "0.01", "90.00%", "85.00%"],
        ["on", "0.05", "95.00%", "95.00%"],
    ]
    assert {row[8] for row in rows} == {"8,490"}
    assert [row[7] for row in rows] == ["2 s", "2 s"]  # up to the last step, of 19
    assert len(app.get("plotly_chart")) == 1


def test_at_first_one_s_newest_runs_are_compared(open_page: OpenPage, store: RunStore) -> None:
    ids = [finished(store, [0.9], seed=seed) for seed in range(6)]
    app = open_page(PAGE, view="compare")
    assert [row[0][-6:] for row in table(app)[1:]] == [run_id[-6:] for run_id in reversed(ids[2:])]
    app.multiselect(key="choice-runs").set_value([ids[0], ids[5]]).run()
    assert app.query_params["runs"] == [ids[0], ids[5]]
    assert len(table(app)) == 3


@pytest.mark.parametrize(
    ("figure", "title"),
    [("test_loss", "Test loss per epoch"), ("batch_loss", "Loss per batch (smoothed)")],
)
def test_other_figures_are_a_choice(open_page: OpenPage, store: RunStore, figure: str, title: str) -> None:
    ids = [finished(store, [0.9]), finished(store, [0.8], epochs=2)]
    app = open_page(PAGE, view="compare", runs=ids, figure=figure, axis="seconds")
    (chart,) = app.get("plotly_chart")
    layout = json.loads(chart.proto.spec)["layout"]
    assert layout["title"]["text"] == title
    assert layout["xaxis"]["title"]["text"] == "training time in seconds"
    assert len(json.loads(chart.proto.spec)["data"]) == 2


def test_the_same_recipe_twice_is_said(open_page: OpenPage, store: RunStore) -> None:
    ids = [finished(store, [0.9]), finished(store, [0.9])]
    app = open_page(PAGE, view="compare", runs=ids)
    assert any("recipes are identical" in caption.value for caption in app.caption)


def test_what_was_done_beside_the_same_recipe_is_shown(open_page: OpenPage, store: RunStore) -> None:
    first, steered = finished(store, [0.9]), finished(store, [0.8])
    write_rate_changes(store.folder(steered), [RateChange(1200, 0.5), RateChange(1300, 0.05)])
    branch = store.create(recipe(), origin=(first, 1024))
    app = open_page(PAGE, view="compare", runs=[first, steered, branch])
    titles, *rows = table(app)
    assert titles[2:4] == ["Continues from", "Manual learning rate changes"]
    assert [row[2:4] for row in rows] == [
        ["–", "–"],
        ["–", "0.5 after step 1,200 · 0.05 after step 1,300"],
        [f"run {first}, step 1,024", "–"],
    ]
    assert not any("recipes are identical" in caption.value for caption in app.caption)


def test_a_run_that_was_stopped_in_its_first_epoch_has_trained(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=50)
    assert store.finish(run_id, "worker", Status.STOPPED)
    titles, row = table(open_page(PAGE, view="compare", runs=[run_id, finished(store, [0.9])]))[:2]
    assert dict(zip(titles, row, strict=True))["Time"] == "less than 1 s"


def test_no_run_and_unknown_runs_are_explained(open_page: OpenPage, store: RunStore) -> None:
    run_id = finished(store, [0.9])
    finished(store, [0.9])
    assert "Choose runs" in texts(open_page(PAGE, view="compare", runs=""))
    app = open_page(PAGE, view="compare", runs=[run_id, run_id + "x"])
    assert f"did you mean '{run_id}'" in texts(app).replace("\\", "")
    assert len(table(app)) == 2


def test_what_a_person_calls_a_run_is_no_markup(open_page: OpenPage, store: RunStore) -> None:
    ids = [finished(store, [0.9]), finished(store, [0.9])]
    store.describe(ids[0], "<img src=x>", None)
    app = open_page(PAGE, view="compare", runs=ids)
    assert table(app)[1][0].startswith("&lt;img")
