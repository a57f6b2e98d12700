from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import RateChange, write_rate_changes
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.store.runs import Command, Kind, Status
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import (
    ME,
    PAGE,
    SOMEBODY,
    STEPS,
    buttons,
    figures,
    mine,
    recipe,
    status,
    texts,
    work,
)

OpenPage = Callable[..., AppTest]


def heard(store: RunStore, run_id: str) -> list[Kind]:
    """What the run's worker hears when it listens now."""
    return [command.kind for command in store.take_commands(run_id)]


def keep_snapshot(store: RunStore, run_id: str, step: int, epoch: int) -> None:
    path: Path = snapshots.path(store.folder(run_id), step, epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_a_running_run_is_paused_makes_a_step_and_goes_on(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    app = open_page(PAGE, run=run_id)
    work(store, run_id, steps=10)
    app.run()
    app.button(key="pause").click().run()
    assert not buttons(app)["pause"]  # it was asked for, and not heard of yet
    assert heard(store, run_id) == [Kind.PAUSE]
    assert store.pause(run_id, "worker", 1, 10)
    app.run()
    assert status(app) == "paused"
    assert any("Paused before step 11" in caption.value for caption in app.caption)
    app.button(key="step").click().run()
    assert heard(store, run_id) == [Kind.STEP]
    app.button(key="resume").click().run()
    assert not buttons(app)["resume"]
    assert heard(store, run_id) == [Kind.RESUME]


def test_a_paused_run_without_a_worker_says_so_and_queues_again(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    assert store.pause(run_id, "worker", 1, 10)
    assert store.give_up_place(run_id, "worker")
    app = open_page(PAGE, run=run_id)
    assert any("another run may train in the meantime" in caption.value for caption in app.caption)
    app.button(key="resume").click().run()
    assert status(app) == "starting"


@pytest.mark.parametrize("end", [Status.STOPPED, Status.INTERRUPTED, Status.FAILED])
def test_a_run_that_was_cut_off_can_go_on(open_page: OpenPage, store: RunStore, end: Status) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    assert store.finish(run_id, "worker", end)
    app = open_page(PAGE, run=run_id)
    assert not {"pause", "stop", "step"} & set(buttons(app))
    app.button(key="resume").click().run()
    assert status(app) == "starting"


def test_a_finished_run_is_not_steered(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store, worker="worker")
    assert store.finish(run_id, "worker", Status.FINISHED)
    app = open_page(PAGE, run=run_id)
    assert not {"pause", "stop", "step", "resume", "change-rate"} & set(buttons(app))


def test_the_learning_rate_changes_in_the_middle(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store, learning_rate=0.02)
    app = open_page(PAGE, run=run_id)
    work(store, run_id, steps=10)
    app.run()
    field = app.number_input(key=f"new-rate-{run_id}")
    assert field.value == 0.02
    field.set_value(0.005)
    app.button(key="change-rate").click().run()
    assert store.take_commands(run_id) == [Command(Kind.RATE, 0.005)]
    assert [toast.value for toast in app.toast] == ["Learning rate 0.005 requested."]
    app.number_input(key=f"new-rate-{run_id}").set_value(99.0)
    app.button(key="change-rate").click().run()
    assert "learning rate must be a number from 1e-06 to 10.0; got 99.0" in texts(app)
    assert not app.toast
    assert store.take_commands(run_id) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([RateChange(70, 0.1)], "learning rate 0.01, changed by hand to 0.1 from step 71 (epoch 2)"),
        (
            [RateChange(5, 1.0), RateChange(STEPS - 1, 0.001)],
            "learning rate 0.01, changed by hand 2 times, to 0.001 from step 63 (epoch 1)",
        ),
    ],
)
def test_the_recipe_and_the_loss_show_where_the_rate_was_changed(
    open_page: OpenPage, store: RunStore, changes: list[RateChange], told: str
) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=100)
    write_rate_changes(store.folder(run_id), changes)
    app = open_page(PAGE, run=run_id)
    (line,) = [caption.value for caption in app.caption if f"run {run_id}" in caption.value]
    assert f" · {told} · momentum 0.5 · " in line
    (loss,) = [chart for chart in app.get("plotly_chart") if chart.key == f"loss-{run_id}"]
    marked = json.loads(loss.proto.spec)["layout"]["shapes"]
    assert [line["x0"] for line in marked] == [change.step for change in changes]


