import json
import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from cnnviz.architectures import Architecture
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.recipe.augmentation import Augmentation
from cnnviz.training.recipe.fields import RANGES
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe
from tests.networks import NETWORKS, each

FIRST_FIELDS = set(
    "architecture dataset options mean deviation epochs batch_size loss optimizer learning_rate momentum seed "
    "threads device".split()
)


PLAIN = {"optimizer": "sgd", "momentum": 0.0, "initialisation": "xavier", "mean": (0.0,), "deviation": (1.0,)}
MINI = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.5, "batch_size": 64, "mean": (0.1307,)}
COURSE = {
    "basic-cnn": MINI,
    "inception-mini": MINI,
    "resnet-mini": MINI,
    "mlp": {**MINI, "epochs": 1},
    "small-cnn": {**MINI, "epochs": 1},
    "lenet-cifar": {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 64, "mean": (0.5, 0.5, 0.5)},
    "vgg-cifar": {
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 128,
        "deviation": (0.2023, 0.1994, 0.2010),
        "augmentation": Augmentation(crop_padding=4, flip=True),
    },
    "alexnet": {**PLAIN, "resize": 224, "learning_rate": 0.01, "batch_size": 128},
    "vgg11": {**PLAIN, "resize": 224, "learning_rate": 0.1, "batch_size": 128},
    "nin": {**PLAIN, "resize": 224, "learning_rate": 0.1, "batch_size": 128},
    "googlenet": {**PLAIN, "resize": 96, "learning_rate": 0.1, "batch_size": 128},
    "lenet-bn": {**PLAIN, "resize": None, "learning_rate": 1.0, "batch_size": 256},
    "resnet18": {**PLAIN, "resize": 96, "learning_rate": 0.05, "batch_size": 256},
    "densenet": {**PLAIN, "resize": 96, "learning_rate": 0.1, "batch_size": 256},
}  # fmt: skip


@pytest.mark.parametrize("key", COURSE)
def test_the_default_is_the_courses(key: str) -> None:
    recipe = Recipe.default(key)
    expected = {"epochs": 10, "seed": 1, "loss": "cross-entropy", "schedule": "none", **COURSE[key]}
    assert {name: recipe.values()[name] for name in expected} == expected


@each(NETWORKS)
def test_every_default_is_valid(architecture: Architecture) -> None:
    recipe = Recipe.default(architecture.key)
    recipe.validate()
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_another_data_set_is_resized_and_normalised_in_its_own_way() -> None:
    recipe = Recipe.default("resnet18", dataset="mnist")
    assert recipe.preparation == ImagePreparation((0.1307,), (0.3081,), resize=96)
    recipe.validate()
    own = Recipe.default("basic-cnn", dataset="mnist-sample")
    assert own == Recipe.default("basic-cnn", dataset="mnist-sample", resize=None, mean=(0.1307,))
    assert Recipe.default("basic-cnn", dataset="fashion-mnist").preparation.mean == (0.2860,)


@pytest.mark.parametrize(
    ("key", "changes", "message"),
    [
        (
            "basic-cnn",
            {"dataset": "cifar10"},
            r"Basic CNN expects 1 x 28 x 28 images .* has 3 x 32 x 32 images",
        ),
        ("lenet-bn", {"resize": 32}, r"does not accept 1 x 32 x 32 images: .*256.*Resize them to 28 pixels"),
        (
            "lenet-bn",
            {"batch_size": 1},
            r"batch normalisation.*for a single image, the standard deviation is 0",
        ),
        ("lenet-bn", {"train_images": 1}, "batches of at least 2 images"),
        ("basic-cnn", {"train_images": 60_001}, "asks for 60,001 training images, but MNIST has only 60,000"),
        ("basic-cnn", {"augmentation": {"crop_padding": 99}}, r"crop padding must be .*; got 99"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(
    key: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.default(key, **changes).validate()


def test_networks_that_take_any_size_may_have_any_size() -> None:
    Recipe.default("resnet18", resize=64).validate()
    Recipe.default("lenet-bn", options={"batch_norm": False}, batch_size=1).validate()


def test_recipes_of_the_first_version_mean_the_same_training() -> None:
    for key in ("basic-cnn", "inception-mini", "resnet-mini"):
        path = PROJECT_DIRECTORY / "checkpoints" / f"{key}-mnist.json"
        values = json.loads(path.read_text())["recipe"]
        old = {name: values[name] for name in FIRST_FIELDS}
        course = Recipe.default(key, threads=values["threads"], device="cpu")
        assert Recipe.from_dict(old) == Recipe.from_dict(values) == course


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs must be an integer from 1 to 1,000; got 0"),
        ("epochs", 2.5, r"epochs must be .*; got 2\.5"),
        ("epochs", True, r"epochs must be .*; got True"),
        ("batch_size", 5000, r"batch size must be .* from 1 to 4,096; got 5000"),
        ("learning_rate", 0, r"learning rate must be .*; got 0"),
        ("learning_rate", math.nan, r"learning rate must be .*; got nan"),
        ("learning_rate", math.inf, r"learning rate must be .*; got inf"),
        ("learning_rate", 10**400, r"learning rate must be .*; got 1000"),
        ("epochs", 10**400, r"epochs must be .*; got 1000"),
        ("mean", (10**400,), r"mean must be .*; got 1000"),
        ("mean", ("a",), r"mean must be .*; got a"),
        ("learning_rate", "fast", r"learning rate must be a number from.*; got fast"),
        ("momentum", 1, r"momentum must be .* from 0\.0 to 0\.999; got 1"),
        ("momentum", -0.1, r"momentum must be .*; got -0\.1"),
        ("seed", -1, r"seed must be .*; got -1"),
        ("threads", 0, r"threads must be .*; got 0"),
        ("loss", "hinge", r"loss function must be cross-entropy \| mse; got hinge"),
        ("optimizer", "adagrad", r"optimizer must be sgd \| adam \| adamw; got adagrad"),
        ("schedule", "linear", r"schedule must be none \| step \| cosine; got linear"),
        ("initialisation", "he", r"initialisation must be default \| xavier; got he"),
        ("train_accuracy", "none", r"training accuracy must be .*; got none"),
        ("weight_decay", 2, r"weight decay must be .*; got 2"),
        ("step_epochs", 0, r"epochs per step must be .*; got 0"),
        ("step_factor", 2.0, r"factor per step must be .*; got 2\.0"),
        ("train_images", 0, r"training images must be .*; got 0"),
        ("train_images", 2.5, r"training images must be .*; got 2\.5"),
        ("resize", 4, r"image size must be .*; got 4"),
        ("permutation_seed", -1, r"permutation seed must be .*; got -1"),
        ("device", "tpu", r"device must be auto \| cpu \| cuda; got tpu"),
        ("mean", (0.1, 0.2), r"mean must be one number per channel \(1\); got 0\.1, 0\.2"),
        (
            "deviation",
            (0.0,),
            r"standard deviation must be one number greater than 0 per channel \(1\); got 0\.0",
        ),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(field: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.default("basic-cnn", **{field: value}).validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "mnits"}, "did you mean 'mnist'"),
        ({"options": {"width": 3}}, "Unknown option 'width'"),
    ],
)
def test_unknown_names_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownKeyError, match=message):
        Recipe.default("basic-cnn", **changes).validate()


