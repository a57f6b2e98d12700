from __future__ import annotations

import builtins
import dataclasses
from types import ModuleType
from typing import Any

import pytest
import torch

from cnnviz import datasets
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.scripts.scripts import loading_script
from cnnviz.training.transforms.batch_preparer import BatchPreparer


def load(code: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The code as a module, where cnnviz is not installed."""
    known = builtins.__import__

    def without_cnnviz(name: str, *args: Any) -> ModuleType:
        if name.partition(".")[0] == "cnnviz":
            raise ModuleNotFoundError(name)
        return known(name, *args)

    module = ModuleType("taken_home")
    with monkeypatch.context() as changed:
        changed.setitem(module.__dict__, "__builtins__", {**vars(builtins), "__import__": without_cnnviz})
        exec(compile(code, "taken_home.py", "exec"), module.__dict__)
    return module


SHIPPED = [checkpoint for checkpoint in checkpoints.available() if checkpoint.architecture != "vgg-cifar"]


@pytest.mark.parametrize("checkpoint", SHIPPED, ids=lambda checkpoint: checkpoint.id)
def test_the_code_gives_what_the_checkpoint_gives(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(loading_script(checkpoint, str(checkpoint.weights)), monkeypatch)
    shape = datasets.get(checkpoint.dataset).input_shape
    pixels = torch.randint(0, 256, (4, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    prepare = BatchPreparer(checkpoint.recipe.preparation, shape)
    with torch.no_grad():
        expected = checkpoints.load_model(checkpoint)(prepare.test(pixels))
        found = module.load()(module.prepare(pixels.float() / 255))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [{"resize": 96}, {"resize": 14}, {"permutation_seed": 5}, {"resize": 20, "permutation_seed": 2}],
)
def test_images_are_prepared_as_the_recipe_says(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = checkpoints.get("lenet5-mnist")
    checkpoint = dataclasses.replace(known, recipe=known.recipe.changed(**changes))
    module = load(loading_script(checkpoint, "weights.safetensors"), monkeypatch)
    pixels = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    expected = BatchPreparer(checkpoint.recipe.preparation, (1, 28, 28)).test(pixels)
    torch.testing.assert_close(module.prepare(pixels.float() / 255), expected, rtol=1e-4, atol=1e-5)


def test_options_stand_in_the_code() -> None:
    known = checkpoints.get("lenet5-mnist")
    recipe = Recipe.default("lenet5", options={"activation": "relu"})
    assert 'LeNet5(activation="relu")' in loading_script(dataclasses.replace(known, recipe=recipe), "w")
