"""A recipe on the command line: an option for every field."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.limits import CHOICES, RANGES
from cnnviz.training.recipe import Recipe
from cnnviz.training.transforms.augmentation import PRESETS, Augmentation

_FLAGS = {"learning_rate": "--lr"}
"""Options that are not called like the field."""


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``KEY`` and an option for every field of a recipe; :func:`recipe_from` reads them."""
    parser.add_argument("key", metavar="KEY", help=_("a key of `list`"))
    parser.add_argument("--dataset", help=" | ".join(datasets.keys()))
    for field, limits in RANGES.items():
        text = _("{label}, from {low:,} to {high:,}", label=limits.label, low=limits.low, high=limits.high)
        kind: Callable[[str], float] = int if limits.whole else float
        parser.add_argument(
            _flag(field), dest=field, type=kind, help=text, metavar="N" if limits.whole else "X"
        )
    for field, choice in CHOICES.items():
        parser.add_argument(_flag(field), dest=field, metavar="NAME", help=" | ".join(choice.values))
    parser.add_argument(
        "--option",
        type=_assignment,
        action="append",
        dest="options",
        metavar="NAME=VALUE",
        help=_("an option of the architecture, such as growth=16; may be repeated"),
    )
    parser.add_argument(
        "--augment",
        type=_change,
        action="append",
        dest="augmentation",
        metavar="NAME[=VALUE]",
        help=_(
            "{presets}, or one change, such as rotation=15; may be repeated",
            presets=" | ".join(PRESETS),
        ),
    )


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The course's recipe for ``KEY``, changed by the options that are given; it is valid.

    Raises:
        UsageError: a value is not allowed.
        UnknownKeyError: no such architecture, data set or option.
    """
    fields = ("dataset", *RANGES, *CHOICES)
    changes: dict[str, Any] = {name: getattr(options, name) for name in fields}
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.options:
        changes["options"] = dict(options.options)
    if options.augmentation is not None:
        changes["augmentation"] = _augmentation(options.augmentation)
    recipe = Recipe.default(options.key, **changes)
    recipe.validate()
    return recipe


def _flag(field: str) -> str:
    return _FLAGS.get(field, "--" + field.replace("_", "-"))


def _assignment(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(_("{text!r} is not of the form NAME=VALUE", text=text))
    try:
        return name, json.loads(value)
    except ValueError:  # a word, which need not stand in quotes
        return name, value


def _change(text: str) -> tuple[str, object]:
    return _assignment(text) if "=" in text else (text, True)


def _augmentation(changes: list[tuple[str, object]]) -> Augmentation:
    """Presets and single changes, the later ones on top of the earlier ones."""
    values: dict[str, object] = {}
    for name, value in changes:
        if name in PRESETS and value is True:
            values |= {k: v for k, v in PRESETS[name].augmentation.to_dict().items() if v}
        elif value is True and name != "flip":
            rule = Message("{name}=VALUE, flip, or one of {presets}", name=name, presets=" | ".join(PRESETS))
            raise UsageError(Message("--augment is {value}; allowed is: {rule}.", value=name, rule=rule))
        else:
            values[name] = value
    return Augmentation.from_dict(values)
