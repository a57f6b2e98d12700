"""Choosing a recipe: every field is kept in the link."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz import architectures, datasets
from cnnviz.architectures import Architecture
from cnnviz.datasets import DatasetInfo
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe import RANGES, Recipe
from cnnviz.ui.choice import choose_one
from cnnviz.ui.number import choose_number
from cnnviz.ui.show import explained, plain

_FIELD_WIDTH = 128  # two side by side, beside the curves as well as on a phone


def choose_recipe() -> Recipe | None:
    """The recipe that the widgets say; None, and the reason is on the page, where it is out of range."""
    network = architectures.get(
        choose_one(
            _("Network"),
            [known.key for known in architectures.registered() if _data_for(known)],
            key="model",
            kind=Message("The architecture"),
            title=lambda key: architectures.get(key).title,
        )
    )
    data = choose_one(
        _("Data"),
        [info.key for info in _data_for(network)],
        key="dataset",
        kind=Message("The data set"),
        title=lambda key: datasets.get(key).title,
    )
    st.caption(str(tested_on(datasets.get(data))))
    recipe = Recipe.default(network.key, dataset=data)
    notes = st.container()
    with st.container(horizontal=True):
        changes = _numbers(recipe, notes)
    if problems := _problems(recipe, changes):
        st.error("\n\n".join(plain(problem) for problem in problems), icon=":material/error:")
        return None
    return dataclasses.replace(recipe, **changes)


def tested_on(info: DatasetInfo) -> Message:
    """What a network is trained on, and what its test accuracy is measured on."""
    if info.part_of is None:
        return Message(
            "It learns from {train:,} images. The test accuracy is measured on the {test:,} test images of "
            "{title}, which it never learns from.",
            train=info.train_images,
            test=info.test_images,
            title=info.title,
        )
    return Message(
        "It learns from {train:,} images out of the training set of {whole}. The test accuracy is measured "
        "on {test:,} others of these, which it never learns from; the test images of {whole} are not used.",
        train=info.train_images,
        test=info.test_images,
        whole=datasets.get(info.part_of).title,
    )


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


def _data_for(architecture: Architecture) -> list[DatasetInfo]:
    wanted = (architecture.input_shape, architecture.classes)
    return [info for info in datasets.registered() if (info.input_shape, len(info.classes)) == wanted]


def _numbers(default: Recipe, notes: DeltaGenerator) -> dict[str, Any]:
    """The numbers of the recipe. The widgets have no limits: the recipe's own check says what is wrong
    with a number, in a link as well, where Streamlit would drop it without a word.
    """
    return {
        "epochs": _number(_("Epochs"), "epochs", default, notes, step=1),
        "batch_size": _number(_("Batch size"), "batch_size", default, notes, step=16),
        "learning_rate": _number(
            _("Learning rate"), "learning_rate", default, notes, step=0.005, format="%g"
        ),
        "momentum": _number(_("Momentum"), "momentum", default, notes, step=0.1, format="%g"),
        "seed": _number(_("Seed"), "seed", default, notes, step=1),
    }


def _problems(default: Recipe, changes: Mapping[str, Any]) -> list[str]:
    """What is wrong with each of the ``changes``; a recipe's own check stops at the first."""
    found = []
    for name, value in changes.items():
        try:
            dataclasses.replace(default, **{name: value}).validate()
        except UsageError as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def _number(label: str, name: str, default: Recipe, notes: DeltaGenerator, **options: Any) -> Any:
    limits = RANGES[name]
    usual = getattr(default, name)
    return choose_number(
        label,
        key=name,
        low=type(usual)(limits.low),
        high=type(usual)(limits.high),
        default=usual,
        limited=False,
        notes=notes,
        width=_FIELD_WIDTH,
        help=_("From {low:,} to {high:,}.", low=limits.low, high=limits.high),
        **options,
    )
