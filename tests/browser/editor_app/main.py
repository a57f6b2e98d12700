"""A page with an editor and a table of its lines, for ``test_editor.py``, and a link to another page."""

from __future__ import annotations

import time

import streamlit as st
from sample import FIRST, TIDY, WRONG

from cnnviz.ui.shared import editor, markup
from cnnviz.ui.shared.frame import accent, is_dark


def mend() -> None:
    """Put in what the failing line should be."""
    editor.replace("own-code", editor.current("own-code").replace("1408", "2200"))


st.set_page_config(page_title="Editor", layout="wide")
st.html(markup.style_sheet(is_dark(), accent=accent()))
st.page_link("pages/other.py", label="Away")
shown = st.toggle("Shown", value=True)
st.button("Mend it", on_click=mend)
time.sleep(float(st.query_params.get("slow", "0")))
if shown:
    text = editor.current("own-code", FIRST)
    lines = list(enumerate(text.splitlines(), 1))
    marks = [editor.Mark(number, WRONG) for number, line in lines if "1408" in line]
    marks += [editor.Mark(number, TIDY, "remark") for number, line in lines if line.endswith(" ")]
    editor.edit("own-code", FIRST, marks, label="Code of the network")
    rows = "".join(
        f'<tr data-line="{number}"><td>{line.strip().partition("(")[0]}</td></tr>'
        for number, line in lines
        if "(x)" in line or "(1)" in line
    )
    st.html(f'<div class="cnnviz-table"><table><tr><th>Row</th></tr>{rows}</table></div>')
    with st.container(key="read"):
        st.text(text)
    with st.container(key="length"):
        st.text(f"{len(text)}")
