from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import experiments
from cnnviz.experiments import prediction, results, running
from cnnviz.experiments.running import Group
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.store.runs import Kind, Status
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import ME, SOMEBODY, buttons, texts

OpenPage = Callable[..., AppTest]

PAGE = "pages/experiments.py"
DISORDER = experiments.get("pixels-in-disorder")


@pytest.fixture
def open_page(open_page: OpenPage) -> OpenPage:
    """Open the page, which asks before it shows anything; unless somebody ``predicts``, that is skipped."""

    def opened(page: str, *, predicts: bool = False, **link: str) -> AppTest:
        app = open_page(page, **link)
        return app if predicts else app.button(key="skip").click().run()

    return opened


def group(store: RunStore) -> Group:
    (only,) = running.groups(store, DISORDER.key)
    return only


def started(store: RunStore, owner: str = ME) -> Group:
    found = running.group_of(store, running.start(store, DISORDER, "quick", owner))
    assert found is not None
    return found


def work(store: RunStore, run_id: str, accuracy: float, steps: int = 30) -> None:
    """What a worker does with a run from its first step to its last."""
    assert store.claim(run_id, "worker")
    assert store.begin(run_id, "worker", steps)
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        for step in range(1, steps + 1):
            metrics.add(step, 1, 2.0 / step, 0.5, step / 100)
    assert store.add_epoch(run_id, "worker", EpochMetrics(1, 0.5, 0.8, 0.4, accuracy, 1.0, 6400.0))
    assert store.finish(run_id, "worker", Status.FINISHED, epoch=1, step=steps, test_accuracy=accuracy)


def charts(app: AppTest) -> list[str]:
    return [chart.key for chart in app.get("plotly_chart")]


def said(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption))


@pytest.mark.parametrize("experiment", experiments.registered(), ids=lambda experiment: experiment.key)
def test_claim_figure_and_verdict_are_there_at_once(
    open_page: OpenPage, store: RunStore, experiment: experiments.Experiment
) -> None:
    app = open_page(PAGE, experiment=experiment.key)
    assert str(experiment.claim) in said(app)
    shipped = results.shipped(experiment.key)
    assert shipped is not None
    verdict = results.verdict(experiment, shipped.outcomes, full=True)
    assert verdict is not None
    assert ("The claim holds" if verdict.holds else "Not confirmed on this data") in said(app)
    drawn = [key for key in charts(app) if key.startswith("shipped-")]
    assert len(drawn) == len(experiment.panels)
    for panel in experiment.panels:
        assert str(panel.note) in said(app)
    assert "cores" in said(app)


def test_another_experiment_is_chosen_and_named_in_the_link(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE)
    assert "picture" in charts(app)  # of the permuted digits
    app.button_group(key="choice-experiment").set_value("batch-normalisation").run()
    assert app.query_params["experiment"] == "batch-normalisation"
    assert "picture" not in charts(app)


def test_an_unknown_experiment_in_the_link_is_explained(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, predicts=True, experiment="pixels-in-order", group="group-of-nobody")
    assert "did you mean 'pixels-in-disorder'" in texts(app).replace("\\", "")
    assert "were deleted or belong to another experiment" in texts(app)


def test_start_queues_a_run_for_each_variant_and_names_their_group_in_the_link(
    open_page: OpenPage, store: RunStore
) -> None:
    app = open_page(PAGE)
    app.button(key="start").click().run()
    assert not app.exception
    runs = group(store).runs
    assert app.query_params["group"] == group(store).id
    assert [run.recipe["architecture"] for run in runs] == ["mlp", "mlp", "small-cnn", "small-cnn"]
    assert [run.recipe["permutation_seed"] for run in runs] == [None, 1, None, 1]
    assert {run.owner for run in runs} == {ME}
    assert runs[1].name == "Shuffled pixels: MLP, pixels shuffled"
    assert runs[0].status == Status.STARTING
    assert app.get("progress")[0].proto.text.startswith("0 of 4 runs done")


def test_the_figure_fills_in_and_ends_in_a_verdict(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE)
    app.button(key="start").click().run()
    for number, (run, accuracy) in enumerate(zip(group(store).runs, (0.88, 0.87, 0.95, 0.6), strict=True), 1):
        assert said(app).count("The claim holds") == 1  # of the results that come along
        work(store, run.id, accuracy)
        app.run()
        if number < 4:
            assert app.get("progress")[0].proto.text.startswith(f"{number} of 4 runs done")
    assert said(app).count("The claim holds") == 2
    assert "from 95.0% to 60.0%, a loss of 35.0 points" in said(app).replace("\\", "")
    again = open_page(PAGE)  # a reload without the link finds it, too
    assert said(again).count("The claim holds") == 2
    assert len(charts(again)) == 1 + 2 * len(DISORDER.panels)


