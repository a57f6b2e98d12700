"""The teacher's page: who is there, what runs, what the class may use."""

import streamlit as st

from cnnviz.classroom.limits import is_shared
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.frame import TEACHER, frame
from cnnviz.ui.shared.rights import is_teacher
from cnnviz.ui.teacher import desk

frame(Message("Teacher"), TEACHER)
st.title(_("Teacher"), anchor=False)
if not is_shared():
    desk.alone()
elif is_teacher():
    desk.desk()
else:
    desk.door()
