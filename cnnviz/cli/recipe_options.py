"""A recipe on the command line: an option for every field."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.limits import CHOICES, RANGES
from cnnviz.training.recipe.recipe import Recipe, read_recipe
from cnnviz.training.transforms.image_preparation import PRESETS, Augmentation

_FLAGS = {"learning_rate": "--lr"}
"""Options that are not called like the field."""

_CHANNELS = ("mean", "deviation")
_OF_THE_DATA = (*_CHANNELS, "resize")


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``KEY`` or ``--recipe``, and an option for every field; :func:`recipe_from` reads them."""
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("key", nargs="?", metavar="KEY", help=_("a key from `list`"))
    start.add_argument(
        "--recipe",
        type=Path,
        metavar="FILE",
        help=_("a recipe saved on the Train page, instead of KEY; other options override it"),
    )
    parser.add_argument("--dataset", help=" | ".join(datasets.keys()))
    for field, limits in RANGES.items():
        text = _("{label}, {low:,} to {high:,}", label=limits.label, low=limits.low, high=limits.high)
        kind: Callable[[str], float] = int if limits.whole else float
        parser.add_argument(
            _flag(field), dest=field, type=kind, help=text, metavar="N" if limits.whole else "X"
        )
    for field, choice in CHOICES.items():
        parser.add_argument(_flag(field), dest=field, metavar="NAME", help=" | ".join(choice.values))
    for field in _CHANNELS:
        parser.add_argument(
            _flag(field),
            type=_numbers,
            metavar="X,...",
            help=_(
                "mean or standard deviation for normalisation, one number per channel, such as 0.49,0.48,0.45"
            ),
        )
    parser.add_argument(
        "--option",
        type=_assignment,
        action="append",
        dest="options",
        metavar="NAME=VALUE",
        help=_("an option of the architecture, such as growth=16; can be repeated"),
    )
    parser.add_argument(
        "--augment",
        type=_change,
        action="append",
        dest="augmentation",
        metavar="NAME[=VALUE]",
        help=_(
            "{presets}, or a single change, such as rotation=15; can be repeated",
            presets=" | ".join(PRESETS),
        ),
    )


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The course's recipe for ``KEY``, or that of ``--recipe``, changed by the options that are given; it is valid.

    ``--augment`` replaces all of a recipe's augmentation, ``--option`` only the options of the architecture that
    it names. Of a saved recipe that gets another data set, size and normalisation follow that one where they were
    the usual ones.

    Raises:
        UsageError: a value is not allowed, or the file has no recipe in it.
        UnknownKeyError: no such architecture, data set or option.
    """
    fields = ("dataset", *RANGES, *CHOICES, *_CHANNELS)
    changes: dict[str, Any] = {name: getattr(options, name) for name in fields}
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.options:
        changes["options"] = dict(options.options)
    if options.augmentation is not None:
        changes["augmentation"] = _augmentation(options.augmentation)
    if options.recipe is None:
        recipe = Recipe.default(options.key, **changes)
    else:
        recipe = _changed(_saved(options.recipe), changes)
    recipe.validate()
    return recipe


def _saved(path: Path) -> Recipe:
    try:
        return read_recipe(path.read_bytes())
    except OSError as error:
        raise UsageError(
            Message(
                "Cannot read the recipe {path} ({reason}). Choose a file saved on the Train page.",
                path=path,
                reason=error.strerror,
            )
        ) from error


def _changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    dataset = changes.get("dataset", recipe.dataset)
    saved = recipe.values()
    before = Recipe.default(recipe.architecture, dataset=recipe.dataset).values()
    after = Recipe.default(recipe.architecture, dataset=dataset).values()
    following = {name: after[name] for name in _OF_THE_DATA if saved[name] == before[name]}
    options = {**recipe.options, **changes.get("options", {})}
    return recipe.changed(**{**following, **changes, "options": options})


def _flag(field: str) -> str:
    return _FLAGS.get(field, "--" + field.replace("_", "-"))


def _assignment(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(_("{text!r} must have the form NAME=VALUE", text=text))
    try:
        return name, json.loads(value)
    except ValueError:  # a word, which need not stand in quotes
        return name, value


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            _("{text!r} must have one number per channel, such as 0.49,0.48,0.45", text=text)
        ) from None


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
            raise UsageError(Message("--augment must be {rule}; got {value}.", value=name, rule=rule))
        else:
            values[name] = value
    return Augmentation.from_dict(values)
