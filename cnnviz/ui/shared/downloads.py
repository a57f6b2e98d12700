"""Data sets and pretrained weights: choose a data set, and fetch with a button what is not on this machine yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from cnnviz import datasets
from cnnviz.classroom.controls import Control
from cnnviz.datasets import DatasetInfo
from cnnviz.interpret import pretrained
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared import controls
from cnnviz.ui.shared.background import with_bar
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.problems import explained

_MEGABYTE = 1e6


def choose_data_set(
    offered: Sequence[str], default: str | None = None, label: str | None = None, forget: Sequence[str] = ()
) -> DatasetInfo:
    """The data set in the link, one of those whose keys are ``offered``; another one forgets parameters of the link."""
    chosen = choose_one(
        label or _("Data set"),
        offered,
        key="dataset",
        kind=Message("data set"),
        title=lambda key: datasets.get(key).title,
        default=default,
        forget=forget,
    )
    return datasets.get(chosen)


def offer_download(key: str) -> bool:
    """Whether the data set is there; where it is not, say so and offer to download it."""
    if datasets.is_available(key):
        return True
    info = datasets.get(key)
    size = info.download_bytes / _MEGABYTE
    place = st.empty()
    with place.container():
        st.warning(
            _(
                "{title} is not on this machine yet. The download is {size:.0f} MB.",
                title=info.title,
                size=size,
            ),
            icon=":material/cloud_download:",
        )
        wanted = st.button(_("Download {title}", title=info.title), key="download")
    if wanted:
        with explained():
            with_bar(
                lambda show: datasets.download(key, show),
                lambda part: _("{done:.1f} of {size:.1f} MB", done=part * size, size=size),
            )
        if datasets.is_available(key):
            place.empty()
            return True
    return False


@controls.offers(Control.EXPORT)
def save_button(
    label: str, data: str | bytes | Callable[[], str | bytes], file_name: str, *, key: str, **look: Any
) -> None:
    """A button with which a person saves a file; what makes its content is called when somebody asks for it.

    ``look`` are ``st.download_button``'s own settings.
    """
    look = {"icon": ":material/download:", **look}
    st.download_button(
        label,
        _asked(data) if callable(data) else data,
        file_name=file_name,
        key=key,
        on_click="ignore",
        **look,
    )


def _asked(make: Callable[[], str | bytes]) -> Callable[[], str | bytes]:
    """``make``, for those who may save files when they ask for it."""

    def made() -> str | bytes:
        controls.need(Control.EXPORT)
        return make()

    return made


def offer_weights(model: str) -> bool:
    """Whether the pretrained weights of ``model`` can be loaded; where they must be downloaded first, offer that."""
    with explained():
        if pretrained.is_downloaded(model):
            return True
        found = pretrained.get(model)
        st.info(
            _(
                "{title} was trained on the 1.3 million photographs and 1,000 classes of ImageNet. Its "
                "weights come from torchvision ({megabytes:,.0f} MB) and are kept on this machine.",
                title=found.title,
                megabytes=found.megabytes,
            ),
            icon=":material/cloud_download:",
        )
        if st.button(_("Download"), key="download", icon=":material/download:", type="primary"):
            with_bar(
                lambda show: pretrained.download(model, show),
                lambda part: _(
                    "Downloading {title}: {done:,.1f} of {megabytes:,.1f} MB",
                    title=found.title,
                    done=part * found.megabytes,
                    megabytes=found.megabytes,
                ),
            )
            st.rerun()
    return False
