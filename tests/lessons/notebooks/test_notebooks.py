from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import nbformat
import pytest

from cnnviz.cli.main import main
from cnnviz.language import set_language
from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.asking import checked
from cnnviz.lessons.course.lesson import Lesson
from cnnviz.lessons.course.reading import lesson_of
from cnnviz.lessons.exercises.catalogue import COURSE, KINDS
from cnnviz.lessons.exercises.generating import questions
from cnnviz.lessons.exercises.question import Answer, Question
from cnnviz.lessons.exercises.source import Source
from cnnviz.lessons.notebooks.checking import written_answer
from cnnviz.lessons.notebooks.course import lesson_notebook
from cnnviz.lessons.notebooks.exercises import exercise_notebook
from cnnviz.models import traced
from cnnviz.randomness import untouched_generator
from tests.executing import executed, printed


@cache
def source(name: str) -> Source:
    return Source(name, name, lambda edits: traced(name, dict(edits)))


def a_set() -> list[Question]:
    """A question of each kind at each level."""
    return [
        question
        for level in (1, 2, 3)
        for kind in KINDS
        for question in questions(5, level, (kind,), COURSE, source, count=1)
    ]


def answered(text: str, answers: dict[int, str]) -> str:
    """The notebook with these answers in their cells."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        found = re.match(r"answer_(\d+) = None", cell.source)
        if found and int(found[1]) in answers:
            cell.source = f"answer_{found[1]} = {answers[int(found[1])]}"
    return str(nbformat.writes(notebook))


WORDS = ("Right.", "Not yet.", "Write your answer into the cell above.")


def verdicts(said: Iterable[str]) -> list[str]:
    """What the checks say, in order."""
    return [line for text in said for line in text.splitlines() if line in WORDS]


def run_here(text: str) -> str:
    """What a notebook's code prints in this very process, which takes a fraction of a kernel's time."""
    cells = nbformat.reads(text, as_version=4).cells
    names: dict[str, object] = {"__name__": "notebook"}
    with contextlib.redirect_stdout(io.StringIO()) as out, untouched_generator(0):
        for cell in cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, "cell", "exec"), names)
    return out.getvalue()


def wrong(answer: Answer, question: Question) -> str:
    if question.choices:
        return repr(next(choice for choice in question.choices if choice != answer))
    return "(123, 45, 6)" if isinstance(answer, tuple) else "-98765.5"


def test_pytorch_agrees_with_every_right_answer_and_with_no_other() -> None:
    asked = a_set()
    assert {question.kind for question in asked} == set(KINDS)
    text = exercise_notebook([*asked, *asked], 1, 5, source)
    right = {number: written_answer(question.answer) for number, question in enumerate(asked, 1)}
    bad = {len(asked) + number: wrong(question.answer, question) for number, question in enumerate(asked, 1)}
    found = verdicts([run_here(answered(text, right | bad))])
    kinds = [(question.kind, question.level) for question in (*asked, *asked)]
    expected = ["Right."] * len(asked) + ["Not yet."] * len(asked)
    assert [kind for kind, said, wanted in zip(kinds, found, expected, strict=True) if said != wanted] == []


@pytest.mark.slow
def test_a_set_runs_from_top_to_bottom_answered_or_not(tmp_path: Path) -> None:
    asked = questions(5, 2, ("shape", "in-features", "parameters"), COURSE, source, count=3)
    given = {1: repr(asked[0].answer_text), 2: repr("as many as arrive")}
    text = answered(exercise_notebook(asked, 2, 5, source), given)
    assert verdicts(printed(executed(text, tmp_path))) == list(WORDS)


def test_pytorch_does_the_work_and_no_answer_is_to_be_read() -> None:
    for question in a_set():
        cells = nbformat.reads(exercise_notebook([question], question.level, 5, source), as_version=4).cells
        assert cells[-2].source.startswith("answer_1 = None  # such as ")
        check = cells[-1]
        assert check.metadata["jupyter"] == {"source_hidden": True}
        is_stored = "check_written" in check.source
        assert is_stored == (
            question.kind.startswith("match-") or (question.layer or "").endswith(("cat", "add"))
        )
        text = "\n".join(cell.source for cell in cells)
        assert not any(str(step) in text for step in question.solution if len(str(step)) > 20)


def test_figures_are_in_the_notebook() -> None:
    (question,) = questions(1, 1, ("match-curve",), COURSE, source, count=1)
    cells = nbformat.reads(exercise_notebook([question], 1, 1, source), as_version=4).cells
    assert "](data:image/" in cells[-3].source
    assert "- A: " in cells[-3].source


@pytest.mark.slow
def test_a_lesson_runs_answered_or_not_and_accepts_its_answers(tmp_path: Path) -> None:
    lesson = next(lesson for lesson in shelf.shipped() if lesson.key == "linear")
    answers = {
        number: written_answer(checked(step.question, source).answer)
        for number, step in enumerate(lesson.steps, 1)
        if step.question is not None
    }
    some = dict(list(answers.items())[:-1])  # the last is left open
    notebook = executed(answered(lesson_notebook(lesson, source), some), tmp_path)
    said = printed(notebook)
    assert sum("Right." in text for text in said) == len(some)
    assert sum("Write your answer" in text for text in said) == 1
    (broken,) = [text for text in said if "RuntimeError" in text]  # the step that breaks a network shows how
    assert "conv2" in broken
    assert "2200" in broken
    (alone,) = [text for text in said if text.count("\n") == 1 and "3,210" in text]
    assert alone.split()[:2] == ["fc", "Linear"]


@pytest.mark.parametrize("lesson", shelf.shipped(), ids=lambda lesson: str(lesson.key))
def test_every_lesson_is_a_notebook_that_runs_and_takes_its_answers(lesson: Lesson) -> None:
    answers = {
        number: written_answer(checked(step.question, source).answer)
        for number, step in enumerate(lesson.steps, 1)
        if step.question is not None
    }
    text = lesson_notebook(lesson, source)
    assert verdicts([run_here(answered(text, answers))]) == ["Right."] * len(answers)
    written = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
    assert all(step.seen is None or step.seen.text.strip() in written for step in lesson.steps)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("", "(1, 10, 10) -> (1, 8, 8)"),
        ("height = 9\nkernel = 5\nstride = 2\npadding = 1\ndilation = 2", "(1, 9, 10) -> (1, 2, 2)"),
        ("padding = 'same'\nkernel = 'five'", "(1, 10, 10) -> (1, 10, 10)"),
        ("layer = 'rgb'", "(3, 10, 10) -> (1, 8, 8)"),
        ("layer = 'max-pooling'\nheight = 9\nrounding = 'up'", "(1, 9, 10) -> (1, 5, 5)"),
        ("layer = 'average-pooling'\ndilation = 2", "(1, 10, 10) -> (1, 5, 5)"),
    ],
)
def test_a_window_of_a_view_is_that_of_the_page(view: str, said: str) -> None:
    lesson = with_view("convolution", "animation", view)
    assert run_here(lesson_notebook(lesson, source)).splitlines()[-1] == said


def test_a_changed_layer_without_a_bias_stays_without_one() -> None:
    view = 'model = "torchvision:resnet18"\nset = "conv1.kernel_size=5"\nlayer = "conv1"'
    shown = run_here(lesson_notebook(with_view("architecture", "operation", view), source)).split()
    assert int(shown[-1].replace(",", "")) == 64 * 3 * 5 * 5


def test_a_change_that_is_none_is_left_out() -> None:
    view = 'model = "basic-cnn"\nset = "conv1.kernel_size=big"\nlayer = "conv1"'
    assert "24 x 24" in run_here(lesson_notebook(with_view("architecture", "operation", view), source))


def with_view(page: str, view: str, choices: str) -> Lesson:
    head = 'title = "T"\nminutes = 1\ngoal = "G"\n[[steps]]\ntitle = "S"\ntext = "W"\n'
    text = f'{head}[steps.view]\npage = "{page}"\nview = "{view}"\n{choices}\n'
    return lesson_of(text.encode(), "mine.toml")


def test_the_command_writes_a_lesson_in_either_language(tmp_path: Path) -> None:
    file = tmp_path / "lesson.ipynb"
    assert main(["notebook", "linear", "--output", str(file)]) == 0
    assert "From maps to a Linear" in file.read_text(encoding="utf-8")
    try:
        assert main(["notebook", "linear", "--output", str(file), "--lang", "zh"]) == 0
    finally:
        set_language("en")
    assert "对了" in file.read_text(encoding="utf-8")
