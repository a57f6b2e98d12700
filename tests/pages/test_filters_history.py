from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz.bounded import COMMON
from cnnviz.settings import settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.store import store as store_module
from tests.pages.filters_page import PAGE, OpenPage, assert_said, chart, markup, texts, titles
from tests.snapshots import RUN, checkpoint_weights, keep_snapshots, snapshot, weights_after

RECIPE = Recipe.default("basic-cnn", dataset="mnist-sample")
STEPS = (0, 1, 2, 16)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    keep_snapshots(tmp_path / "runs", RECIPE, STEPS)
    yield tmp_path / "runs"
    COMMON.clear()


def finish(runs: Path) -> None:
    """The run's checkpoint."""
    result = TrainingResult(
        model=checkpoint_weights(RECIPE),
        recipe=RECIPE,
        epochs=(),
        steps=16,
        test_accuracy=0.5,
        test_loss=1.0,
        stopped=False,
    )
    checkpoints.save(runs / RUN, RUN, result, dataset_digest="0" * 64, run_id=RUN)


def test_the_slider_shows_the_weights_of_each_step(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    app = open_page(PAGE, checkpoint=RUN, untrained="true")
    slider = app.select_slider(key="choice-step")
    assert slider.options == ["start", "1 (epoch 1)", "2 (epoch 1)", "16 (epoch 1)", "trained"]
    assert titles(app)[0] == f"Basic CNN · {RUN}: 10 filters of 1 x 5 x 5 in conv1"
    trained = chart(app)["z"]
    slider.set_value("2").run()
    assert titles(app)[0] == f"Basic CNN · {RUN}, step 2: 10 filters of 1 x 5 x 5 in conv1"
    assert chart(app)["z"] != trained
    app.select_slider(key="choice-step").set_value("0").run()
    assert chart(app, 0)["z"] == chart(app, 1)["z"]  # beside the untrained weights: the same
    assert "Both show random weights from before training" in texts(app)
    app.toggle(key="untrained").set_value(False).run()
    assert "These weights are random" in texts(app)
    assert "edges" not in texts(app)
    app.toggle(key="untrained").set_value(True).run()
    app.select_slider(key="choice-step").set_value("16").run()
    assert chart(app)["z"] == trained


def test_maps_and_predictions_follow_the_slider(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    app = open_page(PAGE, checkpoint=RUN, view="maps", step="1")
    assert f"{RUN}, step 1 predicts" in texts(app)
    before = markup(app)
    app.select_slider(key="choice-step").set_value("16").run()
    assert markup(app) != before


def test_all_snapshots_at_once(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    app = open_page(PAGE, checkpoint=RUN, view="history")
    assert titles(app) == ["The network's predictions for this image"]
    assert [caption in markup(app) for caption in ("Before the first step", "After step 16, epoch 1")] == [
        True
    ] * 2
    assert markup(app).count("<figcaption") == len(STEPS)
    assert "Filters of conv1 during training" in app.subheader[0].value


def test_snapshots_that_nearly_coincide_are_shown_once_and_links_to_them_work(
    open_page: OpenPage, runs: Path
) -> None:
    for step, epoch in ((63, 1), (64, 2), (126, 2)):
        snapshots.path(runs / RUN, step, epoch).write_bytes(snapshot(RECIPE, step, epoch))
    finish(runs)
    app = open_page(PAGE, checkpoint=RUN, view="history")
    shown = app.select_slider(key="choice-step").options
    assert shown == ["start", *(f"{step} (epoch 1)" for step in (1, 2, 16, 63)), "126 (epoch 2)", "trained"]
    assert markup(app).count("<figcaption") == 6
    assert "at the end of every epoch" in texts(app)
    app = open_page(PAGE, checkpoint=RUN, step="64")
    assert not app.warning
    assert titles(app)[0].startswith(f"Basic CNN · {RUN}, step 64:")


def test_a_run_that_is_not_finished_is_offered(open_page: OpenPage, runs: Path) -> None:
    store_module._opened.cache_clear()
    store = store_module.open_store(settings())
    run_id = store.create(RECIPE)
    keep_snapshots(runs, RECIPE, (0, 1), run_id)
    app = open_page(PAGE, checkpoint=run_id)
    assert f"Basic CNN · {run_id} · unfinished" in app.selectbox(key="choice-checkpoint").options
    assert app.select_slider(key="choice-step").options == ["start", "1 (epoch 1)"]
    assert titles(app)[0] == f"Basic CNN · {run_id}, step 1: 10 filters of 1 x 5 x 5 in conv1"
    store.close()
    store_module._opened.cache_clear()


def test_nonsense_about_steps_gets_a_sentence(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    app = open_page(PAGE, checkpoint=RUN, step="3")
    assert_said(app, "Unknown training step '3'")
    assert titles(app)


def test_the_shipped_networks_show_how_their_filters_formed(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="mlp-mnist", view="history")
    assert not app.info
    assert "Filters of fc1 during training" in app.subheader[0].value
    shown = markup(app)
    assert [caption in shown for caption in ("Before the first step<br>", "Trained<br>")] == [True, True]
    assert "From a second training with the same recipe and seed" in texts(app)
    assert not app.select_slider  # the weights of the other layers were not kept


def test_each_moment_has_a_scale_of_its_own(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    shown = markup(open_page(PAGE, checkpoint=RUN, view="history"))
    limits = [float(text) for text in re.findall(r"<br>up to ([\d.]+)</figcaption>", shown)]
    first = float(weights_after(RECIPE, 0)["conv1.weight"].abs().max())
    assert limits == [pytest.approx(first * (1 + step / 4), abs=0.006) for step in STEPS]
    pictures = re.findall(r'<img class="cnnviz-pixels" src="([^"]+)"', shown)
    assert len(pictures) == len(STEPS)
    assert len(set(pictures)) == 1  # the same filters, only stronger: the same picture


def test_weights_without_snapshots_say_where_to_get_some(open_page: OpenPage) -> None:
    app = open_page(PAGE, checkpoint="untrained-basic-cnn", view="history")
    assert "This training has no snapshots" in app.info[0].value
    assert not app.select_slider


def test_one_s_own_run_is_told_why_it_has_no_snapshots(
    open_page: OpenPage, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(runs)
    for file in list((runs / RUN / "snapshots").iterdir())[1:]:
        file.unlink()
    app = open_page(PAGE, checkpoint=RUN, view="history")
    assert "This training has fewer than two snapshots." in app.info[0].value
    monkeypatch.setenv("CNNVIZ_SNAPSHOT_MB", "0.05")
    app.run()
    assert "only the latest is kept" in app.info[0].value
    assert "for all snapshots of a run is 0.05 MB" in app.info[0].value
    assert "your own runs" not in texts(app)


def test_beside_the_few_that_had_room_stands_why_they_are_few(
    open_page: OpenPage, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(runs)
    monkeypatch.setenv("CNNVIZ_SNAPSHOT_MB", "0.14")  # the four of the test, and no fifth
    app = open_page(PAGE, checkpoint=RUN, view="history")
    assert any("at most 4 are kept" in caption.value for caption in app.caption)


def test_a_damaged_snapshot_is_explained(open_page: OpenPage, runs: Path) -> None:
    finish(runs)
    next((runs / RUN / "snapshots").glob("*2-*")).write_bytes(b"x")
    app = open_page(PAGE, checkpoint=RUN, step="2")
    assert "cannot be used" in app.error[0].value
    app.select_slider(key="choice-step").set_value("1").run()
    assert not app.error


def test_a_recipe_that_is_resized_or_permuted_is_followed(open_page: OpenPage, runs: Path) -> None:
    recipe = RECIPE.changed(permutation_seed=3)
    keep_snapshots(runs, recipe, STEPS)
    result = TrainingResult(checkpoint_weights(recipe), recipe, (), 16, 0.5, 1.0, stopped=False)
    checkpoints.save(runs / RUN, RUN, result, dataset_digest="0" * 64, run_id=RUN)
    permuted = open_page(PAGE, checkpoint=RUN, view="maps")
    assert not permuted.error
    assert "predicts" in texts(permuted)
