"""The parts of the landing page. Imports no torch: this page comes before it is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.ui.home import card_links, sketch
from cnnviz.ui.home.card_links import Card, Link
from cnnviz.ui.shared.frame import ARCHITECTURE, DRAW, EVALUATE, FILTERS, TRAIN, is_dark, link


def trained(networks: Sequence[Architecture]) -> list[Architecture]:
    """Those whose trained weights come with cnnviz."""
    folder = settings().checkpoints_dir
    return [network for network in networks if (folder / f"{_checkpoint(network)}.json").is_file()]


def cards(networks: Sequence[Architecture]) -> None:
    """Trained networks, each with a picture of its idea and all the ways into it."""
    dark, described = is_dark(), _("The idea as a picture")
    card_links.show(
        [
            Card(
                name=network.key,
                heading=network.title,
                picture=sketch.picture(network.family, described, dark),
                about=str(network.idea),
                small=_small(network),
                links=_ways(network),
            )
            for network in networks
        ],
        key="trained",
    )


def short_cards(networks: Sequence[Architecture]) -> None:
    """Networks, each with its idea and the way to its shapes."""
    card_links.show(
        [
            Card(
                name=network.key,
                heading=Link(network.title, ARCHITECTURE, {"model": network.key}),
                about=str(network.idea),
                small=_small(network),
            )
            for network in networks
        ],
        key="others",
    )


def names(blocks: Sequence[Architecture]) -> None:
    """Only the ways to their shapes."""
    with st.container(horizontal=True, gap="small"):
        for block in blocks:
            link(ARCHITECTURE, block.title, model=block.key)


def _ways(network: Architecture) -> list[Link]:
    weights = {"checkpoint": _checkpoint(network)}
    if network.dataset == "mnist":
        last = Link(_("Draw for it"), DRAW, weights)
    else:
        last = Link(_("Evaluate"), EVALUATE, weights)
    return [
        Link(_("Shapes and reasons"), ARCHITECTURE, {"model": network.key}),
        Link(_("Train it"), TRAIN, {"model": network.key}),
        Link(_("Filters"), FILTERS, weights),
        last,
    ]


def _checkpoint(architecture: Architecture) -> str:
    return f"{architecture.key}-{architecture.dataset}"


def _small(network: Architecture) -> list[str]:
    """Its paper and its sizes."""
    return [str(network.paper), _facts(network)]


def _facts(architecture: Architecture) -> str:
    channels, height, width = architecture.input_shape
    size = _("Input {channels} x {height} x {width}", channels=channels, height=height, width=width)
    if architecture.classes is None:
        return size
    return size + " · " + _("{classes} classes", classes=architecture.classes)
