"""The course's arguments, each put to the test."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.experiments import predicting, results, running
from cnnviz.ui.shared.frame import EXPERIMENTS, frame
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import answer_callbacks, explained
from cnnviz.ui.shared.words import say
from cnnviz.ui.train import runs

frame(Message("Experiments"), EXPERIMENTS)
runs.expect()
st.title(_("Testing the course's claims"), anchor=False)
say(
    _(
        "Each experiment is a claim, a few training runs that test it, and a figure. The results of a "
        "full run are included: predict them first, if you like, and repeat the run here to see whether you get the same."
    )
)
with explained():
    chosen = results.choose_experiment()
    shipped = predicting.show(chosen)
    answer_callbacks()
    running.offer(chosen, shipped)
    running.show(chosen)
remember_owner()
