"""Questions that are made from a network, checked at once and explained."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.exercises import answering, asking, board, handing_in
from cnnviz.ui.shared.frame import EXERCISES, frame
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say

frame(Message("Exercises"), EXERCISES)
st.title(_("Predict, then see"), anchor=False)
say(
    _(
        "Ten questions about a network. Work each out on paper first; if an answer is wrong, you are told what "
        "went wrong. The same link gives everybody the same questions."
    )
)
with explained():
    choice = asking.choose()
    with st.spinner(_("Making the questions ...")):
        questions = asking.questions(choice)
    if questions and board.is_wanted():
        board.show(choice, questions)
    elif questions:
        handing_in.hand_in(choice, answering.show(choice, questions))
        handing_in.offer_sheets(choice, questions)
    else:
        st.info(
            _("This network offers no question of this kind: choose another kind, level or network."),
            icon=":material/info:",
        )
    handing_in.check_codes()
remember_owner()
