from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import UsageError
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.recipe.recipe import Recipe, read_recipe, recipe_text

RECIPE = Recipe.default("vgg-cifar", epochs=3, permutation_seed=2)


def test_a_saved_recipe_comes_back() -> None:
    assert read_recipe(recipe_text(RECIPE).encode()) == RECIPE


def test_the_facts_of_a_checkpoint_hold_a_recipe() -> None:
    data = (PROJECT_DIRECTORY / "checkpoints" / "basic-cnn-mnist.json").read_bytes()
    assert read_recipe(data).architecture == "basic-cnn"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xfe\x00", "not a JSON file"),
        (b"{" * 100_000, "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[1, 2]", "file contains no recipe"),
        (b"{}", "missing fields: architecture"),
        (b'{"epoch": 3}', "Unknown fields: epoch"),
    ],
)
def test_another_file_is_explained(data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_recipe(data)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, r"epochs must be .*; got 0"),
        ({"architecture": "vgg"}, "did you mean 'vgg"),
        ({"mean": 5}, "Cannot read the recipe"),
        ({"options": 3}, "Cannot read the recipe"),
        ({"resize": True}, r"image size must be .*; got True"),
    ],
)
def test_a_recipe_that_cannot_be_trained_by_is_explained(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_recipe(json.dumps({**RECIPE.to_dict(), **changes}).encode())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(field=st.sampled_from(sorted(RECIPE.to_dict())), value=ANYTHING)
def test_whatever_a_field_says_the_answer_is_a_recipe_or_a_sentence(field: str, value: object) -> None:
    data = json.dumps({**RECIPE.to_dict(), field: value}).encode()
    try:
        found = read_recipe(data)
    except UsageError:
        return
    found.validate()
