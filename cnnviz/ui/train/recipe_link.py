"""A recipe as parameters of a link to the Train page, from where its form takes every field."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.training.recipe.limits import CHOICES, RANGES
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.transforms.augmentation import Augmentation
from cnnviz.ui.train.fields import channels_text

NETWORK, DATA, OPTIONS, PERMUTE, ORDER = "model", "dataset", "set", "permute", "order"
"""Parameters that are not called like the field."""

_SAME_NAME = sorted({*RANGES, *CHOICES} - {"permutation_seed", "resize", "train_images"})
NAMES = (
    *(NETWORK, DATA, OPTIONS, PERMUTE, ORDER, "resize", "train_images", "mean", "deviation"),
    *_SAME_NAME,
    *(field.name for field in dataclasses.fields(Augmentation)),
)
"""All parameters that speak of the recipe."""

Parameters = dict[str, str | list[str]]


def parameters(recipe: Recipe) -> Parameters:
    """What a link must say so that the form shows ``recipe``: network, data, and all that differs from the
    course's recipe for them.

    Raises:
        UnknownKeyError: there is no such architecture or data set.
    """
    usual = Recipe.default(recipe.architecture, dataset=recipe.dataset)
    found: Parameters = {NETWORK: recipe.architecture, DATA: recipe.dataset}
    found |= {name: str(getattr(recipe, name)) for name in _SAME_NAME if _differs(recipe, usual, name)}
    for name in ("mean", "deviation"):
        if _differs(recipe, usual, name):
            found[name] = channels_text(getattr(recipe, name))
    return found | _sizes(recipe, usual) | _changes(recipe, usual)


def _sizes(recipe: Recipe, usual: Recipe) -> Parameters:
    info = datasets.get(recipe.dataset)
    found: Parameters = {}
    if _differs(recipe, usual, "resize"):
        found["resize"] = str(recipe.resize or info.input_shape[1])
    if recipe.train_images is not None:
        found["train_images"] = str(recipe.train_images)
    return found


def _changes(recipe: Recipe, usual: Recipe) -> Parameters:
    defaults = architectures.get(recipe.architecture).defaults
    found: Parameters = {}
    options = [
        f"{name}={json.dumps(value)}" for name, value in recipe.options.items() if value != defaults.get(name)
    ]
    if options:
        found[OPTIONS] = options
    if recipe.permutation_seed is not None:
        found |= {PERMUTE: "true", ORDER: str(recipe.permutation_seed)}
    for field in dataclasses.fields(Augmentation):
        value = getattr(recipe.augmentation, field.name)
        if value != getattr(usual.augmentation, field.name):
            found[field.name] = str(value).lower()
    return found


def _differs(recipe: Recipe, usual: Recipe, name: str) -> bool:
    return bool(getattr(recipe, name) != getattr(usual, name))


def put(values: Mapping[str, str | Sequence[str]]) -> None:
    """Write a recipe's :func:`parameters` into the link in place of those that are there; for callbacks."""
    for name in NAMES:
        st.query_params.pop(name, None)
    st.query_params.update(values)


def address(values: Mapping[str, str | Sequence[str]]) -> str:
    """The whole address of the page with these parameters."""
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(values, doseq=True)}"