def test_a_claim_that_is_not_seen_is_said_not_to_hold(open_page: OpenPage, store: RunStore) -> None:
    found = started(store)
    for run in found.runs:
        work(store, run.id, 0.9)
    app = open_page(PAGE, group=found.id)
    assert "Not confirmed on this data" in said(app)
    assert "less than the claimed eight" in said(app)


def test_it_is_stopped_goes_on_and_is_deleted_as_one(open_page: OpenPage, store: RunStore) -> None:
    found = started(store)
    app = open_page(PAGE, group=found.id)
    app.button(key="stop").click().run()
    first, *others = group(store).runs
    assert [run.status for run in others] == [Status.STOPPED] * 3
    assert store.requested(first.id) == [Kind.STOP]
    assert not buttons(app)["stop"]
    assert store.claim(first.id, "worker")
    assert store.finish(first.id, "worker", Status.STOPPED)
    app.run()
    app.button(key="resume").click().run()
    assert group(store).is_open
    app.button(key="stop").click().run()
    assert store.claim(first.id, "worker")
    assert store.finish(first.id, "worker", Status.STOPPED)
    app.run()
    app.button(key="delete").click().run()
    assert store.list() == []
    assert "group" not in app.query_params
    app.button(key="undo-delete").click().run()
    assert len(group(store).runs) == 4
    assert app.query_params["group"] == found.id
    assert "undo-delete" not in buttons(app)


def test_somebody_elses_is_shown_by_its_link_and_steered_after_saying_so(
    open_page: OpenPage, store: RunStore
) -> None:
    found = started(store, SOMEBODY)
    assert "stop" not in buttons(open_page(PAGE))
    app = open_page(PAGE, group=found.id)
    assert "stop" not in buttons(app)
    app.toggle(key="steer-others").set_value(True).run()
    app.button(key="stop").click().run()
    assert store.requested(found.runs[0].id) == [Kind.STOP]


def test_of_several_the_newest_is_shown_and_another_can_be_chosen(
    open_page: OpenPage, store: RunStore
) -> None:
    old, new = started(store), started(store)
    app = open_page(PAGE, predicts=True)
    assert app.selectbox(key="choice-group").value == new.id
    app.selectbox(key="choice-group").set_value(old.id).run()
    assert app.query_params["group"] == old.id


def test_a_run_that_failed_says_why(open_page: OpenPage, store: RunStore) -> None:
    from cnnviz.language import Message

    found = started(store)
    run = found.runs[0]
    assert store.claim(run.id, "worker")
    assert store.finish(run.id, "worker", Status.FAILED, Message("The disk is full: that is why."))
    app = open_page(PAGE, group=found.id)
    assert "The disk is full" in texts(app)


def test_the_full_setting_needs_its_data(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    app = open_page(PAGE, setting="full")
    assert "MNIST is not on this machine yet" in texts(app)
    assert not buttons(app)["start"]


@pytest.mark.parametrize("experiment", experiments.registered(), ids=lambda experiment: experiment.key)
def test_an_experiment_asks_before_it_shows(
    open_page: OpenPage, store: RunStore, experiment: experiments.Experiment
) -> None:
    app = open_page(PAGE, predicts=True, experiment=experiment.key)
    assert str(experiment.claim) in said(app)
    assert not [key for key in charts(app) if key.startswith("shipped-")]
    assert "The claim holds" not in said(app)
    assert not app.expander
    shipped = results.shipped(experiment.key)
    assert shipped is not None
    found = prediction.comparison(experiment, shipped.outcomes)
    assert found is not None
    app.radio(key=f"more-{experiment.key}").set_value(found.better.key)
    app.number_input(key=f"points-{experiment.key}").set_value(round(found.points, 1))
    app.button(key="predict").click().run()
    assert "That is close: " in said(app)
    assert len([key for key in charts(app) if key.startswith("shipped-")]) == len(experiment.panels)
    assert f"prediction-{experiment.key}" in charts(app)


def test_a_prediction_is_kept_while_one_looks_elsewhere(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, predicts=True, experiment="sigmoid-against-relu")
    app.button(key="predict").click().run()
    assert "It went the other way: " in said(app)  # the first of the two is offered, and reaches less
    app.button_group(key="choice-experiment").set_value("batch-normalisation").run()
    assert app.button(key="skip")
    app.button_group(key="choice-experiment").set_value("sigmoid-against-relu").run()
    assert "It went the other way: " in said(app)
    app.button(key="again").click().run()
    assert app.button(key="skip")
    assert "It went the other way: " not in said(app)
