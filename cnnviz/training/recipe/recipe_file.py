"""A recipe as a file that a person keeps: written whole, and checked when it comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe


def recipe_text(recipe: Recipe) -> str:
    """The file's text: JSON, in lines."""
    return json.dumps(recipe.to_dict(), indent=2, ensure_ascii=False) + "\n"


def script_name(recipe: Recipe) -> str:
    """What the file of :func:`cnnviz.training.scripts.recipe_script.recipe_script` may be called."""
    return f"{recipe.architecture}_{recipe.dataset}.py".replace("-", "_")


def read_recipe(data: bytes) -> Recipe:
    """The valid recipe in a file that :func:`recipe_text` or a checkpoint wrote, of this or an earlier cnnviz.

    Raises:
        UsageError: there is none in it, or one that cannot be trained by; the message says why.
    """
    try:
        recipe = Recipe.from_dict(_values(data))
        recipe.validate()
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise UsageError(
            Message("The recipe in this file cannot be understood: {reason}.", reason=error)
        ) from error
    return recipe


def _values(data: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            Message("This file is no JSON text; a recipe as it is saved on the Train page was expected.")
        ) from error
    if isinstance(values, dict) and isinstance(values.get("recipe"), dict):  # the facts of a checkpoint
        values = values["recipe"]
    if not isinstance(values, dict):
        raise UsageError(Message("There is no recipe in this file."))
    return values
