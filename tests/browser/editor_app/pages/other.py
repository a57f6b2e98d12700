"""A page to go to from the one with the editor, and back."""

from __future__ import annotations

import streamlit as st

st.title("Another page")
st.page_link("main.py", label="Back to the code")
