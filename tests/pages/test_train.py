from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures, datasets
from cnnviz.datasets import DownloadError
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.recipe.augmentation import STRENGTHS
from cnnviz.training.recipe.fields import RANGES
from cnnviz.training.recipe.recipe import Recipe, recipe_text
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.ui.shared import background
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.train import runs, sharing
from tests.pages.training_page import PAGE, recipe, status, texts

OpenPage = Callable[..., AppTest]


def test_the_help_of_a_field_explains_its_word(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="watch", schedule="step", permute="true")
    told = {field.key: field.help for field in app.number_input if field.key in RANGES}
    assert {"epochs", "batch_size", "learning_rate", "momentum", "weight_decay", "step_factor"} <= told.keys()
    assert told["learning_rate"] == (
        "How far each step moves the weights along the gradient. Too large, and the loss jumps; too small, "
        "and learning takes forever. From 0.000001 to 10."
    )
    for name, text in told.items():
        assert text.startswith(str(RANGES[name].meaning)), name
        assert "e-" not in text.replace("step", "")[-30:], name
    optimizer = app.selectbox(key="choice-optimizer")
    assert optimizer.help.startswith("The rule that turns gradients into steps.")


def test_the_help_of_a_change_of_the_images_explains_its_word(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="watch", dataset="cifar10", model="lenet-cifar")
    told = {slider.key: slider.help for slider in app.slider if slider.key in STRENGTHS}
    assert told.keys() == {name for name, strength in STRENGTHS.items() if 3 in strength.channels}
    assert told["scale"] == (
        "Each image is enlarged or shrunk by a random factor: 0.1 means 0.9 to 1.1 times its size. From 0 to 0.9."
    )
    for name, text in told.items():
        assert text.startswith(str(STRENGTHS[name].limits.meaning)), name


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
    assert app.session_state["_carried_network"].weights == run.id  # what the menu takes to the other pages


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("epochs", 0, "epochs must be an integer from 1 to 1,000; got 0"),
        ("learning_rate", 99.0, "learning rate must be a number from 1e-06 to 10.0; got 99"),
        ("batch_size", 5000, "batch size must be an integer from 1 to 4,096; got 5000"),
        ("momentum", -0.5, "momentum must be a number from 0.0 to 0.999; got -0.5"),
        ("seed", -1, "seed must be an integer from 0 to 2,147,483,647; got -1"),
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
    for sentence in (
        "epochs must be an integer from 1 to 1,000; got 0",
        "learning rate must be a number from 1e-06 to 10.0; got 99",
        "seed must be an integer from 0 to 2,147,483,647; got -1",
    ):
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
    app = open_page(PAGE, **sharing.parameters(chosen))
    assert "in the link" not in texts(app)
    app.button(key="start").click().run()
    (run,) = store.list()
    assert Recipe.from_dict(run.recipe) == chosen


def test_a_folded_group_says_how_much_of_it_was_changed(open_page: OpenPage, store: RunStore) -> None:
    titles = [group.label for group in open_page(PAGE, **sharing.parameters(recipe(**RICH))).expander]
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
        ({"model": "alexnet", "resize": "28"}, "does not accept 1 x 28 x 28 images"),
        ({"mean": "0.5, 0.5"}, "mean must be one number per channel (1); got 0.5, 0.5"),
        (
            {"deviation": "wide"},
            "standard deviation must be one number greater than 0 per channel (1); got wide",
        ),
        ({"train_images": "4001"}, "asks for 4,001 training images, but MNIST sample has only 4,000"),
        ({"model": "resnet-mini", "batch_size": "1"}, ""),
        ({"model": "lenet-bn", "batch_size": "1"}, "needs the mean and standard deviation of a batch"),
        (
            {"permute": "true", "order": "-1"},
            "permutation seed must be an integer from 0 to 2,147,483,647; got -1",
        ),
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
    [
        ("growth=999", "Option growth must be an integer from 1 to 64; got 999"),
        ("groth=8", "mean 'growth'"),
        ("conv1.kernel_size=3", "option"),
    ],
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
    assert "epochs must be an integer from 1 to 1,000; got 5000" in texts(app)
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
    assert f"{name}={value} in the link cannot be used" in texts(app)
    assert not app.button(key="start").disabled
    assert "in the link" not in texts(open_page(PAGE, epochs="3", learning_rate="1e-3"))


