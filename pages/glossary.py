"""What the terms mean, in the words of a textbook. Imports no torch."""

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.glossary import entries
from cnnviz.ui.shared.frame import GLOSSARY, frame

frame(Message("Glossary"), GLOSSARY)
st.title(_("Glossary"), anchor=False)
st.write(
    _(
        "The terms of these pages, each in a sentence or two. Elsewhere they are underlined with dots: point at one, or "
        "reach it with the Tab key, to read what it means."
    )
)
entries.show()
