"""The ways into cnnviz by question, and the two answers that the landing page gives itself.

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
    DATA,
    DRAW,
    EXPERIMENTS,
    FILTERS,
    HOME,
    TRAIN,
    link,
)

_LESSON = "lesson"
"""Anchor of the part of the page that one of the ways leads to."""

_COMMANDS = """python -m cnnviz summary mynet.py:Net --input 1,28,28
python -m cnnviz why mynet.py:Net --input 1,28,28"""
_IN_PYTHON = """import cnnviz

print(cnnviz.trace(model, (1, 28, 28)))"""


def questions() -> None:
    """What people come with, each a link to where it is answered."""
    show(
        [
            Card(
                "convolution",
                Link(_("What is a convolution?"), CONVOLUTION),
                _("Watch a kernel slide over an image and follow every product."),
            ),
            Card(
                "error",
                Link(_("I have an error message"), ARCHITECTURE, {"view": "error"}, ":material/healing:"),
                _("Paste it, and read what it means and how to fix it."),
            ),
            Card(
                "own-network",
                Link(_("My network"), ARCHITECTURE, {"model": NEW}, ":material/code:"),
                _("Paste your PyTorch code, working or not: its shapes, why it fails, and how to mend it."),
            ),
            Card(
                "lesson",
                Link(_("Give a lesson"), HOME, icon=":material/school:", section=_LESSON),
                _("Links to show a class, in order, ready for the projector."),
            ),
            Card(
                "draw",
                Link(_("Draw a digit"), DRAW),
                _("See what every network makes of your handwriting."),
            ),
        ],
        key="questions",
        level=2,
        narrow=True,
    )


def own_network() -> None:
    """How to look into one's own network: here, or in one's own terminal."""
    st.header(_("Your own network"), anchor=False)
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
    st.caption(_("In a terminal and in a notebook your code runs on your own machine."))


def lesson() -> None:
    """An order in which to show cnnviz to a class."""
    st.header(_("A lesson"), anchor=_LESSON)
    st.write(
        _(
            "Show these pages in this order. Every choice is in the address: copy it from your browser, and "
            "your students see what you see."
        )
    )
    show([Card("lesson", _("From one pixel to a trained network"), "", links=_steps())], key="lesson")


def _steps() -> list[Link]:
    mini = {"model": "inception-mini", "view": "why"}
    return [
        Link(_("1. How a kernel slides over an image"), CONVOLUTION),
        Link(_("2. What a network learns from"), DATA),
        Link(_("3. Where the 1408 in Linear(1408, 10) comes from"), ARCHITECTURE, mini),
        Link(_("4. Why it fails for 32 x 32 pixels"), ARCHITECTURE, {**mini, "size": "32"}),
        Link(_("5. Train a network in a minute"), TRAIN, {"model": "basic-cnn", "dataset": "mnist-sample"}),
        Link(_("6. What its filters have learned"), FILTERS, {"checkpoint": "basic-cnn-mnist"}),
        Link(_("7. Draw a digit and see what each network says"), DRAW),
        Link(_("8. A claim of the course, put to the test"), EXPERIMENTS),
    ]
