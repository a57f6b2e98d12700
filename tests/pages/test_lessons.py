"""Every lesson of the course, step by step: its view is there, its question takes the right answer and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.asking import checked
from cnnviz.lessons.course.lesson import Lesson, Step
from cnnviz.lessons.exercises.question import Question, answer_text
from cnnviz.ui.exercises.asking import source_of
from cnnviz.ui.lessons.progress import Progress
from cnnviz.ui.shared import classroom
from tests.pages.conftest import OpenPage

OWN = """
title = "Mine"
minutes = 3
goal = "<script>alert(1)</script> **bold**"
[[steps]]
title = "One"
text = "A step of *mine*."
"""


def keyed(app: AppTest, key: str) -> bool:
    return any(button.key == key for button in app.button)


def is_shown(app: AppTest) -> bool:
    return keyed(app, "lesson-open-page")


def reply(app: AppTest, text: str, question: Question) -> None:
    if question.form == "choice":
        app.radio(key="lesson-answer").set_value(text).run()
        app.button(key="check").click().run()
    else:
        app.text_input(key="lesson-answer").set_value(text).run()


def wrong_answers(question: Question) -> list[str]:
    known = [answer_text(slip.answer) for slip in question.slips]
    return known or ["1 x 1 x 1" if question.form == "shape" else "987654"]


def unexpected(app: AppTest) -> list[str]:
    """What the page warns of, but for what Evaluate says of images that a network has seen."""
    return [found.value for found in app.warning if "visibility" not in found.icon]


def work(app: AppTest, step: Step) -> None:
    assert not app.exception
    assert not unexpected(app)
    question = step.question
    if question is not None:
        if question.before:
            assert step.view is not None
            assert not is_shown(app)
            assert keyed(app, "lesson-show-view")
        asked = checked(question, source_of)
        for text in dict.fromkeys(wrong_answers(asked)[:1]):
            reply(app, text, asked)
            assert not app.success
            assert any(text in error.value.replace("\\", "") for error in app.error)
        reply(app, answer_text(asked.answer), asked)
        assert app.success
    assert is_shown(app) == (step.view is not None)
    assert not app.exception
    assert not unexpected(app)
    assert not [found for found in app.error if "heart_broken" not in found.icon]


@pytest.mark.parametrize("lesson", shelf.shipped(), ids=lambda lesson: lesson.key)
def test_every_step_of_a_lesson(open_page: OpenPage, lesson: Lesson) -> None:
    app = open_page("pages/lessons.py", lesson=lesson.key)
    for number, step in enumerate(lesson.steps, 1):
        assert app.header[0].value == step.title.text
        work(app, step)
        if number < len(lesson.steps):
            app.button(key="lesson-next").click().run()
            assert app.query_params["step"] == str(number + 1)
    app.switch_page("pages/lessons.py")
    app.query_params.clear()
    app.run()
    assert any(f"steps: {len(lesson.steps)} · :material/check: done" in found.value for found in app.caption)


def test_the_person_moves_the_controls_of_a_view_and_comes_back(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="sizes", step="3")
    app.button(key="lesson-show-view").click().run()
    assert app.number_input(key="stride").value == 2
    app.number_input(key="stride").set_value(1).run()  # which is what the page itself begins with
    assert app.number_input(key="stride").value == 1
    assert app.query_params["without"] == "stride"
    app.number_input(key="kernel").set_value(5).run()
    assert app.query_params["view.kernel"] == "5"
    again = open_page(
        "pages/lessons.py", lesson="sizes", step="3", **{"without": "stride", "view.kernel": "5"}
    )
    again.button(key="lesson-show-view").click().run()
    assert [again.number_input(key=key).value for key in ("stride", "kernel")] == [1, 5]
    app.button(key="lesson-reset-view").click().run()
    assert [app.number_input(key=key).value for key in ("stride", "kernel")] == [2, 3]
    assert set(app.query_params) == {"lesson", "step"}
    app.number_input(key="kernel").set_value(5).run()
    app.button(key="lesson-next").click().run()
    assert app.query_params == {"lesson": "sizes", "step": "4"}


def test_the_view_opens_on_its_own_page_as_it_is_here(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="linear", step="4")
    app.button(key="lesson-show-view").click().run()
    app.number_input(key="size").set_value(32).run()
    app.button(key="lesson-open-page").click().run()
    assert app.query_params == {
        "view": "changes",
        "model": "inception-mini",
        "set": "conv2.kernel_size=3",
        "size": "32",
    }
    app.switch_page("pages/lessons.py")  # with these parameters: so Streamlit's history has it behind Back
    app.run()
    assert app.query_params["lesson"] == "linear"
    assert app.query_params["step"] == "4"
    assert app.query_params["view.size"] == "32"
    assert app.number_input(key="size").value == 32


def test_a_link_to_no_lesson_or_no_step_says_so(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="convolutions")
    assert app.warning[0].value == "Unknown lesson 'convolutions'; did you mean 'convolution'?"
    assert app.title[0].value == "Lessons"
    app = open_page("pages/lessons.py", lesson="convolution", step="77")
    assert app.warning[0].value == "This lesson has 6 steps; there is no step 77."
    assert app.header[0].value == "A small window on the image"


def test_begin_anew_forgets_the_answers(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="linear", step="6")
    app.button(key="show-answer").click().run()
    assert app.info[0].value == "The answer is 512."
    app.button(key="lesson-anew").click().run()
    assert app.query_params["step"] == "1"
    for _ in range(5):
        app.button(key="lesson-next").click().run()
    assert not app.text_input(key="lesson-answer").disabled
    assert not is_shown(app)


def test_progress_that_the_browser_has_kept_is_there_again(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="linear", step="6")
    app.session_state["_lessons"] = {"linear": Progress("-r---r", 2, 1)}
    app.run()
    assert app.success[0].value == "Right: 512."
    assert app.text_input(key="lesson-answer").value == "512"
    assert is_shown(app)
    app.query_params.clear()
    app.run()
    assert any("2 done" in found.value for found in app.caption)
    labels = [found.label for found in app.get("page_link")]
    assert "Continue at step 6" in labels


def test_an_answer_in_another_language_is_none(open_page: OpenPage) -> None:
    app = open_page("pages/lessons.py", lesson="convolution", step="3")
    app.radio(key="lesson-answer").set_value("Where the image is bright").run()
    app.button(key="check").click().run()
    assert app.error
    app.query_params["lang"] = "zh"
    app.run()
    assert app.radio(key="lesson-answer").value is None
    assert not app.error
    app.radio(key="lesson-answer").set_value("亮度从左到右有变化的地方").run()
    app.button(key="check").click().run()
    assert app.success


def test_a_page_that_the_teacher_has_hidden_is_hidden_in_a_lesson(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_SHARED", "1")
    monkeypatch.setattr(classroom, "is_hidden", lambda page: page in ("experiments", "exercises"))
    app = open_page("pages/lessons.py", lesson="training", step="4")
    app.button(key="lesson-show-view").click().run()
    assert "Your teacher has hidden the page Experiments for now." in [found.value for found in app.info]
    assert not is_shown(app)
    app.query_params.clear()
    app.run()
    assert "Exercises" not in [found.label for found in app.get("page_link")]
    assert "Continue at step 4" in [found.label for found in app.get("page_link")]


def test_a_teachers_own_lessons_stand_beside_the_others(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_LESSONS_DIR", str(tmp_path))
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
    (tmp_path / "bad.toml").write_text("title = 1", encoding="utf-8")
    app = open_page("pages/lessons.py")
    assert [found.value for found in app.header] == ["The course", "Your teacher's lessons"]
    assert app.warning[0].value.startswith("bad.toml, title: It must be a text in quotation marks")
    goal = next(found for found in app.markdown if "script" in found.value)
    assert not goal.allow_html
    assert app.subheader[0].value == "1 · What a convolution does"
    app = open_page("pages/lessons.py", lesson="own-mine")
    assert app.title[0].value == "Mine"
    assert "A step of *mine*." in [found.value for found in app.markdown]
