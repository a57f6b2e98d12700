from __future__ import annotations

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.bounded import COMMON
from tests.pages.conftest import OpenPage

FEATURES = {"kind": "in-features", "model": "inception-mini", "level": "1"}


def answered(app: AppTest, text: str, number: int = 0) -> AppTest:
    return app.text_input(key=f"answer-{number}").set_value(text).run()


def texts(app: AppTest) -> list[str]:
    return [element.value for element in app.markdown]


def test_a_mistake_is_named_and_the_right_answer_derived(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", **FEATURES)
    assert "#### In Inception mini, 88 x 4 x 4 arrives here" in texts(app)[0]
    answered(app, "88")
    assert app.error[0].value == "88 is not right."
    assert "That is the number of channels. Each channel is a map with a value at every place." in texts(app)
    assert not app.success
    answered(app, "(88, 4, 4)")
    assert app.success[0].value == "Right: 1,408."
    assert app.code[-1].value.endswith("88 x 4 x 4 = 1408 -> Linear(1408, 10)")
    assert "1 of 1 solved, 0 of them on the first try." in [caption.value for caption in app.caption]
    assert app.text_input(key="answer-0").disabled


def test_what_is_no_number_costs_nothing(open_page: OpenPage) -> None:
    app = answered(open_page("pages/exercises.py", **FEATURES), "<b>many</b>")
    assert " is not a whole number. Write one as 1408, 1,408 or 88 x 4 x 4." in app.warning[0].value
    answered(app, "1408")
    assert app.success
    assert "1 of 1 solved, 1 of them on the first try." in [caption.value for caption in app.caption]


def test_a_new_weight_may_be_written_with_a_comma(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", kind="weight-update")
    answered(app, "a half")
    assert app.warning[0].value == "a half is not a number. Write one as 0.42, .42 or 0,42."
    asked = app.code[0].value
    old, rate = (float(line.partition(" = ")[2]) for line in asked.splitlines()[::3])
    gradient = float(asked.partition("w.grad: ")[2].partition("\n")[0])
    answered(app, f"{old + rate * gradient:.4f}")
    assert any(text.startswith("The step was added.") for text in texts(app))
    answered(app, f"{old - rate * gradient:.4f}".replace(".", ","))
    assert app.success


@pytest.mark.parametrize("kind", ["match-curve", "match-filters", "match-confusion"])
def test_a_figure_is_matched(open_page: OpenPage, kind: str) -> None:
    app = open_page("pages/exercises.py", kind=kind)
    figure = next(each.proto.body for each in app.main.get("html") if "cnnviz-still" in each.proto.body)
    assert re.fullmatch(r'<img class="cnnviz-still" src="data:image/[^"]+" alt="[^"]+">', figure)
    choices = app.radio(key="answer-0").options
    assert [choice[:3] for choice in choices] == ["A: ", "B: ", "C: "]
    app.button(key="show-answer").click().run()
    assert app.info[0].value.removeprefix("The answer: ").removesuffix(".") in choices


def test_two_answers_that_say_nothing_lead_to_the_way(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", **FEATURES)
    answered(app, "7")
    assert any(text.startswith("This number does not show what went wrong.") for text in texts(app))
    answered(app, "9")
    assert app.info[0].value == "The answer is 1,408."
    assert not app.success


def test_what_is_chosen_stays_chosen_until_it_is_checked(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", kind="most-parameters", seed="5")
    first, second = app.radio(key="answer-0").options[:2]
    for text in (second, first):
        app.radio(key="answer-0").set_value(text).run()
        assert app.radio(key="answer-0").value == text
        assert not app.error
        assert not app.success
    app.button(key="check").click().run()
    assert app.radio(key="answer-0").value == first
    assert app.error or app.success


def test_next_question_and_score(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", kind="most-parameters", seed="5")
    app.radio(key="answer-0").set_value(app.radio(key="answer-0").options[0]).run()
    app.button(key="show-answer").click().run()
    assert app.info[0].value.startswith("The answer is ")
    app.button(key="next").click().run()
    assert app.query_params["question"] == "2"
    assert "answer-1" in [radio.key for radio in app.radio]


def test_another_set_begins_anew_and_the_first_is_kept(open_page: OpenPage) -> None:
    app = answered(open_page("pages/exercises.py", **FEATURES), "1408")
    app.number_input(key="seed").set_value(2).run()
    assert not app.success
    app.number_input(key="seed").set_value(1).run()
    assert app.success[0].value == "Right: 1,408."


def test_a_page_that_is_loaded_again_has_the_answers(open_page: OpenPage) -> None:
    def come(token: str) -> AppTest:
        app = open_page("pages/exercises.py", **FEATURES)
        app.session_state["_owner"] = token * 32
        return app.run()

    answered(come("a"), "1408")
    assert come("a").success[0].value == "Right: 1,408."
    assert not come("b").success


def test_the_same_questions_are_read_in_either_language(open_page: OpenPage) -> None:
    chinese, english = (open_page("pages/exercises.py", lang=lang, **FEATURES) for lang in ("zh", "en"))
    assert texts(chinese)[0] == "#### 在 Inception 迷你版 中，到达这里的是 88 x 4 x 4。问号处应填什么数？"
    assert "#### In Inception mini, 88 x 4 x 4 arrives here." in texts(english)[0]


def test_a_network_without_such_a_question_says_so(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", kind="in-features", model="dense-block")
    assert app.info[0].value.startswith("This network offers no question of this kind")


def test_nonsense_in_the_link_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", level="9", seed="-4", kind="riddle", question="99", model="nothing")
    assert len(app.warning) == 5
    assert app.button(key="check")


def codes(app: AppTest) -> list[str]:
    return [code.value for code in app.code if code.value.startswith("cnnviz.")]


def test_a_solved_set_gives_a_code_that_the_teacher_can_check(open_page: OpenPage) -> None:
    app = answered(open_page("pages/exercises.py", **FEATURES), "88")
    assert "hand-in-name" not in [field.key for field in app.text_input]
    answered(app, "1408")
    app.button(key="make-code").click().run()
    assert "Write your name first: the code contains it." in [error.value for error in app.error]
    app.text_input(key="hand-in-name").set_value("  Ada  Lovelace ").run()
    app.button(key="make-code").click().run()
    (code,) = codes(app)
    app.text_area(key="handed-in").set_value(
        f"{code}\n\n{code[:-1]}{'B' if code[-1] == 'A' else 'A'}\n"
    ).run()
    assert app.dataframe[0].value.iloc[0, :5].tolist() == ["Ada Lovelace", "1 / 1", 0, 1, 1]
    assert app.warning[0].value.startswith("Line 2: This is no code of this server")


def test_only_the_teacher_checks_codes(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "a long password")
    app = open_page("pages/exercises.py", **FEATURES)
    assert not app.text_area


def person(open_page: OpenPage, token: str, **link: str) -> AppTest:
    app = open_page("pages/exercises.py", **{"kind": "one-value", "seed": "31", **link})
    app.session_state["_owner"] = token * 32
    return app.run()


def solve(app: AppTest, number: int, *wrong: str) -> AppTest:
    """Answer a question, at first wrongly."""
    for text in wrong:
        answered(app, text, number)
    bias = re.search(r"bias is ([−-]?\d+)", texts(app)[0])
    rows = [[int(cell) for cell in line.split()] for line in app.code[0].value.splitlines()]
    side = len(rows)
    total = sum(a * b for row in rows for a, b in zip(row[:side], row[side:], strict=True))
    return answered(app, str(total + (int(bias[1]) if bias else 0)), number)


def test_the_board_counts_who_solved_what_and_names_only_if_asked(open_page: OpenPage) -> None:
    COMMON.clear()
    solve(person(open_page, "a"), 0)
    second = solve(person(open_page, "b"), 0, "9999")
    second.button(key="next").click().run()
    answered(second, "9999", 1)
    answered(person(open_page, "c"), "9999")
    person(open_page, "d")  # looks, and answers nothing
    app = person(open_page, "e", board="true")
    assert not app.text_input
    assert [metric.value for metric in app.metric] == ["3", "0"]
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert {trace["name"]: trace["text"][:2] for trace in figure["data"]} == {
        "on the first try": ["1", ""],
        "later": ["1", ""],
        "not solved": ["1", "1"],
    }
    assert not app.dataframe
    app.toggle(key="board-names").set_value(True).run()
    rows = app.dataframe[0].value
    assert list(rows["Student"]) == ["without a name"] * 3
    assert sorted(rows["1"]) == sorted(["✓", "✓", "·"])


def test_the_board_knows_the_name_that_was_handed_in(open_page: OpenPage) -> None:
    COMMON.clear()
    one = {"kind": "in-features", "model": "inception-mini", "seed": "1"}
    app = answered(person(open_page, "a", **one), "1408")
    app.text_input(key="hand-in-name").set_value("Ada").run()
    app.button(key="make-code").click().run()
    board = person(open_page, "b", board="true", **one)
    assert [metric.value for metric in board.metric] == ["1", "1"]
    assert "Ada" not in "".join(texts(board))
    board.toggle(key="board-names").set_value(True).run()
    assert list(board.dataframe[0].value["Student"]) == ["Ada"]


def test_the_board_is_the_teachers(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "correct horse")
    app = person(open_page, "a", board="true")
    assert not app.metric
    assert app.text_input(key="answer-0")
    monkeypatch.setattr("cnnviz.ui.shared.rights.is_teacher", lambda: True)
    app = person(open_page, "a")
    app.toggle(key="board").set_value(True).run()
    assert app.metric
    assert app.query_params["board"] == "true"


def test_a_set_is_offered_as_a_notebook(open_page: OpenPage) -> None:
    app = open_page("pages/exercises.py", **FEATURES)
    assert not app.exception
    assert [one.proto.label for one in app.get("download_button")][-1] == "As a Jupyter notebook"
