"""What leaves the Train page and comes back: a recipe as link, file or script, and a run's weights as files."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cnnviz import architectures, datasets
from cnnviz.bounded import kept
from cnnviz.classroom.controls import Control
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.augmentation import Augmentation
from cnnviz.training.recipe.fields import CHOICES, RANGES
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe, read_recipe, recipe_text, script_name
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared import controls
from cnnviz.ui.shared.background import one_thread_an_operation, with_bar
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.own_networks import keep_of
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.uploads import check_upload, most_megabytes, tell_refused
from cnnviz.ui.shared.words import caption
from cnnviz.ui.train import runs
from cnnviz.ui.train.choices import DATA, NETWORK, OPTIONS, ORDER, PERMUTE, channels_text

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
_CODE_HEIGHT = 320
_MEGABYTE = 1_000_000
"""In bytes, as the browser counts when a file is chosen; the server itself counts 2**20."""


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
    query.change(values, forget=NAMES)


def address(values: Mapping[str, str | Sequence[str]]) -> str:
    """The whole address of the page with these parameters."""
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(values, doseq=True)}"


@controls.offers(Control.SHARING)
def share(recipe: Recipe | None) -> None:
    """Share, save and load: ``recipe`` is the form's, None if it is not valid."""
    with st.popover(_("Share, save, load"), icon=":material/ios_share:", width="stretch", key="recipe-files"):
        if recipe is not None:
            caption(_("Link to this filled-in form:"))
            st.code(address(parameters(recipe)), language=None, wrap_lines=True)
            save_button(
                _("Save the recipe"),
                recipe_text(recipe),
                f"{recipe.architecture}-{recipe.dataset}.recipe.json",
                mime="application/json",
                key="save-recipe",
                width="stretch",
            )
            save_button(
                _("Save as a PyTorch script"),
                partial(script, recipe),
                script_name(recipe),
                mime="text/x-python",
                icon=":material/code:",
                key="save-script",
                help=_(
                    "A single file without cnnviz: it trains with this recipe, and the same seed gives "
                    "the same losses."
                ),
                width="stretch",
            )
            save_button(
                _("Save as a Jupyter notebook"),
                partial(notebook, recipe),
                script_name(recipe).replace(".py", ".ipynb"),
                mime="application/x-ipynb+json",
                icon=":material/menu_book:",
                key="save-notebook",
                help=_("The same in cells, with explanations: it runs from top to bottom without cnnviz."),
                width="stretch",
            )
        if controls.offered(Control.UPLOADS):
            st.file_uploader(
                _("Load a recipe: a file saved here, or a checkpoint's JSON file"),
                type="json",
                key=_UPLOAD,
                on_change=_load,
                max_upload_size=_MOST_MEGABYTES,
            )
            tell_refused(_UPLOAD)
    problem: Message | None = st.session_state.get(_PROBLEM)
    if problem is not None and st.session_state.get(_UPLOAD) is not None:
        st.error(plain(problem), icon=":material/error:")


def script(recipe: Recipe) -> str:
    """The recipe as a file of plain PyTorch."""
    from cnnviz.training.scripts.scripts import recipe_script

    return recipe_script(recipe)


def notebook(recipe: Recipe) -> str:
    """The recipe as a Jupyter notebook of plain PyTorch."""
    from cnnviz.training.scripts.notebooks import recipe_notebook

    return recipe_notebook(recipe)


def _load() -> None:
    """Put the uploaded recipe into the link, or remember why that failed."""
    st.session_state.pop(_PROBLEM, None)
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        controls.need(Control.UPLOADS)
        check_upload(file.size)
        recipe = read_recipe(file.getvalue())
        keep_of(recipe)
        put(parameters(recipe))
    except CnnvizError as error:
        st.session_state[_PROBLEM] = error.message


