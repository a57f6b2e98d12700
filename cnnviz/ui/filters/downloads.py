"""Pretrained weights that are not on this machine yet: what they are, and a button that fetches them."""

from __future__ import annotations

import streamlit as st

from cnnviz.interpret import pretrained
from cnnviz.language import translate as _
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.show import explained


def ready(weights: Weights) -> bool:
    """Whether the weights can be loaded; where they must be downloaded first the page offers that."""
    if weights.key[0] != "pretrained":
        return True
    with explained():
        if pretrained.is_downloaded(weights.key[1]):
            return True
        _offer(pretrained.get(weights.key[1]))
    return False


def _offer(model: pretrained.Pretrained) -> None:
    st.info(
        _(
            "{title} learned to tell 1,000 kinds of things apart on the 1.3 million photographs of ImageNet. Its "
            "weights come from torchvision ({megabytes:,.0f} MB) and are kept on this machine.",
            title=model.title,
            megabytes=model.megabytes,
        ),
        icon=":material/cloud_download:",
    )
    if st.button(_("Download"), key="download", icon=":material/download:", type="primary"):
        _download(model)
        st.rerun()


def _download(model: pretrained.Pretrained) -> None:
    bar = st.progress(0.0, _("Download of {title}", title=model.title))

    def show(part: float) -> None:
        text = _(
            "Download of {title}: {done:,.1f} of {megabytes:,.1f} MB",
            title=model.title,
            done=part * model.megabytes,
            megabytes=model.megabytes,
        )
        bar.progress(part, text)

    try:
        pretrained.download(model.name, show)
    finally:
        bar.empty()
