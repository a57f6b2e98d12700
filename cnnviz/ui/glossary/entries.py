"""The entries of the glossary, those that a search finds, and the way to the one that a link names."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from cnnviz.glossary import SUBJECTS, Term
from cnnviz.language import translate as _
from cnnviz.ui.shared.link_state import choose_text
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.words import marked

_anchor = in_browser(Path(__file__).parent / "anchor", ["anchor"])


def show() -> None:
    """The search, and what it finds."""
    with st.container(width=420):
        wanted = choose_text(
            _("Search"),
            key="search",
            default="",
            placeholder=_("A word, such as stride"),
            icon=":material/search:",
            label_visibility="collapsed",
        )
    found = [(subject, chosen) for subject in SUBJECTS if (chosen := matching(subject.terms, wanted))]
    if not found:
        st.info(_("Nothing in the glossary contains these words."), icon=":material/search_off:")
    for subject, chosen in found:
        st.header(str(subject.title), anchor=False)
        st.html(f'<dl class="cnnviz-entries">{"".join(map(_entry, chosen))}</dl>')
    _anchor(data=wanted, key="anchor")


def matching(terms: Sequence[Term], wanted: str) -> list[Term]:
    """Those of ``terms`` that say every word of ``wanted``, in English or in the current language."""
    words = wanted.lower().split()
    return [term for term in terms if all(word in _text(term) for word in words)]


def _text(term: Term) -> str:
    return " ".join((str(term.word), str(term.meaning), term.word.template, *term.forms)).lower()


def _entry(term: Term) -> str:
    """One term with an address of its own; in Chinese its English word stands beside it."""
    word, english = str(term.word), term.word.template
    other = "" if english in word else f' <span class="cnnviz-note" lang="en">{escape(english)}</span>'
    return (
        f'<div id="{term.key}"><dt><a href="#{term.key}">{escape(word)}</a>{other}</dt>'
        f"<dd>{marked(str(term.meaning), but=term.key, here=True)}</dd></div>"
    )
