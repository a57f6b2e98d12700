"""An assignment: ten questions with two mistakes, the code that is handed in, and the teacher's look at it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import overflow, settle
from benchmarks.serving import Server
from cnnviz.language import translate
from cnnviz.lessons.exercises.catalogue import KINDS
from cnnviz.lessons.exercises.question import Question, answer_text
from cnnviz.ui.exercises.asking import MIXED, Choice, questions
from tests.browser.conftest import PATIENCE_MS
from tests.speaking import spoken

SEED = 7
ASSIGNMENT = Choice(seed=SEED, level=1, kinds=tuple(KINDS), network=MIXED)
RIGHT = '.st-key-question [data-testid="stAlertContentSuccess"]'


def give(page: Page, number: int, question: Question, answer: str, lang: str) -> None:
    field = page.locator(f".st-key-answer-{number}")
    if question.form == "choice":
        with spoken(lang):
            shown = re.compile(rf"^\s*{re.escape(question.choice_text(answer))}\s*$")
        field.locator("label").filter(has_text=shown).click()
        page.locator(".st-key-check button").click()
    else:
        field.locator("input").fill(answer)
        field.locator("input").press("Enter")


def solve(page: Page, number: int, question: Question, lang: str, *, with_mistake: bool) -> None:
    if with_mistake:
        slip = question.slips[0]
        give(page, number, question, answer_text(slip.answer), lang)
        with spoken(lang):
            told = str(slip.sentence)
        expect(page.locator(".st-key-question")).to_contain_text(told[:20], timeout=PATIENCE_MS)
    give(page, number, question, answer_text(question.answer), lang)
    expect(page.locator(RIGHT)).to_be_visible(timeout=PATIENCE_MS)
    settle(page)
    assert overflow(page) == 0


@pytest.mark.parametrize(("lang", "screen"), [("en", "page"), ("zh", "phone")])
def test_ten_questions_a_code_and_the_teachers_look_at_it(
    server: Server, lang: str, screen: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(screen)
    page.goto(f"{server.url}/exercises?seed={SEED}&level=1&lang={lang}")
    with spoken(lang):
        asked = questions(ASSIGNMENT)
    assert len(asked) == 10
    mistaken = [number for number, question in enumerate(asked) if question.slips][:2]
    for number, question in enumerate(asked):
        with spoken(lang):
            start = re.split(r"[\n*`_<>\\]", str(question.prompt))[0][:24]
        expect(page.locator(".st-key-question h4")).to_contain_text(start, timeout=PATIENCE_MS)
        solve(page, number, question, lang, with_mistake=number in mistaken)
        if number < len(asked) - 1:
            page.locator(".st-key-next button").click()
    name = page.locator(".st-key-hand-in-name input")
    name.fill("Mia Wang")
    name.press("Tab")
    page.locator(".st-key-make-code button").click()
    code = page.locator(".st-key-hand-in code")
    expect(code).to_contain_text("cnnviz.", timeout=PATIENCE_MS)
    handed_in = code.inner_text()
    page.locator(".st-key-check-codes summary").click()
    field = page.locator(".st-key-handed-in textarea")
    field.fill(f"{handed_in}\n{handed_in[:-1]}")
    field.press("Control+Enter")
    with spoken(lang):
        refused = translate("Line {number}: {reason}", number=2, reason="")
    expect(page.locator(".st-key-check-codes")).to_contain_text(refused.strip(), timeout=PATIENCE_MS)
    table = page.locator('.st-key-check-codes [data-testid="stDataFrame"] table')
    expect(table).to_contain_text("Mia Wang", timeout=PATIENCE_MS)
    expect(table).to_contain_text("10 / 10")
    expect(table.get_by_text("8", exact=True).first).to_be_attached()  # without a mistake
    assert overflow(page) == 0
