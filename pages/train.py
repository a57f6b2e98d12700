"""Train a network and watch it learn."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.frame import TRAIN, frame
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say
from cnnviz.ui.train import runs, studio, table

frame(Message("Train a network"), TRAIN)
runs.expect()
st.title(_("Train a network"), anchor=False)
say(
    _(
        "To begin, press Start training and watch the curves. Training runs in a separate process: you can close this page, open it elsewhere or restart the "
        "server and still find the run again."
    )
)
with explained():
    recipe, shown = studio.show()
    table.list_runs(shown, recipe)
remember_owner()
