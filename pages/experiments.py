"""The course's arguments, each put to the test."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.experiments import experiment, experiment_run
from cnnviz.ui.shared.callbacks import answer
from cnnviz.ui.shared.frame import frame
from cnnviz.ui.shared.show import explained
from cnnviz.ui.train import owner, runs

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
    chosen = experiment.choose_experiment()
    shipped = experiment.show_shipped(chosen)
    answer()
    experiment_run.offer(chosen, shipped)
    experiment_run.show(chosen)
owner.remember()
