"""Own networks are trained as Python would train them, by a recipe that needs nothing beside itself."""

import dataclasses
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cnnviz import architectures, datasets
from cnnviz.browser.saving import page_of
from cnnviz.datasets import Dataset
from cnnviz.errors import UsageError
from cnnviz.own import architecture, building, kept
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.uploading import keep_upload, read_upload
from cnnviz.training.loop import memory
from cnnviz.training.loop.loop import train
from cnnviz.training.recipe.differences import differing, flat
from cnnviz.training.recipe.recipe import FIELDS, Recipe, read_recipe, recipe_text
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store import store as store_module
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.training.worker.resuming import check_branch
from tests.own.test_kept import folder, keep, student  # noqa: F401  the fixture is used by all

SOFTMAX = "log_softmax"
STUDENTS = (
    "plain",
    SOFTMAX,
    "sequential",
    "own_sequential",
    "blocks_in_a_loop",
    "residual",
    "dropout_in_training",
    "initialised",
    "squeeze_excite",
    "module_list",
    "parameter",
    "tied",
    "data_dependent",
    "while_loop",
    "d2l_residual",
)
STEPS = 20
HEAD = "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
CONVOLUTION = (
    "        self.conv = nn.Conv2d(3, 2, 3)\n        self.fc = nn.Linear(2 * 46 * 46, 10)\n"
    "    def forward(self, x):\n        return self.fc(self.conv(x).flatten(1))\n"
)


def text_of(name: str) -> str:
    if name != SOFTMAX:
        return student(name)
    return student("plain").replace("return self.fc(x)", "return F.log_softmax(self.fc(x), dim=1)")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """640 digits to train on, 50 to test."""
    data = datasets.load("mnist-sample")
    return dataclasses.replace(
        data,
        train_images=data.train_images[:640],
        train_labels=data.train_labels[:640],
        test_images=data.test_images[::20],
        test_labels=data.test_labels[::20],
    )


def recipe_of(text: str, **changes: object) -> Recipe:
    values = {
        "epochs": 1,
        "batch_size": 32,
        "threads": 1,
        "device": "cpu",
        "dataset": "mnist-sample",
        **changes,
    }
    return Recipe.default(keep(text).key, **values)


def keep_for(text: str, input_shape: tuple[int, ...]) -> kept.Kept:
    definition = Definition(text, input_shape=input_shape)
    return kept.keep(definition, read(definition))


class Losses:
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_start(self, model: torch.nn.Module, steps_per_epoch: int) -> None:
        pass

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        self.values.append(loss)

    def on_epoch(self, metrics: object, model: torch.nn.Module) -> None:
        pass


@pytest.mark.parametrize("name", STUDENTS)
def test_the_losses_are_those_of_the_class_that_python_executes(
    name: str, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, ours, theirs = recipe_of(text_of(name)), Losses(), Losses()
    recipe.validate()
    result = train(recipe, digits, ours)
    names: dict[str, object] = {}
    exec(text_of(name), names)
    monkeypatch.setattr(building, "built", lambda definition: names["Net"]())  # type: ignore[operator]
    expected = train(recipe, digits, theirs)
    assert len(ours.values) == STEPS
    assert ours.values == theirs.values
    assert (result.test_loss, result.test_accuracy) == (expected.test_loss, expected.test_accuracy)
    weights = expected.model.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in result.model.state_dict().items())


def test_the_recipe_says_what_suits_the_network() -> None:
    plain = recipe_of(student("plain")).values()
    assert (plain["optimizer"], plain["resize"], plain["mean"]) == ("adam", None, (0.1307,))
    large = Recipe.default(keep_for(HEAD + CONVOLUTION, (3, 48, 48)).key).values()
    assert (large["dataset"], large["resize"], len(large["mean"])) == ("cifar10", 48, 3)


def test_a_recipe_goes_through_a_file_without_the_folder(folder: Path) -> None:  # noqa: F811
    recipe = recipe_of(student("residual"))
    text = recipe_text(recipe)
    shutil.rmtree(folder)
    architecture._REMEMBERED.clear()
    again = read_recipe(text.encode())
    assert again == recipe
    assert memory.needed(again) > memory.PROCESS_BYTES
    assert "class" in json.loads(text)["own"]["definition"]["text"]


def test_recipes_of_the_course_are_written_as_before() -> None:
    assert "own" not in Recipe.default("basic-cnn").to_dict()
    assert "own" in FIELDS


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"architecture": "own-0123456789abcdef"},
            "is that of the network own-.*, not of own-0123456789abcdef",
        ),
        ({"own": None}, "The code of the network own-.* is missing"),
        ({"own": {"definition": {}}}, "code is missing in this file"),
    ],
)
def test_a_recipe_whose_code_is_another_or_missing_is_refused(change: dict[str, object], told: str) -> None:
    values = recipe_of(student("plain")).to_dict()
    with pytest.raises(UsageError, match=told):
        read_recipe(json.dumps({**values, **change}).encode())


