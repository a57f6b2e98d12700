"""The course's path: lessons with the app's own views in them, a step at a time."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.lessons import embedded, listing, progress
from cnnviz.ui.lessons.words import written
from cnnviz.ui.shared.frame import LESSONS, frame, link
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import say

frame(Message("Lessons"), LESSONS)
query.embed(None)
embedded.come_back()
lesson = listing.named()
if lesson is None:
    st.title(_("Lessons"), anchor=False)
    say(
        _(
            "About ten minutes each: read a little, predict what will happen, then see it in the app itself. Your "
            "progress stays in this browser."
        )
    )
    listing.show()
    progress.keep()
else:
    from cnnviz.ui.lessons import steps, taking  # which import torch; the list does without

    with st.container(key="settings-all-lessons", horizontal=True, vertical_alignment="center"):
        link(LESSONS, _("All lessons"))
        taking.offer(lesson)
    st.title(written(lesson.title), anchor=False)
    progress.keep(steps.show(lesson))
remember_owner()