def test_the_loss_has_another_scale_after_a_jump(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    open_page(PAGE)
    work(store, run_id, steps=10)
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        metrics.add(11, 1, 4_000.0, 0.1, 0.2)
    app = open_page(PAGE, run=run_id)
    assert not any("above this axis" in caption.value for caption in app.caption)
    app.button_group(key="choice-loss-axis").set_value("typical").run()
    assert app.query_params["loss-axis"] == "typical"
    (said,) = [caption.value for caption in app.caption if "above this axis" in caption.value]
    assert "1 of 11 values lie above this axis, the highest at 4,000." in said


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (None, "The worker will apply the change in a moment."),
        ("paused", "Takes effect when the run is resumed."),
        ("stopped", "Takes effect when the run is resumed."),
        ("queued", "Takes effect when the run starts."),
    ],
)
def test_a_change_of_the_learning_rate_says_when_it_counts(
    open_page: OpenPage, store: RunStore, end: str | None, sentence: str
) -> None:
    run_id = mine(store)
    if end != "queued":
        work(store, run_id, steps=10)
    if end == "paused":
        assert store.pause(run_id, "worker", 1, 10)
        assert store.give_up_place(run_id, "worker")
    elif end == "stopped":
        assert store.finish(run_id, "worker", Status.STOPPED)
    elif end == "queued":
        ahead = mine(store, worker="other")  # takes the only place
        assert store.begin(ahead, "other", STEPS)
    app = open_page(PAGE, run=run_id)
    assert not any(sentence in caption.value for caption in app.caption)
    app.button(key="change-rate").click().run()
    assert any(sentence in caption.value for caption in app.caption)


@pytest.mark.parametrize(("architecture", "sentence"), [("vgg11", "none is kept"), ("basic-cnn", None)])
def test_no_snapshots_to_go_on_from_for_want_of_space_is_said(
    open_page: OpenPage, store: RunStore, architecture: str, sentence: str | None
) -> None:
    run_id = store.create(recipe(architecture), owner=ME)
    open_page(PAGE)
    work(store, run_id, steps=10)
    app = open_page(PAGE, run=run_id)
    said = [caption.value for caption in app.caption if "SNAPSHOT" in caption.value]
    assert len(said) == (sentence is not None)
    assert all("164.4 MB" in text and "64 MB" in text and "none is kept" in text for text in said)


def test_training_goes_on_from_a_snapshot_as_a_new_run(open_page: OpenPage, store: RunStore) -> None:
    first = mine(store)
    open_page(PAGE)
    work(store, first, steps=2 * STEPS)
    for step, epoch in ((0, 0), (1, 1), (STEPS, 1)):
        keep_snapshot(store, first, step, epoch)
    assert store.finish(first, "worker", Status.STOPPED)
    app = open_page(PAGE, run=first)
    weights = app.selectbox(key=f"from-{first}")
    assert weights.options == ["initial weights", "after step 1, epoch 1", "after step 63, epoch 1"]
    weights.set_value(STEPS)
    app.number_input(key=f"again-rate-{first}").set_value(0.001)
    app.button(key="branch").click().run()
    branch = store.list()[0]
    assert (branch.origin, branch.origin_step, branch.owner) == (first, STEPS, ME)
    assert Recipe.from_dict(branch.recipe) == recipe(learning_rate=0.001)
    assert app.query_params["run"] == branch.id
    assert any(f"continues from run {first}, step 63" in caption.value for caption in app.caption)


def test_the_same_initial_weights_need_no_snapshot(open_page: OpenPage, store: RunStore) -> None:
    first = mine(store, worker="worker", seed=7)
    assert store.finish(first, "worker", Status.FINISHED)
    app = open_page(PAGE, run=first)
    app.number_input(key=f"again-epochs-{first}").set_value(5)
    app.button(key="branch").click().run()
    again = store.list()[0]
    assert again.origin is None
    assert Recipe.from_dict(again.recipe) == recipe(seed=7, epochs=5)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("again-rate", math.pi * 10, "learning rate must be a number from 1e-06 to 10.0; got 31.4"),
        ("again-epochs", 1, "is already the end of the 1 epochs"),
    ],
)
def test_what_a_snapshot_cannot_go_on_with_is_explained(
    open_page: OpenPage, store: RunStore, field: str, value: float, sentence: str
) -> None:
    first = mine(store)
    open_page(PAGE)
    work(store, first, steps=STEPS)
    keep_snapshot(store, first, STEPS, 1)
    app = open_page(PAGE, run=first)
    app.selectbox(key=f"from-{first}").set_value(STEPS)
    app.number_input(key=f"{field}-{first}").set_value(value)
    app.button(key="branch").click().run()
    assert sentence in texts(app)
    assert len(store.list()) == 1


