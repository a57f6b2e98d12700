import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.training.recipe import RANGES, Recipe
from tests.networks import MNIST


@pytest.mark.parametrize("key", [known.key for known in MNIST])
def test_the_default_is_the_courses_and_valid(key: str) -> None:
    recipe = Recipe.default(key)
    recipe.validate()
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum) == ("sgd", 0.01, 0.5)
    assert (recipe.batch_size, recipe.epochs, recipe.seed) == (64, 10, 1)
    assert (recipe.mean, recipe.deviation) == ((0.1307,), (0.3081,))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, r"epochs is 0; allowed is: a whole number from 1 to 1,000"),
        ("epochs", 2.5, r"epochs is 2\.5"),
        ("epochs", True, r"epochs is True"),
        ("batch_size", 5000, r"batch size is 5000; .* from 1 to 4,096"),
        ("learning_rate", 0, r"learning rate is 0; "),
        ("learning_rate", math.nan, r"learning rate is nan"),
        ("learning_rate", math.inf, r"learning rate is inf"),
        ("learning_rate", 10**400, r"learning rate is 1000"),
        ("epochs", 10**400, r"epochs is 1000"),
        ("mean", (10**400,), r"mean is 1000"),
        ("mean", ("a",), r"mean is a"),
        ("learning_rate", "fast", r"learning rate is fast; allowed is: a number from"),
        ("momentum", 1, r"momentum is 1; .* from 0\.0 to 0\.999"),
        ("momentum", -0.1, r"momentum is -0\.1"),
        ("seed", -1, r"seed is -1"),
        ("threads", 0, r"threads is 0"),
        ("loss", "hinge", r"loss function is hinge; allowed is: cross-entropy"),
        ("optimizer", "adagrad", r"optimizer is adagrad; allowed is: sgd"),
        ("device", "tpu", r"device is tpu; allowed is: auto \| cpu \| cuda"),
        ("mean", (0.1, 0.2), r"mean is 0\.1, 0\.2; allowed is: 1 numbers, one a channel"),
        ("deviation", (0.0,), r"standard deviation is 0\.0; allowed is: 1 numbers greater than 0"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(field: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.default("basic-cnn", **{field: value}).validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "mnits"}, "did you mean 'mnist'"),
        ({"options": {"width": 3}}, "option 'width' is unknown"),
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


def test_a_recipe_of_another_version_names_the_fields() -> None:
    values = Recipe.default("basic-cnn").to_dict()
    del values["momentum"]
    values["dropout"] = 0.5
    with pytest.raises(UsageError, match="unknown fields: dropout; missing fields: momentum"):
        Recipe.from_dict(values)


def test_limits_name_fields_that_exist() -> None:
    assert set(RANGES) <= set(Recipe.default("basic-cnn").to_dict())


def test_threads_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_THREADS", "3")
    assert Recipe.default("basic-cnn").threads == 3


def test_recipes_and_checkpoints_are_listed_without_torch() -> None:
    code = (
        "import sys; from cnnviz.training import checkpoints, recipe, observer; checkpoints.available(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
