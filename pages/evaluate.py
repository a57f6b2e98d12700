"""How good a trained network is: on which images it fails, how sure it is of what it says."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.evaluate import views
from cnnviz.ui.shared.frame import EVALUATE, frame
from cnnviz.ui.shared.words import say

frame(Message("Evaluate"), EVALUATE)
st.title(_("How good is a network?"), anchor=False)
say(
    _(
        "A trained network is tested on every test image. See how often it is correct, what it "
        "confuses, where it fails, and whether its confidence matches its accuracy. Begin with the "
        "confusion matrix, and click a cell to see its images."
    )
)
views.show()
