"""A lesson's file is read strictly: whatever is wrong is told with file, step, key and remedy."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.lesson import OfWindow, Text
from cnnviz.lessons.course.places import PLACES
from cnnviz.lessons.course.reading import MOST_BYTES, VALUES, LessonError, lesson_of, read_lesson
from cnnviz.settings import PROJECT_DIRECTORY

HEAD = 'title = "T"\nminutes = 10\ngoal = "G"\n'
STEP = '[[steps]]\ntitle = "S"\ntext = "Words"\n'
VIEW = '[steps.view]\npage = "convolution"\nview = "animation"\n'
ASK = '[steps.question]\nask = "How many?"\n'


def refused(text: str) -> str:
    with pytest.raises(LessonError) as found:
        lesson_of(text.encode(), "mine.toml")
    return str(found.value)


def test_a_whole_lesson() -> None:
    text = (
        f"{HEAD}{STEP}"
        'try = "Do it"\nseen = "That"\n'
        f"{VIEW}kernel = 5\nlayer = 'rgb'\nmaps = [1, 2]\nreduced = true\n"
        f"{ASK}before = true\nanswer_of = {{ input = 28, kernel = 5, padding = 2 }}\n"
        'wrong = [{ answer = 24, why = "No padding" }]\n'
        f"{STEP}{ASK}choices = [{{ text = 'A', right = true }}, {{ text = 'B', why = 'Because' }}]\n"
    )
    lesson = lesson_of(text.encode(), "07-my first.toml", "own-")
    assert (lesson.key, lesson.minutes) == ("own-my first", 10)
    first, second = lesson.steps
    assert first.view is not None
    assert (first.view.page, first.view.view) == ("convolution", "animation")
    assert " ".join(map("=".join, first.view.choices)) == "kernel=5 layer=rgb maps=1 maps=2 reduced=true"
    assert first.question is not None
    assert first.question.before
    assert first.question.answer == OfWindow(28, 5, 1, 2, 1, pooling=False, ceil_mode=False)
    assert second.question is not None
    assert [choice.why for choice in second.question.choices] == [None, Text("Because")]


def test_the_example_of_the_documents_is_a_lesson() -> None:
    text = (PROJECT_DIRECTORY / "docs/lessons.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    lesson = lesson_of(example.encode(), "2-strides.toml", "own-")
    assert lesson.key == "own-strides"
    assert [step.view.page for step in lesson.steps if step.view] == ["convolution"]
    for page, place in PLACES.items():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{page}` |")), "")
        assert set(re.findall(r"`([a-z]+)`", row)) == {page, *place.views}, page
    named = text.partition("`value` is")[2].partition(";")[0]
    assert set(re.findall(r"`([a-z_]+)`", named)) == set(VALUES)


def test_lines_of_a_paragraph_become_one_and_lists_and_code_keep_theirs() -> None:
    text = f'{HEAD}[[steps]]\ntitle = "S"\ntext = """\nOne\n**two**,\n0.3.\n\n- a\n- b\n\n```\nx\ny\n```\nEnd\nhere\n"""\n'
    lesson = lesson_of(text.encode(), "mine.toml")
    assert lesson.steps[0].text.text == "One **two**, 0.3.\n\n- a\n- b\n\n```\nx\ny\n```\nEnd here"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = \n", "mine.toml is not valid TOML: Invalid value (at line 1, column 9). Mend this place."),
        (HEAD, "mine.toml, steps: There must be from 1 to 40 of them, each a table: [[steps]]."),
        (HEAD.replace("10", "0") + STEP, "mine.toml, minutes: It must be a whole number from 1 to 600; got 0."),
        (HEAD + "gaol = 1\n" + STEP, "mine.toml, gaol: Unknown key 'gaol'; did you mean 'goal'?"),
        (HEAD + STEP.replace("text", "txt"), 'mine.toml, step 1, text: It is missing; it must be a text in quotation marks: text = "...".'),
        (HEAD + STEP + "sen = 'x'\n", "mine.toml, step 1, sen: Unknown key 'sen'; did you mean 'seen'?"),
        (HEAD + STEP + STEP + "try = 3\n", "mine.toml, step 2, try: It must be a text in quotation marks, which is not empty; got 3."),
        (HEAD + STEP + VIEW.replace("convolution", "convolutions"), "mine.toml, step 1, view, page: Unknown page 'convolutions'; did you mean 'convolution'?"),
        (HEAD + STEP + VIEW.replace("animation", "film"), "mine.toml, step 1, view, view: Unknown view 'film'; available: animation, cost, saving, size."),
        (HEAD + STEP + VIEW + "kernal = 3\n", "mine.toml, step 1, view, kernal: Unknown key 'kernal'; did you mean 'kernel'?"),
        (HEAD + STEP + VIEW + "kernel = { x = 1 }\n", "mine.toml, step 1, view, kernel: It must be a text, a number, true or false, or a list of them; got {'x': 1}."),
        (HEAD + STEP + ASK, "mine.toml, step 1, question: It has no answer: give it choices, answer (a number or a shape), answer_of or exercise."),
        (HEAD + STEP + ASK + "answer = 'many'\n", 'mine.toml, step 1, question, answer: It must be a whole number, or a shape in quotation marks such as "88 x 4 x 4"; got many.'),
        (HEAD + STEP + ASK + "choices = [{ text = 'A', why = 'x' }, { text = 'B', why = 'x' }]\n", "mine.toml, step 1, question, choices: Exactly one of them is right: give it right = true, and the others why."),
        (HEAD + STEP + ASK + "choices = [{ text = 'A', right = true }, { text = 'A', why = 'x' }]\n", "mine.toml, step 1, question, choices: Two of them are the same: change one."),
        (HEAD + STEP + ASK + "choices = [{ text = 'A', right = true }, { text = 'B' }]\n", 'mine.toml, step 1, question, choices 2, why: It is missing; it must be a text in quotation marks: why = "...".'),
        (HEAD + STEP + ASK + "answer_of = { input = 3, kernel = 5 }\n", "mine.toml, step 1, question, answer_of, input: The window is larger than the input: make the input larger."),
        (HEAD + STEP + "[steps.question]\nexercise = { kind = 'shapes', network = 'mlp' }\n", "mine.toml, step 1, question, exercise, kind: Unknown kind of question 'shapes'; did you mean 'shape'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_a_remedy(text: str, told: str) -> None:
    assert refused(text) == told


def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match=r"mine.toml is not written in UTF-8: save it with this encoding."):
        lesson_of(b"title = '\xff'", "mine.toml")
    with pytest.raises(LessonError, match="larger than 200,000 bytes"):
        lesson_of(b"#" * (MOST_BYTES + 1), "mine.toml")
    with pytest.raises(LessonError, match=r"gone.toml cannot be read: No such file or directory."):
        read_lesson(tmp_path / "gone.toml")
    for endless in ("[" * 5_000, "1" * 5_000, "0x" + "f" * 5_000):
        assert "is not valid TOML" in refused(f"{HEAD}{STEP}{ASK}answer = {endless}")


WHOLE = (shelf.SHIPPED / "1-convolution.toml").read_bytes()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, len(WHOLE) - 1),
    st.integers(0, 80),
    st.binary(max_size=8) | st.sampled_from([b"[[steps]]", b"= 1\n", b"[steps.view]\n", b'"""', b"[[[["]),
)
def test_a_damaged_file_is_a_lesson_or_an_explained_error(place: int, cut: int, put: bytes) -> None:
    try:
        lesson = lesson_of(WHOLE[:place] + put + WHOLE[place + cut :], "mine.toml")
    except LessonError as error:
        told = str(error)
    else:
        told = f"mine.toml has {len(lesson.steps)} steps"
    assert told.startswith("mine.toml")