def test_the_recipe_of_a_run_goes_into_the_form(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store, epochs=7, optimizer="adam", seed=4)
    app = open_page(PAGE, model="densenet", resize="64", run=run_id)
    app.button(key="into-form").click().run()
    assert app.selectbox(key="choice-model").value == "basic-cnn"
    assert app.number_input(key="epochs").value == 7
    assert app.selectbox(key="choice-optimizer").value == "adam"
    assert app.query_params["run"] == run_id


def test_a_name_and_a_note_are_kept(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store)
    app = open_page(PAGE, run=run_id)
    app.text_input(key=f"name-{run_id}").set_value("Higher *rate*").run()
    app.text_area(key=f"note-{run_id}").set_value("It jumps at step 40.").run()
    run = store.get(run_id)
    assert (run.name, run.note) == ("Higher *rate*", "It jumps at step 40.")
    assert app.subheader[0].value == r"Higher \*rate\*"  # what a person writes is no Markdown
    assert any("It jumps at step 40." in caption.value for caption in app.caption)
    assert app.dataframe[0].value["name"].tolist() == ["Higher *rate*"]


def test_a_run_is_deleted_and_brought_back(open_page: OpenPage, store: RunStore) -> None:
    first, second = mine(store, worker="worker"), mine(store, worker="worker")
    assert store.add_epoch(second, "worker", figures(1))
    for run_id in (first, second):
        assert store.finish(run_id, "worker", Status.FINISHED)
    app = open_page(PAGE, run=second)
    app.button(key="delete").click().run()
    assert [run.id for run in store.list()] == [first]
    assert f"Run {second} was deleted." in texts(app)
    assert app.dataframe[0].value["run"].tolist() == [first]
    app.button(key="undo-delete").click().run()
    assert [run.id for run in store.list()] == [second, first]
    assert app.query_params["run"] == second
    assert "was deleted" not in texts(app)


def test_what_was_deleted_earlier_can_be_brought_back(open_page: OpenPage, store: RunStore) -> None:
    run_id = mine(store, worker="worker")
    assert store.finish(run_id, "worker", Status.FINISHED)
    store.delete(run_id)
    app = open_page(PAGE, run=run_id)
    assert f"Run {run_id} was deleted." in texts(app)
    app.button(key=f"restore-{run_id}").click().run()
    assert status(app) == "finished"


def test_a_run_that_goes_on_cannot_be_deleted(open_page: OpenPage, store: RunStore) -> None:
    assert "delete" not in buttons(open_page(PAGE, run=mine(store)))


def test_a_bare_page_shows_one_s_own_runs(open_page: OpenPage, store: RunStore) -> None:
    theirs = store.create(recipe("resnet-mini"), owner=SOMEBODY)
    app = open_page(PAGE)
    assert "No runs yet" in texts(app)
    assert app.dataframe[0].value["run"].tolist() == [theirs]  # there is nothing else to list
    own = mine(store)
    app = open_page(PAGE)
    assert app.subheader[0].value == "Basic CNN on MNIST sample"
    assert app.dataframe[0].value["run"].tolist() == [own]
    assert len(open_page(PAGE, whose="all").dataframe[0].value) == 2


def test_somebody_else_s_run_is_steered_on_purpose_only(open_page: OpenPage, store: RunStore) -> None:
    theirs = store.create(recipe(), owner=SOMEBODY)
    app = open_page(PAGE, run=theirs)
    work(store, theirs, steps=3)
    app.run()
    assert not {"pause", "stop", "change-rate"} & set(buttons(app))
    app.toggle(key="steer-others").set_value(True).run()
    app.button(key="pause").click().run()
    assert heard(store, theirs) == [Kind.PAUSE]
    assert "pause" in buttons(open_page(PAGE, run=store.create(recipe())))  # of the command line: nobody's
