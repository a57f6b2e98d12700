"""Words that explain themselves: a term of the glossary says what it means under the pointer and with the focus."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import streamlit as st

from cnnviz import glossary
from cnnviz.glossary import Term
from cnnviz.language import DEFAULT_LANGUAGE, language
from cnnviz.language import translate as _
from cnnviz.ui.shared.problems import plain


def say(sentence: str) -> None:
    """Write a ``sentence`` in which terms explain themselves; it is plain text, no Markdown."""
    st.html(f'<p class="cnnviz-say">{marked(sentence)}</p>')


def marked(sentence: str, but: str = "", here: bool = False) -> str:
    """HTML of a plain ``sentence``: each term, where it occurs first, says what it means, and leads to the glossary.

    ``but`` is the key of a term that is left as it is; ``here`` says that the page is the glossary itself.
    """
    written, place = [], 0
    for found in glossary.find(sentence):
        if found.term.key != but:
            written += [
                escape(sentence[place : found.start]),
                _word(sentence[found.start : found.end], found.term, here),
            ]
            place = found.end
    return "".join((*written, escape(sentence[place:])))


def help_of(label: str) -> str | None:
    """What the terms in the label of a widget mean, as its help (Markdown); None where there is no term in it."""
    found = [found.term for found in glossary.find(label)]
    told = [_("**{term}**: {meaning}", term=plain(term.word), meaning=plain(term.meaning)) for term in found]
    return "\n\n".join(told) or None


def caption(text: str, **look: Any) -> None:
    """``st.caption`` of a ``text`` (Markdown), with a sign that explains the terms in it; ``look`` are its settings."""
    st.caption(text, **{"help": help_of(text), **look})


def metric(label: str, value: str, **look: Any) -> None:
    """``st.metric``, whose label explains itself; ``look`` are its settings."""
    st.metric(label, value, **{"help": help_of(label), **look})


def columns(titles: Iterable[str]) -> dict[str, Any]:
    """Settings of the columns of ``st.dataframe`` whose ``titles`` say a term: they explain it."""
    helps = {title: help_of(title) for title in titles}
    return {title: st.column_config.Column(help=told) for title, told in helps.items() if told}


def meaning(key: str) -> str:
    """What the term means, for the help of a widget whose label says it."""
    return str(glossary.TERMS[key].meaning)


def _word(text: str, term: Term, here: bool) -> str:
    # In a tab of its own: a page that is left loses what was not in its link.
    place = f'href="#{term.key}"' if here else f'href="{_page()}#{term.key}" target="_blank" rel="noopener"'
    return f'<a class="cnnviz-term" {place} aria-description="{escape(str(term.meaning))}">{escape(text)}</a>'


def _page() -> str:
    return "glossary" if language() == DEFAULT_LANGUAGE else f"glossary?lang={language()}"
