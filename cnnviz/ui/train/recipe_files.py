"""Taking a recipe along: as a link, as a file; and bringing a file back into the form."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.recipe.recipe_file import read_recipe, recipe_text, script_name
from cnnviz.ui.shared.show import plain
from cnnviz.ui.train import recipe_link

_UPLOAD = "recipe-file"
_PROBLEM = "_recipe_problem"
_MOST_MEGABYTES = 1


def share(recipe: Recipe | None) -> None:
    """What may be done with the recipe in the form (None: there is none that can be trained by)."""
    with st.popover(_("Share, save, load"), icon=":material/ios_share:", width="stretch", key="recipe-files"):
        if recipe is not None:
            st.caption(_("A link that fills in the form like this:"))
            st.code(recipe_link.address(recipe_link.parameters(recipe)), language=None, wrap_lines=True)
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
                    "One file that needs no cnnviz: it trains by this recipe, with the same losses for the same seed."
                ),
                on_click="ignore",
                width="stretch",
            )
        st.file_uploader(
            _("Load a recipe: a file that was saved here, or the JSON of a checkpoint"),
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
    from cnnviz.training.scripts.recipe_script import recipe_script

    return recipe_script(recipe)


def _load() -> None:
    """Bring the uploaded recipe into the link, or remember why not."""
    st.session_state.pop(_PROBLEM, None)
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        recipe_link.put(recipe_link.parameters(read_recipe(file.getvalue())))
    except CnnvizError as error:
        st.session_state[_PROBLEM] = error.message
