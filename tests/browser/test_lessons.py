"""A whole lesson on a phone in both languages, its progress after a reload, and its steps on a projector."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import overflow, settle
from benchmarks.serving import Server
from cnnviz.language import translate
from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.asking import checked
from cnnviz.lessons.course.lesson import Step
from cnnviz.lessons.exercises.question import Question, answer_text
from cnnviz.ui.exercises.asking import source_of
from tests.browser.conftest import PATIENCE_MS
from tests.speaking import spoken

LESSON, BATCHES = (
    next(lesson for lesson in shelf.shipped() if lesson.key == key)
    for key in ("linear", "batch-normalisation")
)
SUCCESS = '.st-key-left-lesson-question [data-testid="stAlertContentSuccess"]'


def answer(page: Page, question: Question) -> None:
    right = answer_text(question.answer)
    if question.form == "choice":
        page.locator(".st-key-lesson-answer label").filter(
            has_text=re.compile(rf"^\s*{re.escape(right)}\s*$")
        ).click()
        page.locator(".st-key-check button").click()
    else:
        field = page.locator(".st-key-lesson-answer input")
        field.fill(right)
        field.press("Enter")


def work(page: Page, step: Step, lang: str) -> None:
    with spoken(lang):
        title = translate(step.title.text)
        question = None if step.question is None else checked(step.question, source_of)
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_in_viewport(timeout=PATIENCE_MS)
    if question is not None:
        answer(page, question)
        expect(page.locator(SUCCESS)).to_be_visible(timeout=PATIENCE_MS)
    if step.view is not None:
        expect(page.locator(".st-key-lesson-open-page")).to_be_visible(timeout=PATIENCE_MS)
    settle(page)
    assert overflow(page) == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_whole_lesson_on_a_phone(server: Server, phone: Page, lang: str) -> None:
    phone.goto(f"{server.url}/lessons?lang={lang}")
    with spoken(lang):
        again, done = translate("Look again"), translate("done")
    phone.locator(".st-key-lesson-linear a").click()
    for number, step in enumerate(LESSON.steps, 1):
        work(phone, step, lang)
        if number < len(LESSON.steps):
            phone.locator(".st-key-lesson-next button").click()
            expect(phone).to_have_url(re.compile(rf"\bstep={number + 1}\b"), timeout=PATIENCE_MS)
    phone.reload()
    expect(phone.locator(SUCCESS)).to_be_visible(
        timeout=PATIENCE_MS
    )  # of the last step, which the browser has kept
    phone.goto(f"{server.url}/lessons?lang={lang}")
    card = phone.locator(".st-key-lesson-linear")
    expect(card.get_by_role("link", name=again)).to_be_visible(timeout=PATIENCE_MS)
    expect(card).to_contain_text(done)


def test_arrows_lead_from_step_to_step_on_a_projector(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/lessons?lesson=batch-normalisation&step=2&present=1")
    place = page.locator(".present .place")
    expect(place).to_have_text("1 of 3", timeout=PATIENCE_MS)
    for number in (2, 3):
        page.keyboard.press("ArrowRight")
        expect(place).to_have_text(f"{number} of 3")
    expect(page.get_by_text("What you should have seen")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"\bstep=3\b"), timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name=BATCHES.steps[2].title.text)).to_be_visible(timeout=PATIENCE_MS)
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"\bstep=2\b"), timeout=PATIENCE_MS)
    expect(place).to_have_text("3 of 3", timeout=PATIENCE_MS)
