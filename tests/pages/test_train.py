from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures, datasets
from cnnviz.datasets import DownloadError
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training import store as store_module
from cnnviz.training.executor import dispatch
from cnnviz.training.metrics import FILE_NAME, STEP, MetricsWriter
from cnnviz.training.observer import EpochMetrics
from cnnviz.training.recipe import Recipe
from cnnviz.training.recipe_file import recipe_text
from cnnviz.training.runs import Status
from cnnviz.training.store import RunStore
from cnnviz.ui import recipe_link
from cnnviz.ui import runs as page

OpenPage = Callable[..., AppTest]
PAGE = "pages/train.py"


class Pretended:
    """An executor that starts nothing; the tests play the worker."""

    def start(self, run_id: str) -> None:
        return None


@pytest.fixture
def store(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store that the page uses, where starting a run starts no process; one run at a time."""
    opened = store_module.open_store()
    monkeypatch.setattr(page, "start_queued", lambda: dispatch(opened, Pretended(), max_workers=1))
    yield opened
    opened.close()
    store_module._opened.cache_clear()


def recipe(**changes: object) -> Recipe:
    return Recipe.default("basic-cnn", **{"dataset": "mnist-sample", "epochs": 3, **changes})


def status(app: AppTest) -> str:
    (badge,) = [text.value for text in app.markdown if "-badge[" in text.value]
    return badge.partition("[")[2].removesuffix("]")


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.warning, *app.error, *app.info))


def work(store: RunStore, run_id: str, steps: int) -> None:
    """What a worker does until it has done ``steps`` steps of 63 an epoch."""
    assert store.claim(run_id, "worker")
    assert store.begin(run_id, "worker", 3 * 63)
    with MetricsWriter(store.folder(run_id) / FILE_NAME) as metrics:
        for step in range(1, steps + 1):
            metrics.add(step, 1 + step // 63, 2.0 / step, 0.5, step / 100)
    for epoch in range(1, 1 + steps // 63):
        store.add_epoch(run_id, "worker", EpochMetrics(epoch, 0.5, 0.8, 0.4, 0.9, 1.0, 6400.0))
    assert store.renew(run_id, "worker", 1 + steps // 63, steps)


def test_start_puts_the_chosen_recipe_into_the_queue_and_its_id_into_the_link(
    open_page: OpenPage, store: RunStore
) -> None:
    app = open_page(PAGE, model="resnet-mini")
    app.number_input(key="epochs").set_value(3).run()
    app.number_input(key="learning_rate").set_value(0.05).run()
    app.button(key="start").click().run()
    assert not app.exception
    (run,) = store.list()
    chosen = Recipe.from_dict(run.recipe)
    assert (chosen.architecture, chosen.dataset) == ("resnet-mini", "mnist-sample")
    assert (chosen.epochs, chosen.learning_rate, chosen.batch_size) == (3, 0.05, 64)
    assert app.query_params["run"] == run.id
    assert status(app) == "starting"


def test_a_run_is_watched_while_it_goes_on(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe())
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
    assert len(app.get("plotly_chart")) == 2


def test_the_second_run_waits_and_says_so(open_page: OpenPage, store: RunStore) -> None:
    first, second = store.create(recipe()), store.create(recipe())
    app = open_page(PAGE, run=second)
    assert status(app) == "queued"
    assert "Place 1 in the queue" in texts(app)
    assert store.claim(first, "worker")
    assert store.finish(first, "worker", Status.FINISHED)
    app.run()
    assert status(app) == "starting"


def test_stop_reaches_the_worker(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe())
    app = open_page(PAGE, run=run_id)
    work(store, run_id, steps=10)
    app.button(key="stop").click().run()
    assert store.stop_requested(run_id)
    assert app.button(key="stop").disabled
    assert store.finish(run_id, "worker", Status.STOPPED)
    app.run()
    assert status(app) == "stopped"
    assert not [button for button in app.button if button.key == "stop"]


def test_a_finished_run_offers_its_checkpoint(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe(), worker="worker")
    assert store.finish(run_id, "worker", Status.FINISHED, checkpoint=run_id)
    app = open_page(PAGE, run=run_id)
    assert status(app) == "finished"
    offered = [
        (element.proto.page, parse_qs(element.proto.query_string))
        for element in app.get("page_link")
        if "checkpoint" in element.proto.query_string
    ]
    assert offered == [("draw", {"checkpoint": [run_id]}), ("filters", {"checkpoint": [run_id]})]


def test_an_interrupted_run_says_why_and_keeps_its_curve(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe())
    open_page(PAGE)
    work(store, run_id, steps=70)
    reason = Message("The plug was pulled after {count:,} steps.", count=70)
    assert store.finish(run_id, "worker", Status.INTERRUPTED, reason)
    app = open_page(PAGE, run=run_id)
    assert status(app) == "interrupted"
    assert "The plug was pulled after 70 steps." in texts(app)
    assert len(app.get("plotly_chart")) == 2


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("epochs", 0, "epochs is 0; allowed is: a whole number from 1 to 1,000"),
        ("learning_rate", 99.0, "learning rate is 99"),
        ("batch_size", 5000, "batch size is 5000"),
        ("momentum", -0.5, "momentum is -0.5"),
        ("seed", -1, "seed is -1"),
    ],
)
def test_numbers_out_of_range_are_explained(
    open_page: OpenPage, store: RunStore, field: str, value: float, sentence: str
) -> None:
    app = open_page(PAGE)
    assert not app.button(key="start").disabled
    app.number_input(key=field).set_value(value).run()
    assert sentence in texts(app)
    assert app.button(key="start").disabled
    linked = open_page(PAGE, **{field: str(value)})
    assert sentence in texts(linked)


def test_every_number_out_of_range_is_named(open_page: OpenPage, store: RunStore) -> None:
    said = texts(open_page(PAGE, epochs="0", learning_rate="99", seed="-1"))
    for sentence in ("epochs is 0", "learning rate is 99", "seed is -1"):
        assert said.count(sentence) == 1


RICH = {
    "epochs": 7,
    "batch_size": 128,
    "learning_rate": 0.003,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "schedule": "step",
    "step_epochs": 3,
    "step_factor": 0.5,
    "loss": "mse",
    "initialisation": "xavier",
    "train_accuracy": "second-pass",
    "seed": 3,
    "threads": 3,
    "device": "cpu",
    "train_images": 1000,
    "permutation_seed": 5,
    "mean": (0.25,),
    "deviation": (0.5,),
    "augmentation": {"crop_padding": 2, "flip": True, "rotation": 15.0},
}


@pytest.mark.parametrize(
    "chosen",
    [
        recipe(**RICH),
        Recipe.default("resnet-deep", dataset="mnist-sample", options={"depth": 8, "batch_norm": False}),
        Recipe.default("nin", dataset="mnist-sample", resize=160, optimizer="adamw", schedule="cosine"),
        Recipe.default("densenet", dataset="mnist-sample", resize=None, options={"blocks": 2}),
    ],
    ids=lambda chosen: chosen.architecture,
)
def test_every_field_of_a_recipe_stands_in_the_link(
    open_page: OpenPage, store: RunStore, chosen: Recipe
) -> None:
    app = open_page(PAGE, **recipe_link.parameters(chosen))
    assert "The link" not in texts(app)
    app.button(key="start").click().run()
    (run,) = store.list()
    assert Recipe.from_dict(run.recipe) == chosen


def test_a_folded_group_says_how_much_of_it_was_changed(open_page: OpenPage, store: RunStore) -> None:
    titles = [group.label for group in open_page(PAGE, **recipe_link.parameters(recipe(**RICH))).expander]
    assert "Images :primary-badge[5 changed]" in titles
    assert "Augmentation :primary-badge[3 changed]" in titles
    titles = [group.label for group in open_page(PAGE, model="mlp").expander]
    assert "Images" in titles
    assert not [title for title in titles if "changed" in title]


def test_every_network_can_be_trained_on_data_of_its_channels(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="alexnet")
    assert len(app.selectbox(key="choice-model").options) == len(architectures.keys("network"))
    assert app.selectbox(key="choice-dataset").options == ["MNIST sample", "MNIST", "Fashion-MNIST"]
    assert app.number_input(key="resize").value == 224
    assert not app.button(key="start").disabled
    app = open_page(PAGE, model="vgg-cifar")
    assert app.selectbox(key="choice-dataset").options == ["CIFAR-10"]
    assert app.text_input(key="mean").value == "0.4914, 0.4822, 0.4465"


def test_another_network_begins_with_its_own_sizes(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="densenet", set="growth=16", resize="64", mean="0.5", epochs="2")
    app.selectbox(key="choice-model").set_value("lenet-bn").run()
    assert app.query_params["epochs"] == "2"
    assert not {"set", "resize", "mean"} & set(app.query_params)
    assert not app.button(key="start").disabled


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"model": "alexnet", "resize": "28"}, "does not take images of 1 x 28 x 28"),
        ({"mean": "0.5, 0.5"}, "mean is 0.5, 0.5; allowed is: 1 numbers"),
        ({"deviation": "wide"}, "standard deviation is wide; allowed is"),
        ({"train_images": "4001"}, "4,001 training images are asked for; MNIST sample has 4,000"),
        ({"model": "resnet-mini", "batch_size": "1"}, ""),
        ({"model": "lenet-bn", "batch_size": "1"}, "needs the mean and the deviation of a batch"),
        ({"permute": "true", "order": "-1"}, "seed of the permutation is -1"),
    ],
)
def test_what_cannot_be_trained_is_explained(
    open_page: OpenPage, store: RunStore, link: dict[str, str], sentence: str
) -> None:
    app = open_page(PAGE, dataset="mnist-sample", **link)
    assert app.button(key="start").disabled == bool(sentence)
    assert sentence in "\n".join(error.value.replace("\\", "") for error in app.error)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [("growth=999", "option growth is 999"), ("groth=8", "mean 'growth'"), ("conv1.kernel_size=3", "option")],
)
def test_options_that_the_network_does_not_take_are_named_and_left_out(
    open_page: OpenPage, store: RunStore, edit: str, sentence: str
) -> None:
    app = open_page(PAGE, model="densenet", set=edit)
    assert sentence in texts(app)
    app.button(key="start").click().run()
    assert store.list()[0].recipe["options"] == {}


def test_usual_normalisations_are_one_click(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="lenet-cifar")
    app.button(key="normalise-data").click().run()
    assert app.text_input(key="mean").value == "0.4914, 0.4822, 0.4465"
    app.button(key="normalise-half").click().run()
    assert "mean" not in app.query_params  # the course's recipe again


def test_a_recipe_comes_back_from_a_file(open_page: OpenPage, store: RunStore) -> None:
    chosen = recipe(**RICH)
    app = open_page(PAGE, model="densenet", set="growth=16", resize="64", run="gone")
    data = recipe_text(chosen).encode()
    app.file_uploader(key="recipe-file").set_value(("mine.json", data, "application/json")).run()
    app.button(key="start").click().run()
    assert Recipe.from_dict(store.list()[0].recipe) == chosen


def test_a_file_without_a_recipe_is_explained_and_changes_nothing(
    open_page: OpenPage, store: RunStore
) -> None:
    app = open_page(PAGE, model="densenet", epochs="3")
    data = json.dumps({**recipe().to_dict(), "epochs": 5000}).encode()
    app.file_uploader(key="recipe-file").set_value(("mine.json", data, "application/json")).run()
    assert "epochs is 5000; allowed is" in texts(app)
    assert (app.query_params["model"], app.query_params["epochs"]) == ("densenet", "3")


def test_the_link_to_share_names_network_and_data(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, epochs="3", run="gone")
    (link,) = [code.value for code in app.code if "model=" in code.value]
    assert parse_qs(link.partition("?")[2]) == {
        "model": ["mlp"],
        "dataset": ["mnist-sample"],
        "epochs": ["3"],
    }


@pytest.mark.parametrize(("name", "value"), [("epochs", "banana"), ("epochs", "2.5"), ("momentum", "x")])
def test_a_link_without_a_usable_number_is_explained(
    open_page: OpenPage, store: RunStore, name: str, value: str
) -> None:
    app = open_page(PAGE, **{name: value})
    assert f"The link says {name}={value}, which" in texts(app)
    assert not app.button(key="start").disabled
    assert "The link says" not in texts(open_page(PAGE, epochs="3", learning_rate="1e-3"))


def test_a_run_that_starts_shows_that_something_goes_on(open_page: OpenPage, store: RunStore) -> None:
    store.create(recipe())
    (info,) = [element for element in open_page(PAGE).info if "worker process starts" in element.value]
    assert info.icon == "spinner"


def test_a_stop_within_the_first_epoch_counts_no_epoch(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe())
    open_page(PAGE)
    work(store, run_id, steps=10)
    assert store.finish(run_id, "worker", Status.STOPPED, epoch=1, step=10)
    app = open_page(PAGE, run=run_id)
    assert {metric.label: metric.value for metric in app.metric}["Epochs completed"] == "0 / 3"
    assert app.dataframe[0].value["epochs"].tolist() == ["0 / 3"]
    assert len(app.get("plotly_chart")) == 1  # no empty axes that look like an epoch
    assert any("ended within its first epoch" in caption.value for caption in app.caption)


def test_an_unknown_run_in_the_link_is_explained_and_the_newest_is_shown(
    open_page: OpenPage, store: RunStore
) -> None:
    run_id = store.create(recipe())
    app = open_page(PAGE, run=run_id + "x")
    assert f"did you mean '{run_id}'" in texts(app)
    assert status(app) == "starting"


def test_unknown_choices_in_the_link_are_explained(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="basic-cmm", dataset="mnits", epochs="many")
    assert "did you mean 'basic-cnn'" in texts(app)
    assert "did you mean 'mnist'" in texts(app)
    assert app.number_input(key="epochs").value == 1


def test_the_page_says_what_the_test_accuracy_is_measured_on(open_page: OpenPage, store: RunStore) -> None:
    captions = [caption.value for caption in open_page(PAGE, dataset="mnist-sample").caption]
    assert any("measured on 1,000 others" in caption for caption in captions)
    captions = [caption.value for caption in open_page(PAGE, dataset="mnist").caption]
    assert any("measured on the 10,000 test images of MNIST" in caption for caption in captions)


def test_data_that_are_not_there_are_offered_for_download(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = []

    def download(key: str, progress: Callable[[float], None]) -> None:
        progress(0.5)
        if not there:
            there.append(key)
            raise DownloadError(Message("There is no connection."))

    monkeypatch.setattr(datasets, "is_available", lambda key: len(there) > 1)
    monkeypatch.setattr(datasets, "download", download)
    app = open_page(PAGE, dataset="mnist")
    assert "MNIST is not on this machine yet. The download has 12 MB." in texts(app)
    assert app.button(key="start").disabled
    app.button(key="download").click().run()
    assert "There is no connection." in texts(app)
    assert app.button(key="start").disabled
    there.append("mnist")
    app.button(key="download").click().run()
    assert not app.button(key="start").disabled
    assert texts(app) == "Nothing has been trained yet: choose, and start."


def test_a_locked_database_is_a_sentence(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(PAGE)
    monkeypatch.setattr(store, "_database", RunStore(settings(), patience=0.1)._database)
    blocker = sqlite3.connect(settings().runs_dir / "runs.sqlite3", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        app.button(key="start").click().run()
        assert "locked by another program" in texts(app)
        assert not app.exception
    finally:
        blocker.rollback()
        blocker.close()
    app.button(key="start").click().run()
    assert status(app) == "starting"


def test_all_runs_are_listed_newest_first(open_page: OpenPage, store: RunStore) -> None:
    finished = store.create(recipe(), worker="worker")
    assert store.add_epoch(finished, "worker", EpochMetrics(1, 0.5, 0.8, 0.4, 0.97, 1.0, 6400.0))
    assert store.finish(finished, "worker", Status.FINISHED, epoch=1)
    waiting = store.create(recipe(epochs=7))
    table = open_page(PAGE).dataframe[0].value
    assert table["run"].tolist() == [waiting, finished]
    assert table["epochs"].tolist() == ["0 / 7", "1 / 3"]
    assert table["accuracy"].tolist()[1] == 97
    assert table["network"].tolist() == ["Basic CNN", "Basic CNN"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3661, "1 h 1 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert str(page.duration(seconds)) == words


def test_speed_is_that_of_the_latest_steps() -> None:
    steps = np.zeros(200, STEP)
    steps["step"] = np.arange(1, 201)
    steps["seconds"] = np.where(steps["step"] <= 100, steps["step"], 100 + (steps["step"] - 100) / 10)
    assert page.images_per_second(steps, batch_size=64) == pytest.approx(640)
    assert page.images_per_second(steps[:1], batch_size=64) is None


def test_curves_grow_in_place(open_page: OpenPage, store: RunStore) -> None:
    run_id = store.create(recipe())
    open_page(PAGE)
    work(store, run_id, steps=10)
    app = open_page(PAGE)
    before = [chart.proto.spec for chart in app.get("plotly_chart")]
    assert len(before) == 2
    with MetricsWriter(store.folder(run_id) / FILE_NAME) as metrics:
        metrics.add(11, 1, 0.1, 0.9, 0.2)
    app.run()
    assert [chart.proto.spec for chart in app.get("plotly_chart")] == before  # or the browser draws anew
    (update,) = app.get("bidi_component")
    shown = {key: json.loads(figure) for key, figure in json.loads(update.proto.json).items()}
    assert shown.keys() == {f"loss-{run_id}", f"accuracy-{run_id}"}
    losses = np.frombuffer(base64.b64decode(shown[f"loss-{run_id}"]["data"][1]["y"]["bdata"]), "<f4")
    np.testing.assert_allclose(losses[-2:], [0.2, 0.1])