def test_unknown_choices_in_the_link_are_explained(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="basic-cmm", dataset="mnits", epochs="many")
    assert "did you mean 'basic-cnn'" in texts(app)
    assert "did you mean 'mnist'" in texts(app)
    assert app.number_input(key="epochs").value == 1


def test_the_page_says_what_the_test_accuracy_is_measured_on(open_page: OpenPage, store: RunStore) -> None:
    captions = [caption.value for caption in open_page(PAGE, dataset="mnist-sample").caption]
    assert any("measured on 1,000 other images from that set" in caption for caption in captions)
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
    assert "MNIST is not on this machine yet. The download is 12 MB." in texts(app)
    assert app.button(key="start").disabled
    app.button(key="download").click().run()
    assert "There is no connection." in texts(app)
    assert app.button(key="start").disabled
    there.append("mnist")
    app.button(key="download").click().run()
    assert not app.button(key="start").disabled
    assert texts(app) == "No runs yet. Choose a network and press Start training."


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


def test_a_recipe_can_be_saved_as_a_file_and_as_a_script(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="mlp", epochs="4")
    assert {"save-recipe", "save-script"} <= {button.key for button in app.get("download_button")}
    assert "EPOCHS = 4\n" in sharing.script(Recipe.default("mlp", epochs=4))
    app.number_input(key="epochs").set_value(0).run()
    assert not app.get("download_button")


def test_a_cluster_that_cannot_be_asked_is_told_and_the_run_waits(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_EXECUTOR", "ray")
    app = open_page(PAGE, model="basic-cnn")
    app.button(key="start").click().run()
    assert any(
        "needs a database that every machine of the cluster can reach" in error.value for error in app.error
    )
    assert [run.status for run in store.list()] == ["queued"]


def test_a_page_lets_the_thread_of_the_cluster_ask_it(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_EXECUTOR", "ray")
    monkeypatch.setattr(runs, "executor_of", lambda _settings: None)
    background._cluster_is_wanted.clear()
    app = open_page(PAGE, model="basic-cnn")
    app.button(key="start").click().run()
    assert background._cluster_is_wanted.is_set()
    assert not app.error
    assert [run.status for run in store.list()] == ["queued"]  # no page waits for the scheduler


def test_why_a_cluster_has_not_begun_a_run_and_where_it_then_trains_are_told(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_EXECUTOR", "ray")
    monkeypatch.setattr(runs, "executor_of", lambda _settings: None)
    store = open_store()  # the page's, with this setting

    def captions(run_id: str) -> str:
        return "\n".join(caption.value for caption in open_page(PAGE, run=run_id).caption)

    run_id = store.create(recipe())
    assert store.take_next(1, "ray") == run_id
    store.note_waits(store.get(run_id), Message("The cluster says: {words}", words="no free *node*"))
    told = texts(open_page(PAGE, run=run_id))
    assert "The cluster (ray) was asked to train this run. The cluster says: no free \\*node\\*" in told
    assert "a machine of the cluster" not in captions(run_id)
    store.put_back(run_id, Message("The cluster is being serviced."))
    told = texts(open_page(PAGE, run=run_id))
    assert "Position 1 in the queue." in told
    assert "The cluster is being serviced." in told
    assert store.take_next(1, "ray") == run_id
    assert store.claim(run_id, "w")
    assert store.begin(run_id, "w", 100)
    assert f"Its worker is on {plain(socket.gethostname())}, a machine of the cluster (ray)." in captions(
        run_id
    )
    assert store.finish(run_id, "w", Status.FINISHED)
    assert "a machine of the cluster" not in captions(run_id)
