"""Questions that are worked out by hand: one value of a convolution's output. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Level, Question, slips

NO_BIAS = Message("The bias is missing: it is added to the sum.")
TURNED = Message("That is with the kernel turned by half. PyTorch's convolution does not turn it.")
NO_RELU = Message("ReLU comes after it: what is below 0 becomes 0.")
RELU_FIRST = Message("ReLU is applied to the sum, not to each product.")
SIGNS_LOST = Message("Some weights are negative: their products are subtracted.")

Rows = list[list[int]]


def one_value(random: Random, level: Level) -> Question:
    """The value that a kernel gives for the patch under it; with a bias from level 2 on, and ReLU at level 3."""
    side = 2 if level == 1 else 3
    patch = [[random.randint(0, 9) for _ in range(side)] for _ in range(side)]
    kernel = [[random.choice((-2, -1, 0, 1, 2)) for _ in range(side)] for _ in range(side)]
    bias = random.choice((-5, -3, 2, 4)) if level > 1 else 0
    products = _products(patch, kernel)
    total = sum(products) + bias
    answer = max(0, total) if level == 3 else total
    turned = sum(_products(patch, [row[::-1] for row in kernel[::-1]])) + bias
    wrong = [
        (max(0, total - bias) if level == 3 else total - bias, NO_BIAS),
        (max(0, turned) if level == 3 else turned, TURNED),
        (total, NO_RELU),
        (sum(max(0, product) for product in products) + bias, RELU_FIRST)
        if level == 3
        else (None, RELU_FIRST),
        (sum(map(abs, products)) + bias, SIGNS_LOST),
    ]
    return Question(
        kind="one-value",
        level=level,
        form="number",
        prompt=_prompt(level, bias),
        answer=answer,
        slips=slips(answer, wrong),
        solution=(
            _sum(patch, kernel, bias, total),
            *((f"max(0, {total}) = {answer}",) if level == 3 else ()),
        ),
        given=_side_by_side(patch, kernel),
    )


def _prompt(level: Level, bias: int) -> Message:
    if level == 3:
        return Message(
            "On the left a patch of the input, on the right the kernel over it. The bias is {bias}, and ReLU follows. What comes out?",
            bias=bias,
        )
    if level == 2:
        return Message(
            "On the left a patch of the input, on the right the kernel over it. The bias is {bias}. Which value comes out?",
            bias=bias,
        )
    return Message(
        "On the left a patch of the input, on the right the kernel over it. There is no bias. Which value comes out?"
    )


def _products(patch: Rows, kernel: Rows) -> list[int]:
    rows = zip(patch, kernel, strict=True)
    return [value * weight for values, weights in rows for value, weight in zip(values, weights, strict=True)]


def _sum(patch: Rows, kernel: Rows, bias: int, total: int) -> str:
    rows = zip(patch, kernel, strict=True)
    terms = [f"{v} x {_signed(w)}" for values, weights in rows for v, w in zip(values, weights, strict=True)]
    return " + ".join([*terms, _signed(bias)] if bias else terms) + f" = {total}"


def _signed(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


def _side_by_side(patch: Rows, kernel: Rows) -> tuple[str, ...]:
    return tuple(f"{_row(values)}     {_row(weights)}" for values, weights in zip(patch, kernel, strict=True))


def _row(numbers: Sequence[int]) -> str:
    return " ".join(f"{number:>2}" for number in numbers)
