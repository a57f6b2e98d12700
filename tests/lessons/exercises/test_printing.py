"""A set on paper."""

from __future__ import annotations

from html import unescape

from cnnviz.language import set_language
from cnnviz.lessons.exercises.catalogue import COURSE, KINDS
from cnnviz.lessons.exercises.generating import questions
from cnnviz.lessons.exercises.printing import sheet
from tests.lessons.exercises.networks import source

ASKED = questions(7, 2, list(KINDS), COURSE, source)


def test_a_sheet_has_every_question_and_no_answer() -> None:
    page = unescape(sheet(ASKED, 2, 7, answers=False))
    assert "<h1>Exercises</h1>" in page
    assert "Set 7, level 2" in page
    assert page.count("<section>") == len(ASKED) == 10
    for number, asked in enumerate(ASKED, 1):
        assert f"{number}. {asked.prompt}" in page
        assert "\n".join(asked.given) in page
        assert str(asked.solution[-1]) not in page


def test_answers_come_with_their_derivation() -> None:
    page = unescape(sheet(ASKED, 2, 7, answers=True))
    for asked in ASKED:
        assert f"<b>{asked.text_of(asked.answer)}</b>" in page
        assert all(str(line) in page for line in asked.solution)


def test_a_sheet_speaks_the_readers_language() -> None:
    set_language("zh")
    try:
        page = sheet(ASKED, 2, 7, answers=False)
    finally:
        set_language("en")
    assert 'lang="zh-CN"' in page
    assert "<h1>练习</h1>" in page
