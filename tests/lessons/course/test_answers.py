"""The answers that lessons' files say themselves are those of PyTorch, and no lesson says two things."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnviz import architectures
from cnnviz.lessons.course import shelf
from cnnviz.lessons.course.asking import checked
from cnnviz.lessons.course.lesson import Lesson
from cnnviz.lessons.exercises.question import answer_text, check
from cnnviz.ui.exercises.asking import source_of


def normalised(values: list[float]) -> torch.Tensor:
    """One channel of a batch, after batch normalisation as it begins; shape (B,)."""
    return nn.BatchNorm1d(1).train()(torch.tensor(values)[:, None])[:, 0].detach()


def after_a_bias(bias: float) -> torch.Tensor:
    images = torch.arange(32.0).reshape(2, 1, 4, 4)
    return nn.BatchNorm2d(1).train()(images + bias).detach()


def slope_of_sigmoids(count: int) -> float:
    """The largest slope of so many sigmoids in a row: that of each is largest at 0."""
    at = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.sigmoid(at), at)
    return float(slope) ** count


def back_through(blocks: int) -> float:
    """The gradient on its way through ``blocks`` residual blocks whose own part is constant."""
    at = torch.ones(1, requires_grad=True)
    found = at
    for _block in range(blocks):
        found = (found * 0.0 + 5.0) + found
    (slope,) = torch.autograd.grad(found, at)
    return float(slope)


def parameters(key: str) -> int:
    return sum(found.numel() for found in architectures.get(key).build().parameters())


def channels_of_naive_inception() -> int:
    images = torch.zeros(1, 192, 28, 28)
    return int(architectures.get("inception-naive").build()(images).shape[1])


TYPED: Mapping[tuple[str, int], Callable[[], float]] = {
    ("convolution", 1): lambda: nn.Conv2d(1, 1, 3).weight.numel(),
    ("convolution", 5): lambda: nn.Conv2d(3, 1, 3).weight.numel(),
    ("pooling", 2): lambda: functional.avg_pool2d(torch.tensor([[[1.0, 9.0], [3.0, 3.0]]]), 2).item(),
    ("training", 2): lambda: len(torch.utils.data.DataLoader(range(4000), 64)),  # type: ignore[arg-type]
    ("inception", 1): channels_of_naive_inception,
    ("inception", 3): lambda: nn.Conv2d(192, 1, 1).weight.numel(),
    ("residual", 1): lambda: 1 / slope_of_sigmoids(4),
    ("residual", 3): lambda: parameters("residual-identity"),
    ("residual", 4): lambda: back_through(20),
    ("batch-normalisation", 2): lambda: normalised([1.0, 1.0, 5.0, 5.0])[2].item(),
    ("batch-normalisation", 4): lambda: functional.batch_norm(
        torch.full((1, 1, 1), 7.0).expand(1, 1, 2), None, None, training=True
    )[0, 0, 0].item(),
    ("batch-normalisation", 6): lambda: float((after_a_bias(3) - after_a_bias(0)).abs().max()),
}  # fmt: skip
"""What PyTorch says to the questions whose answers the files say, by lesson and step."""


def test_every_answer_that_is_typed_is_pytorchs() -> None:
    typed = {
        (lesson.key, number): float(str(step.question.answer))
        for lesson in shelf.shipped()
        for number, step in enumerate(lesson.steps, 1)
        if step.question is not None and isinstance(step.question.answer, str)
    }
    assert typed.keys() == TYPED.keys()
    for place, answer in typed.items():
        assert TYPED[place]() == pytest.approx(answer, abs=1e-4), place


@pytest.mark.parametrize("lesson", shelf.shipped(), ids=lambda lesson: lesson.key)
def test_every_wrong_answer_is_wrong_and_is_told_why(lesson: Lesson) -> None:
    for number, step in enumerate(lesson.steps, 1):
        if step.question is None or step.question.exercise is not None:
            continue
        question = checked(step.question, source_of)
        wrong = step.question.wrong or [choice for choice in step.question.choices if choice.why is not None]
        assert len(question.slips) == len(wrong), (lesson.key, number, "one of them is the right answer")
        for slip in question.slips:
            verdict = check(question, answer_text(slip.answer))
            assert not verdict.is_right
            assert verdict.told == (slip.sentence,), (lesson.key, number)


def test_the_course_has_nine_lessons_of_some_minutes_each() -> None:
    lessons = shelf.shipped()
    assert [lesson.key for lesson in lessons] == [
        *("convolution", "sizes", "pooling", "linear", "training", "inception", "residual"),
        *("batch-normalisation", "learned"),
    ]
    for lesson in lessons:
        assert 5 <= len(lesson.steps) <= 7
        assert sum(step.question is not None for step in lesson.steps) >= 5
        assert sum(step.view is not None for step in lesson.steps) >= 5