def test_own_lessons_in_the_order_of_their_names_and_mistakes_beside_them(tmp_path: Path) -> None:
    for name in ("10-b.toml", "2-a.toml", "readme.txt"):
        (tmp_path / name).write_text(HEAD + STEP, encoding="utf-8")
    (tmp_path / "1-bad.toml").write_text(HEAD, encoding="utf-8")
    lessons, errors = shelf.own(tmp_path)
    assert [lesson.key for lesson in lessons] == ["own-a", "own-b"]
    assert [str(error).partition(",")[0] for error in errors] == ["1-bad.toml"]
    (tmp_path / "1-bad.toml").write_text(HEAD + STEP, encoding="utf-8")
    lessons, errors = shelf.own(tmp_path)
    assert [lesson.key for lesson in lessons] == ["own-bad", "own-a", "own-b"]
    assert not errors
    (tmp_path / "3-a.toml").write_text(HEAD + STEP, encoding="utf-8")
    (tmp_path / "7.toml").write_text(HEAD + STEP, encoding="utf-8")
    lessons, errors = shelf.own(tmp_path)
    assert [lesson.key for lesson in lessons] == ["own-bad", "own-a", "own-7", "own-b"]
    assert [str(error) for error in errors] == [
        "3-a.toml has the same name as another file, but for the number in front: rename it."
    ]
    (tmp_path / os.fsdecode(b"9-\xd6\xd0.toml")).write_text(HEAD + STEP, encoding="utf-8")  # 中 in GBK
    assert shelf.own(tmp_path)[0][-2].key == "own-\ufffd\ufffd"
    assert shelf.own(None) == shelf.own(tmp_path / "nowhere") == ([], [])
