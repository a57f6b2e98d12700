"""The ways into cnnviz by what one wants to do, and how to look into one's own network.

Like the cards it imports no torch.
"""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.ui.home.home import Card, Link, show
from cnnviz.ui.shared.carried import NEW
from cnnviz.ui.shared.frame import (
    ARCHITECTURE,
    CONVOLUTION,
    DRAW,
    EXPERIMENTS,
    FILTERS,
    LESSONS,
    TRAIN,
    link,
)
from cnnviz.ui.shared.words import caption

_WHY = {"model": "inception-mini", "view": "why"}
_COMMANDS = """python -m cnnviz summary mynet.py:Net --input 1,28,28
python -m cnnviz why mynet.py:Net --input 1,28,28"""
_IN_PYTHON = """import cnnviz

print(cnnviz.trace(model, (1, 28, 28)))"""


def jobs() -> None:
    """What cnnviz does, a line each, with ways to what people come with."""
    error = Link(_("I have an error message"), ARCHITECTURE, {"view": "error"}, ":material/healing:")
    show(
        [
            Card(
                "shapes",
                Link(_("Read shapes"), ARCHITECTURE),
                _("Every layer's output shape and parameter count, of a known network or of your own."),
                links=[Link(_("My network"), ARCHITECTURE, {"model": NEW}, ":material/code:")],
            ),
            Card(
                "why",
                Link(_("See why"), ARCHITECTURE, _WHY, ":material/calculate:"),
                _("Where a number such as the 1408 in Linear(1408, 10) comes from, step by step."),
                links=[error],
            ),
            Card(
                "train",
                Link(_("Train"), TRAIN),
                _("Watch the curves live, pause, change the learning rate, compare."),
                links=[Link(_("Experiments"), EXPERIMENTS)],
            ),
            Card(
                "inside",
                Link(_("Look inside"), FILTERS),
                _("Filters, feature maps, and the arithmetic of every pixel."),
                links=[Link(_("What is a convolution?"), CONVOLUTION)],
            ),
            Card(
                "draw",
                Link(_("Draw"), DRAW),
                _("See what every network makes of your handwriting."),
                links=[Link(_("Lessons"), LESSONS)],
            ),
        ],
        key="jobs",
        look="rows",
    )


def own_network() -> None:
    """How to look into one's own network: here, or in one's own terminal."""
    # Its text is sent once it is opened: what colours code is a file of 1.6 MB, which nobody should wait for.
    opened = st.expander(_("Your own network"), key="own-network", on_change="rerun")
    if opened.open:
        with opened:
            _own_network()


def _own_network() -> None:
    st.write(
        _(
            "Paste its code on the Architecture page: what it gives appears as you type, and then you can train it, "
            "look at its filters and draw for it. The code is only read there, never executed."
        )
    )
    link(ARCHITECTURE, _("Paste your network"), model=NEW)
    st.write(
        _(
            "In a terminal, Python itself runs your file. Run these two lines with its path, your class and your "
            "input size (channels, height, width). The first prints the shape and the parameters of every layer, "
            "the second where the numbers come from. If the network fails, both say at which layer and how "
            "to fix it."
        )
    )
    st.code(_COMMANDS, language="bash", wrap_lines=True)
    st.write(_("Or in a notebook, with a model that you have already built:"))
    st.code(_IN_PYTHON, language="python", wrap_lines=True)
    caption(_("In a terminal and in a notebook your code runs on your own machine."))
