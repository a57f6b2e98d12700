"""Which fields differ between recipes, and what they are called. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnviz import architectures
from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.training.recipe.augmentation import STRENGTHS
from cnnviz.training.recipe.fields import CHOICES, RANGES

_LABELS: Mapping[str, Message] = {
    "architecture": Message("network"),
    "dataset": Message("data set"),
    "mean": Message("mean"),
    "deviation": Message("standard deviation"),
    "augmentation.flip": Message("horizontal flip"),
}


_PREFIXES = ("options", "augmentation")


def flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe's JSON values, those of options and augmentation as ``options.growth``.

    The code of an own network is none: its key says which it is. An option that the recipe leaves to the network has the
    network's own value; a recipe that says nothing of processes means one.
    """
    fields: dict[str, Any] = {}
    for name, value in recipe.items():
        if name == "own":
            continue
        if name not in _PREFIXES:
            fields[name] = value
            continue
        inner = {**_defaults(recipe), **value} if name == "options" else value
        fields |= {f"{name}.{key}": part for key, part in inner.items()}
    if "architecture" in recipe:
        fields.setdefault("workers", 1)
    return fields


def differing(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names (as in :func:`flat`) of the fields in which the ``recipes`` differ.

    A field that matters in none of them is left out: a momentum that Adam does not use, say. Of networks with
    different options each option is compared where there is one.
    """
    tables = [flat(recipe) for recipe in recipes]
    names = dict.fromkeys(name for table in tables for name in table)
    return [name for name in names if len(_values(tables, name)) > 1]


def label(name: str, architecture: str) -> Message | str:
    """The label of the field ``name``; options are those of ``architecture``."""
    prefix, _, inner = name.partition(".")
    if name in _LABELS:
        return _LABELS[name]
    if prefix == "augmentation" and inner in STRENGTHS:
        return STRENGTHS[inner].limits.label
    if prefix == "options":
        return _option_label(architecture, inner)
    limits = RANGES.get(name) or CHOICES.get(name)
    return name if limits is None else limits.label


def _values(tables: Sequence[Mapping[str, Any]], name: str) -> set[str]:
    asked = [table for table in tables if name in table] if name.startswith("options.") else tables
    return {repr(_effective(table, name)) for table in asked}


def _effective(table: Mapping[str, Any], name: str) -> Any:
    if name == "momentum" and table.get("optimizer") != "sgd":
        return None
    if name in ("step_epochs", "step_factor") and table.get("schedule") != "step":
        return None
    return table.get(name)


def _defaults(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return architectures.get(str(recipe.get("architecture"))).defaults
    except UnknownKeyError:  # of another cnnviz
        return {}


def _option_label(architecture: str, name: str) -> Message | str:
    try:
        option = architectures.get(architecture).options.get(name)
    except UnknownKeyError:
        return name
    return name if option is None else option.label
