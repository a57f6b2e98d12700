"""The parts of the landing page. Imports no torch: this page comes before it is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.ui import sketch
from cnnviz.ui.frame import ARCHITECTURE, DRAW, EVALUATE, FILTERS, TRAIN, is_dark, link

CARDS_A_ROW = 3


def is_shipped(architecture: Architecture) -> bool:
    """Whether trained weights of the network come with cnnviz, so that it can be drawn for at once."""
    return (settings().checkpoints_dir / f"{_checkpoint(architecture)}.json").is_file()


def cards(networks: Sequence[Architecture]) -> None:
    """Trained networks, each with a picture of its idea and all the ways into it."""
    for place, network in _places(networks):
        with place, st.container(border=True, height="stretch", key=f"card-{network.key}"):
            st.subheader(network.title, anchor=False)
            st.html(sketch.picture(network.family, _("The idea as a picture"), is_dark()))
            st.markdown(_told(network))
            st.space("stretch")
            with st.container(horizontal=True, gap="small"):
                link(ARCHITECTURE, _("Shapes and reasons"), model=network.key)
                link(TRAIN, _("Train it"), model=network.key)
                link(FILTERS, _("Filters"), checkpoint=_checkpoint(network))
                if network.dataset == "mnist":
                    link(DRAW, _("Draw for it"), checkpoint=_checkpoint(network))
                else:
                    link(EVALUATE, _("Evaluate"), checkpoint=_checkpoint(network))


def short_cards(networks: Sequence[Architecture]) -> None:
    """Networks, each with its idea and the way to its shapes."""
    for place, network in _places(networks):
        with place, st.container(border=True, height="stretch", gap="small", key=f"card-{network.key}"):
            link(ARCHITECTURE, f"**{network.title}**", model=network.key)
            st.markdown(_told(network))


def names(blocks: Sequence[Architecture]) -> None:
    """Only the ways to their shapes: thirty people open this page at once, and each element takes its time."""
    with st.container(horizontal=True, gap="small"):
        for block in blocks:
            link(ARCHITECTURE, block.title, model=block.key)


def _places(networks: Sequence[Architecture]) -> list[tuple[st.delta_generator.DeltaGenerator, Architecture]]:
    rows = [networks[first : first + CARDS_A_ROW] for first in range(0, len(networks), CARDS_A_ROW)]
    return [pair for row in rows for pair in zip(st.columns(CARDS_A_ROW), row, strict=False)]


def _checkpoint(architecture: Architecture) -> str:
    return f"{architecture.key}-{architecture.dataset}"


def _told(network: Architecture) -> str:
    """Its idea, and in small letters its paper and its sizes: one element in place of three."""
    small = (f":small[:gray[{line}]]" for line in (network.paper, _facts(network)))
    return "\n\n".join([str(network.idea), *small])


def _facts(architecture: Architecture) -> str:
    channels, height, width = architecture.input_shape
    size = _("Input {channels} x {height} x {width}", channels=channels, height=height, width=width)
    if architecture.classes is None:
        return size
    return size + " · " + _("{classes} classes", classes=architecture.classes)
