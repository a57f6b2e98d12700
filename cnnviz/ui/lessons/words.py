"""The words of a lesson on the screen, in the person's language where the catalogue knows them."""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate
from cnnviz.lessons.course.lesson import Text


def written(text: Text) -> str:
    """The words in the current language: Markdown."""
    return translate(text.text)


def write(text: Text) -> None:
    """Write the words; HTML in them stands there as it is written."""
    st.markdown(written(text))
