"""Train a network and watch it learn."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import TRAIN, frame
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import answer_callbacks, explained
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import say
from cnnviz.ui.train import choices, estimates, run_controls, runs, sharing, table, views

frame(Message("Train a network"), TRAIN)
runs.expect()
st.title(_("Train a network"), anchor=False)
say(
    _(
        "To begin, press Start training and watch the curves. Training runs in a separate process: you can close this page, open it elsewhere or restart the "
        "server and still find the run again."
    )
)
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
with explained():
    known = open_store().list(table.PAGE)
    # On a phone the columns stand one below the other: a link to a run shows the run first.
    linked = runs.PARAMETER in query
    with result, st.container(key="linked-run" if linked else "latest-run"):
        answer_callbacks()
        run_controls.offer_undo()
        shown = runs.shown_run()
        views.show(known, shown, recipe)
    table.list_runs(shown, recipe)
remember_owner()
