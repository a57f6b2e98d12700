"""The course's arguments, each put to the test."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.experiments import results, running
from cnnviz.ui.shared import owner
from cnnviz.ui.shared.callbacks import answer
from cnnviz.ui.shared.frame import frame
from cnnviz.ui.shared.show import explained
from cnnviz.ui.train import runs

frame(Message("Experiments"))
runs.expect()
st.title(_("The course's arguments, put to the test"), anchor=False)
st.write(
    _(
        "Each is a claim, a few trainings that settle it, and one figure. The results of a full run are there at "
        "once; you may repeat it here, and see whether you get the same."
    )
)
with explained():
    chosen = results.choose_experiment()
    shipped = results.show_shipped(chosen)
    answer()
    running.offer(chosen, shipped)
    running.show(chosen)
owner.remember()