def test_unknown_architectures_and_fields_name_the_closest() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'basic-cnn'"):
        Recipe.default("basic-cn")
    with pytest.raises(UnknownKeyError, match="did you mean 'batch_size'"):
        Recipe.default("basic-cnn", batchsize=3)


@given(
    epochs=st.integers(1, 1000),
    rate=st.floats(1e-6, 10),
    momentum=st.floats(0, 0.999),
    seed=st.integers(0, 2**31 - 1),
)
def test_json_and_back(epochs: int, rate: float, momentum: float, seed: int) -> None:
    recipe = Recipe.default(
        "resnet-mini", epochs=epochs, learning_rate=rate, momentum=momentum, seed=seed, threads=2
    )
    recipe.validate()
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("none", [0.5] * 6),
        ("step", [0.5, 0.5, 0.05, 0.05, 0.005, 0.005]),
        ("cosine", [0.25 * (1 + math.cos(math.pi * epoch / 6)) for epoch in range(6)]),
    ],
)
def test_the_schedule_is_pytorchs(schedule: str, expected: list[float]) -> None:
    recipe = Recipe.default("basic-cnn", learning_rate=0.5, schedule=schedule, step_epochs=2, epochs=6)
    rates = [recipe.rate(epoch) for epoch in range(1, 7)]
    assert rates == pytest.approx(expected)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    makers = {
        "none": lambda: lr_scheduler.ConstantLR(optimizer, factor=1.0),
        "step": lambda: lr_scheduler.StepLR(optimizer, 2, 0.1),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, 6),
    }
    theirs = makers[schedule]()
    for rate in rates:
        assert theirs.get_last_lr() == pytest.approx([rate])
        optimizer.step()
        theirs.step()


def test_a_recipe_of_another_version_names_the_fields() -> None:
    values = Recipe.default("basic-cnn").to_dict()
    del values["momentum"]
    values["dropout"] = 0.5
    with pytest.raises(UsageError, match="Unknown fields: dropout; missing fields: momentum"):
        Recipe.from_dict(values)


def test_limits_name_fields_that_exist() -> None:
    assert set(RANGES) <= set(Recipe.default("basic-cnn").values())


def test_a_recipe_for_one_process_is_written_as_before() -> None:
    one, three = Recipe.default("basic-cnn"), Recipe.default("basic-cnn", workers=3)
    assert "workers" not in one.to_dict()
    assert Recipe.from_dict(one.to_dict()).workers == 1
    assert three.to_dict() == {**one.to_dict(), "workers": 3}
    assert Recipe.from_dict(three.to_dict()) == three
    with pytest.raises(UsageError, match="processes must be an integer from 1 to 16; got 17"):
        Recipe.default("basic-cnn", workers=17).validate()


def test_threads_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_THREADS", "3")
    assert Recipe.default("basic-cnn").threads == 3


def test_recipes_and_checkpoints_are_listed_without_torch() -> None:
    code = (
        "import sys; from cnnviz.training.checkpoints import checkpoints; from cnnviz.training.records import figures; from cnnviz.training.recipe import recipe; checkpoints.available(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