def test_what_a_recipe_says_of_its_code_is_checked(folder: Path) -> None:  # noqa: F811
    values = recipe_of(student("plain")).to_dict()
    values["own"]["log_softmax"] = True
    with pytest.raises(UsageError, match="The recipe says of Net what its code does not"):
        read_recipe(json.dumps(values).encode())
    shutil.rmtree(folder)
    with pytest.raises(UsageError, match="The recipe says of Net what its code does not"):
        read_recipe(json.dumps(values).encode())
    assert not architectures.get(values["architecture"]).log_softmax


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("wrong_linear", "Net cannot be trained. Line 16: fc receives"),
        ("autoencoder", "Line 16: Net returns 1 x 28 x 28 for each image"),
        ("lstm_rows", "Net takes inputs of shape 20 x 28, but the images"),
        ("inherited", "ends in 5 classes; no data set here has these"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_with_its_line(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        recipe_of(student(name))


def test_a_size_that_it_does_not_take_is_refused() -> None:
    recipe = recipe_of(student("plain")).changed(resize=40)
    with pytest.raises(UsageError, match="Net does not accept 1 x 40 x 40 images"):
        recipe.validate()


def test_code_is_no_field_in_which_recipes_differ() -> None:
    first, second = recipe_of(student("plain")).to_dict(), recipe_of(student("residual")).to_dict()
    assert "own" in first
    assert "own" not in flat(first)
    assert differing([first, second]) == ["architecture"]


def test_weights_are_uploaded_on_another_server(
    folder: Path,  # noqa: F811
    store: RunStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = store.create(recipe_of(student("plain"), train_images=100))
    assert worker.main(run) == 0
    saved = checkpoints.get(run)
    facts, data = saved.weights.with_suffix(".json").read_bytes(), saved.read_weights()
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "elsewhere"))
    architecture._REMEMBERED.clear()
    upload = read_upload("weights.safetensors", data, facts, None)
    other = store_module.open_store()
    again = checkpoints.get(keep_upload(other, upload, None))
    assert (again.recipe.own, again.test_loss) == (saved.recipe.own, saved.test_loss)
    other.close()
    wrong = json.loads(facts)
    wrong["recipe"]["own"]["definition"]["text"] += "#"
    with pytest.raises(UsageError, match="is that of the network own-"):
        read_upload("weights.safetensors", data, json.dumps(wrong).encode(), None)


TWO_ANSWERS = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(784, 16)
        self.aside, self.fc = nn.Linear(16, 10), nn.Linear(16, 10)

    def forward(self, x):
        x = self.inner(x.flatten(1)).relu()
        if self.training:
            return self.fc(x), self.aside(x)
        return self.fc(x)
"""


def test_an_auxiliary_classifier_counts_in_training_alone(digits: Dataset) -> None:
    losses = Losses()
    result = train(recipe_of(TWO_ANSWERS, learning_rate=0.01), digits, losses)
    assert losses.values[0] == pytest.approx(1.3 * math.log(10), rel=0.1)
    assert result.model(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


LATER = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
        self.calls = 0

    def forward(self, x):
        self.calls = self.calls + 1
        if self.calls > 5:
            x = x.cuda_array()
        return self.fc(x.flatten(1))
"""


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:  # noqa: F811
    monkeypatch.setenv("CNNVIZ_MAX_WORKERS", "1")
    store_module._opened.cache_clear()
    yield store_module.open_store()
    store_module.open_store().close()
    store_module._opened.cache_clear()


def test_a_run_its_checkpoint_and_its_continuation_need_no_folder(folder: Path, store: RunStore) -> None:  # noqa: F811
    recipe = recipe_of(student("plain"), train_images=320)
    shutil.rmtree(folder)
    architecture._REMEMBERED.clear()
    first = store.create(recipe)
    assert worker.main(first) == 0
    architecture._REMEMBERED.clear()
    checkpoints._read.cache_clear()
    saved = checkpoints.get(first)
    assert saved.recipe.own == recipe.own
    assert saved.can_be_run
    assert sum(weights.numel() for weights in checkpoints.load_model(saved).parameters()) == 8_490
    assert "<title>Net · cnnviz</title>" in page_of(saved)
    longer = recipe.changed(epochs=2)
    check_branch(longer, store.get(first), 10)
    second = store.create(longer, origin=(first, 10))
    architecture._REMEMBERED.clear()
    assert worker.main(second) == 0
    assert store.get(second).status is Status.FINISHED


def test_what_the_language_does_not_take_at_a_later_step_ends_the_run_with_its_line(store: RunStore) -> None:
    recipe = recipe_of(LATER, train_images=320)
    run = store.create(recipe)
    assert worker.main(run) == 1
    ended = store.get(run)
    assert ended.status is Status.FAILED
    assert str(ended.reason).startswith("Line 12: ")
    assert "cuda_array" in str(ended.reason)
    assert len(read_steps(store.folder(run) / STEPS_FILE)) > 0


def test_batch_norm_by_a_function_is_for_one_process() -> None:
    code = (
        HEAD
        + "        self.fc = nn.Linear(784, 10)\n"
        + "    def forward(self, x):\n"
        + "        x = nn.functional.batch_norm(x.flatten(1), None, None, training=True)\n"
        + "        return self.fc(x)\n"
    )
    recipe = Recipe.default(keep_for(code, (1, 28, 28)).key, dataset="mnist-sample")
    recipe.validate()
    with pytest.raises(
        UsageError, match="batch_norm, which would see only a part of each batch in each of 2"
    ):
        dataclasses.replace(recipe, workers=2).validate()


def test_layers_that_get_their_sizes_from_the_images_are_kept_and_found_again(store: RunStore) -> None:
    run = store.create(recipe_of(student("d2l_vgg"), train_images=100, resize=32))
    assert worker.main(run) == 0
    saved = checkpoints.get(run)
    again = checkpoints.evaluate_checkpoint(saved, "mnist-sample")
    assert again.loss == pytest.approx(saved.test_loss, rel=1e-5)
    before = torch.get_rng_state()
    assert checkpoints.load_model(saved)(torch.zeros(1, 1, 32, 32)).shape == (1, 10)
    assert torch.equal(torch.get_rng_state(), before)
