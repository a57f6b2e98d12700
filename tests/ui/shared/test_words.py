from __future__ import annotations

import pytest

from cnnviz.glossary import TERMS
from cnnviz.language import Message, set_language
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import columns, help_of, marked


def test_a_term_says_what_it_means_once_and_leads_to_the_glossary() -> None:
    meaning = str(TERMS["dilation"].meaning)
    assert marked("a <b> dilation, dilation 2") == (
        'a &lt;b&gt; <a class="cnnviz-term" href="glossary#dilation" target="_blank" rel="noopener" '
        f'aria-description="{meaning}">dilation</a>, dilation 2'
    )


def test_within_the_glossary_a_term_leads_to_its_entry_and_not_to_itself() -> None:
    html = marked("A pooling with a stride", but="pooling", here=True)
    assert html.startswith('A pooling with a <a class="cnnviz-term" href="#stride" aria-description=')


@pytest.mark.parametrize(
    ("code", "label", "word"), [("en", "Kernel size", "kernel"), ("zh", "批大小", "批大小")]
)
def test_a_label_explains_its_terms_in_either_language(code: str, label: str, word: str) -> None:
    set_language(code)
    term = next(term for term in TERMS.values() if str(term.word) == word)
    assert help_of(label) == str(Message("**{term}**: {meaning}", term=word, meaning=plain(term.meaning)))


def test_what_says_no_term_has_no_help() -> None:
    assert help_of("Show") is None
    assert list(columns(["Show", "Epochs"])) == ["Epochs"]
