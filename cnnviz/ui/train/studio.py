"""Recipe and run side by side: what the Train page begins with, and a lesson shows."""

from __future__ import annotations

import streamlit as st

from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.polled import open_polled
from cnnviz.training.store.runs import Run
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.problems import answer_callbacks, explained
from cnnviz.ui.shared.query import query
from cnnviz.ui.train import choices, estimates, run_controls, runs, sharing, table, views


def show() -> tuple[Recipe | None, Run | None]:
    """The form with the button that starts a run, and the run that is watched beside it; returns both.

    Raises:
        CnnvizError: the store cannot be read.
    """
    settings, result = st.columns([1, 2.1], gap="medium")
    with settings, st.container(border=True, key="settings-recipe"):
        recipe = choices.choose_recipe()
        available = recipe is not None and offer_download(recipe.dataset)
        fits = recipe is None or estimates.show(recipe)
        pressed = choices.start(available and fits)
        sharing.share(recipe)
        if pressed and recipe is not None:
            with explained():
                runs.start(recipe)
                st.rerun()  # the menu takes the run along to the other pages, however soon it ends
    # On a phone the columns stand one below the other: a link to a run shows the run first.
    linked = runs.PARAMETER in query
    known = open_polled().list(table.PAGE)
    with result, st.container(key="linked-run" if linked else "latest-run"):
        answer_callbacks()
        run_controls.offer_undo()
        shown = runs.shown_run()
        views.show(known, shown, recipe)
    return recipe, shown
