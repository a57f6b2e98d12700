"""Share a recipe as a link, a file or a script, and load one into the form."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.fields import CHOICES, RANGES
from cnnviz.training.recipe.image_preparation import Augmentation, ImagePreparation
from cnnviz.training.recipe.recipe import Recipe, read_recipe, recipe_text, script_name
from cnnviz.ui.shared.show import plain
from cnnviz.ui.train.fields import channels_text

NETWORK, DATA, OPTIONS, PERMUTE, ORDER = "model", "dataset", "set", "permute", "order"
"""Parameters whose name is not the field's."""

_SAME_NAME = sorted({*RANGES, *CHOICES} - {"permutation_seed", "resize", "train_images"})
NAMES = (
    *(NETWORK, DATA, OPTIONS, PERMUTE, ORDER, "resize", "train_images", "mean", "deviation"),
    *_SAME_NAME,
    *(field.name for field in dataclasses.fields(Augmentation)),
)
"""All parameters that describe the recipe."""

Parameters = dict[str, str | list[str]]

_UPLOAD = "recipe-file"
_PROBLEM = "_recipe_problem"
_MOST_MEGABYTES = 1


def parameters(recipe: Recipe) -> Parameters:
    """The link's parameters that make the form show ``recipe``: network, data, and whatever differs from the
    course's recipe for them.

    Raises:
        UnknownKeyError: there is no such architecture or data set.
    """
    default = Recipe.default(recipe.architecture, dataset=recipe.dataset)
    usual = default.values()
    changed = {name: value for name, value in recipe.values().items() if value != usual[name]}
    found: Parameters = {NETWORK: recipe.architecture, DATA: recipe.dataset}
    found |= {name: str(changed[name]) for name in _SAME_NAME if name in changed}
    found |= {name: channels_text(changed[name]) for name in ("mean", "deviation") if name in changed}
    if "resize" in changed:
        found["resize"] = str(changed["resize"] or datasets.get(recipe.dataset).input_shape[1])
    if recipe.train_images is not None:
        found["train_images"] = str(recipe.train_images)
    return found | _options(recipe) | _preparation(recipe.preparation, default.preparation)


def _options(recipe: Recipe) -> Parameters:
    defaults = architectures.get(recipe.architecture).defaults
    options = [
        f"{name}={json.dumps(value)}" for name, value in recipe.options.items() if value != defaults.get(name)
    ]
    return {OPTIONS: options} if options else {}


def _preparation(preparation: ImagePreparation, usual: ImagePreparation) -> Parameters:
    """Of permutation and augmentation."""
    found: Parameters = {}
    if preparation.permutation_seed is not None:
        found |= {PERMUTE: "true", ORDER: str(preparation.permutation_seed)}
    changes, usual_changes = preparation.augmentation.to_dict(), usual.augmentation.to_dict()
    return found | {
        name: str(value).lower() for name, value in changes.items() if value != usual_changes[name]
    }


def put(values: Mapping[str, str | Sequence[str]]) -> None:
    """Replace the recipe in the link by these :func:`parameters`; for callbacks."""
    for name in NAMES:
        st.query_params.pop(name, None)
    st.query_params.update(values)


def address(values: Mapping[str, str | Sequence[str]]) -> str:
    """The whole address of the page with these parameters."""
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(values, doseq=True)}"


def share(recipe: Recipe | None) -> None:
    """Share, save and load: ``recipe`` is the form's, None if it is not valid."""
    with st.popover(_("Share, save, load"), icon=":material/ios_share:", width="stretch", key="recipe-files"):
        if recipe is not None:
            st.caption(_("Link to this filled-in form:"))
            st.code(address(parameters(recipe)), language=None, wrap_lines=True)
            st.download_button(
                _("Save the recipe"),
                recipe_text(recipe),
                file_name=f"{recipe.architecture}-{recipe.dataset}.recipe.json",
                mime="application/json",
                icon=":material/download:",
                key="save-recipe",
                on_click="ignore",
                width="stretch",
            )
            st.download_button(
                _("Save as a PyTorch script"),
                partial(script, recipe),  # written when somebody asks for it
                file_name=script_name(recipe),
                mime="text/x-python",
                icon=":material/code:",
                key="save-script",
                help=_(
                    "A single file without cnnviz: it trains with this recipe, and the same seed gives "
                    "the same losses."
                ),
                on_click="ignore",
                width="stretch",
            )
        st.file_uploader(
            _("Load a recipe: a file saved here, or a checkpoint's JSON file"),
            type="json",
            key=_UPLOAD,
            on_change=_load,
            max_upload_size=_MOST_MEGABYTES,
        )
    problem: Message | None = st.session_state.get(_PROBLEM)
    if problem is not None and st.session_state.get(_UPLOAD) is not None:
        st.error(plain(problem), icon=":material/error:")


def script(recipe: Recipe) -> str:
    """The recipe as a file of plain PyTorch."""
    from cnnviz.training.scripts.scripts import recipe_script

    return recipe_script(recipe)


def _load() -> None:
    """Put the uploaded recipe into the link, or remember why that failed."""
    st.session_state.pop(_PROBLEM, None)
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        put(parameters(read_recipe(file.getvalue())))
    except CnnvizError as error:
        st.session_state[_PROBLEM] = error.message
