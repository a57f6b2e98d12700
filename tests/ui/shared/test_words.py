from __future__ import annotations

from cnnviz.glossary import TERMS
from cnnviz.ui.shared.words import marked


def test_a_term_says_what_it_means_once_and_leads_to_the_glossary() -> None:
    meaning = str(TERMS["dilation"].meaning)
    assert marked("a <b> dilation, dilation 2") == (
        'a &lt;b&gt; <a class="cnnviz-term" href="glossary#dilation" target="_blank" rel="noopener" '
        f'aria-description="{meaning}">dilation</a>, dilation 2'
    )


def test_within_the_glossary_a_term_leads_to_its_entry_and_not_to_itself() -> None:
    html = marked("A pooling with a stride", but="pooling", here=True)
    assert html.startswith('A pooling with a <a class="cnnviz-term" href="#stride" aria-description=')
