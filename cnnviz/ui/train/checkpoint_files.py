"""Download a run's weights, with plain PyTorch code that loads them; upload weights from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared import warm
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.show import explained
from cnnviz.ui.train import runs

_CODE_HEIGHT = 320
_MEGABYTE = 1_000_000
"""In bytes, as the browser counts when a file is chosen; the server itself counts 2**20."""


def take_home(checkpoint_id: str) -> None:
    """The checkpoint's files, and the code that loads them."""
    with st.popover(_("Weights"), icon=":material/download:", key="tool-weights"), explained():
        checkpoint = checkpoints.get(checkpoint_id)
        name = f"{checkpoint.architecture}-{checkpoint.dataset}-{checkpoint.id}"
        script = _script(checkpoint.id, checkpoint.sha256, f"{name}.safetensors")
        with st.container(horizontal=True, gap="small"):
            # read when somebody asks for it: some weights have hundreds of megabytes
            _download(_("Weights"), "weights", checkpoint.weights.read_bytes, f"{name}.safetensors")
            facts = checkpoint.weights.with_suffix(".json")
            _download(_("Metadata"), "facts", facts.read_bytes, f"{name}.json")
            _download(_("Code"), "code", lambda: script.encode(), f"load_{name.replace('-', '_')}.py")
        st.caption(
            _(
                "The code needs torch and safetensors but not cnnviz: `pip install torch safetensors`. "
                "The metadata file contains the recipe, the figures and a checksum."
            )
        )
        if checkpoint.weights.exists():
            st.caption(_uploadable(checkpoint.weights.stat().st_size))
        st.code(script, language="python", height=_CODE_HEIGHT)


def _uploadable(size: int) -> str:
    """Whether weights of ``size`` bytes could be uploaded here again."""
    limit = int(st.get_option("server.maxUploadSize"))
    if size <= limit * _MEGABYTE:
        return _("With the metadata file, you can upload the weights again.")
    return _(
        "The weights have {size:,} MB and cannot be uploaded again, because this server accepts files "
        "of up to {limit:,} MB. The administrator can change the limit: server.maxUploadSize.",
        size=math.ceil(size / _MEGABYTE),
        limit=limit,
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _script(checkpoint_id: str, sha256: str, file: str) -> str:
    from cnnviz.training.scripts.scripts import loading_script

    return loading_script(checkpoints.get(checkpoint_id), file)


def _download(label: str, key: str, read: Callable[[], bytes], name: str) -> None:
    st.download_button(
        label,
        read,
        file_name=name,
        mime="application/octet-stream",
        key=f"download-{key}",
        icon=":material/download:",
        on_click="ignore",
    )


def bring_along(recipe: Recipe | None) -> None:
    """Upload weights; without a JSON file they are assumed to fit the form's ``recipe``."""
    with st.popover(_("Upload weights"), icon=":material/upload:", key="upload-weights"):
        files = st.file_uploader(
            _("A .safetensors file, with its .json if there is one"),
            type=["safetensors", "json"],
            accept_multiple_files=True,
            key="upload-files",
        )
        st.caption(
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
    from cnnviz.training.checkpoints.uploading import keep_upload, read_upload

    weights = [file for file in files if file.name.endswith(".safetensors")]
    facts = [file for file in files if file.name.endswith(".json")]
    if len(weights) != 1 or len(facts) > 1:
        raise UsageError(Message("Choose one .safetensors file and at most one matching .json file."))
    upload = read_upload(
        weights[0].name, weights[0].getvalue(), facts[0].getvalue() if facts else None, recipe
    )
    warm.one_thread_an_operation()
    text = _("Measuring the accuracy on the test images ...")
    bar = st.progress(0.0, text)

    def show(part: float) -> None:
        bar.progress(part, text)

    try:
        run_id = keep_upload(open_store(), upload, owner(), show)
    finally:
        bar.empty()
    runs.show(run_id)
    st.rerun()
