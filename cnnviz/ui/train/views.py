"""The two views of runs: watch one, or compare several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Run
from cnnviz.ui.shared.views import View, choose_view
from cnnviz.ui.train import compare, curves
from cnnviz.ui.train.watch import watch


def _watch_one(_runs: Sequence[Run], shown: Run | None, recipe: Recipe | None) -> None:
    if shown is not None:
        watch(shown)
    else:
        st.info(_("No runs yet. Choose a network and press Start training."), icon=":material/info:")
        curves.before_the_first(recipe.epochs if recipe else 1)


VIEWS: Mapping[str, View[[Sequence[Run], Run | None, Recipe | None]]] = MappingProxyType(
    {
        "watch": View(Message("Watch one run"), _watch_one),
        "compare": View(Message("Compare runs"), lambda runs, _shown, _recipe: compare.compare(runs)),
    }
)


def show(runs: Sequence[Run], shown: Run | None, recipe: Recipe | None) -> None:
    """The view that the link names; there is nothing to choose before there are two ``runs``.

    ``shown`` is the run that is watched, ``recipe`` the one that the form holds.
    """
    view = VIEWS["watch"] if len(runs) < 2 else choose_view(VIEWS)
    view.show(runs, shown, recipe)