@controls.offers(Control.EXPORT)
def download_weights(checkpoint_id: str) -> None:
    """The checkpoint's files, and the code that loads them."""
    with st.popover(_("Weights"), icon=":material/download:", key="tool-weights"), explained():
        checkpoint = checkpoints.get(checkpoint_id)
        name = f"{checkpoint.architecture}-{checkpoint.dataset}-{checkpoint.id}"
        script = _loading_script(checkpoint.id, checkpoint.sha256, f"{name}.safetensors")
        with st.container(horizontal=True, gap="small"):
            # read when somebody asks for it: some weights have hundreds of megabytes
            _download(_("Weights"), "weights", lambda: checkpoint.file().read_bytes(), f"{name}.safetensors")
            facts = checkpoint.weights.with_suffix(".json")
            _download(_("Metadata"), "facts", facts.read_bytes, f"{name}.json")
            _download(_("Code"), "code", lambda: script.encode(), f"load_{name.replace('-', '_')}.py")
        caption(
            _(
                "The code needs torch and safetensors but not cnnviz: `pip install torch safetensors`. "
                "The metadata file contains the recipe, the figures and a checksum."
            )
        )
        if (weights := checkpoint.file()).exists():
            caption(_uploadable(weights.stat().st_size))
        st.code(script, language="python", height=_CODE_HEIGHT)


def _uploadable(size: int) -> str:
    """Whether weights of ``size`` bytes could be uploaded here again."""
    limit = most_megabytes()
    if size <= limit * _MEGABYTE:
        return _("With the metadata file, you can upload the weights again.")
    return _(
        "The weights have {size:,} MB and cannot be uploaded again, because this server accepts files "
        "of up to {limit:,} MB. The administrator can change the limit: server.maxUploadSize.",
        size=math.ceil(size / _MEGABYTE),
        limit=limit,
    )


@kept
def _loading_script(checkpoint_id: str, sha256: str, file: str) -> str:
    from cnnviz.training.scripts.scripts import loading_script

    return loading_script(checkpoints.get(checkpoint_id), file)


def _download(label: str, key: str, read: Callable[[], bytes], name: str) -> None:
    save_button(label, read, name, mime="application/octet-stream", key=f"download-{key}")


@controls.offers(Control.UPLOADS)
def upload_weights(recipe: Recipe | None) -> None:
    """Upload weights; without a JSON file they are assumed to fit the form's ``recipe``."""
    with st.popover(_("Upload weights"), icon=":material/upload:", key="upload-weights"):
        files = st.file_uploader(
            _("A .safetensors file, with its .json if there is one"),
            type=["safetensors", "json"],
            accept_multiple_files=True,
            key="upload-files",
            max_upload_size=most_megabytes(),
        )
        tell_refused("upload-files")
        caption(
            _(
                "Without a JSON file, the form specifies the network and the image preparation. Names, "
                "shapes and values are checked, and the accuracy is measured on the test images."
            )
        )
        wanted = st.button(_("Check and save"), key="keep-upload", disabled=not files)
    if wanted:
        with explained():
            _keep(files, recipe)


def _keep(files: list[UploadedFile], recipe: Recipe | None) -> None:
    controls.need(Control.UPLOADS)
    from cnnviz.training.checkpoints.uploading import keep_upload, read_upload

    for file in files:
        check_upload(file.size)
    weights = [file for file in files if file.name.endswith(".safetensors")]
    facts = [file for file in files if file.name.endswith(".json")]
    if len(weights) != 1 or len(facts) > 1:
        raise UsageError(Message("Choose one .safetensors file and at most one matching .json file."))
    upload = read_upload(
        weights[0].name, weights[0].getvalue(), facts[0].getvalue() if facts else None, recipe
    )
    runs.check([])
    keep_of(upload.recipe)
    one_thread_an_operation()
    text = _("Measuring the accuracy on the test images ...")
    run_id = with_bar(lambda show: keep_upload(open_store(), upload, owner(), show), lambda _part: text)
    runs.show(run_id)
    st.rerun()
