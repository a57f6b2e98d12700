"""Data sets that are not on this machine yet: how large they are, and a button that fetches them."""

from __future__ import annotations

import streamlit as st

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.language import translate as _
from cnnviz.ui.shared.show import explained


def offer_download(key: str) -> bool:
    """Whether the data set is there; where it is not, say so and offer to download it."""
    if datasets.is_available(key):
        return True
    info = datasets.get(key)
    place = st.empty()
    with place.container():
        st.warning(
            _(
                "{title} is not on this machine yet. The download has {size:.0f} MB.",
                title=info.title,
                size=info.download_bytes / 1e6,
            ),
            icon=":material/cloud_download:",
        )
        wanted = st.button(_("Download {title}", title=info.title), key="download")
    if wanted:
        with explained():
            _download(info)
        if datasets.is_available(key):
            place.empty()
            return True
    return False


def _download(info: DatasetInfo) -> None:
    bar = st.progress(0.0)

    def show(part: float) -> None:
        text = _(
            "{done:.1f} of {size:.1f} MB",
            done=part * info.download_bytes / 1e6,
            size=info.download_bytes / 1e6,
        )
        bar.progress(part, text)

    try:
        datasets.download(info.key, show)
    finally:
        bar.empty()
