"""Questions about one step of gradient descent: a weight, its gradient, the learning rate, the new weight. Imports no torch.

Each is a real step of a small layer with a real loss. Its numbers have few decimals, so that every one can be worked out
by hand, and is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Level, Question, decimal_text, slips

DECIMALS = 3
"""The most that an answer has."""

ADDED = Message("The step was added. The gradient points to where the loss grows, so the step is subtracted.")
NO_RATE = Message("The learning rate is missing: the step is the learning rate times the gradient.")
RATE_TWICE = Message(
    "The learning rate was used twice. The step is the learning rate times the gradient, once."
)
ONLY_STEP = Message("That is the step alone. The new weight is the old one minus the step.")
ONLY_GRADIENT = Message(
    "That is the gradient. The new weight is the old one minus the learning rate times it."
)
NO_FACTOR = Message(
    "The factor 2 is missing: the derivative of the square of a difference is twice the difference."
)
NO_INPUT = Message(
    "The input is missing: by the chain rule the gradient of a weight also has its input as a factor."
)
ONE_PLACE = Message(
    "The weight is used at every place of the output: its gradient is the sum over all of them."
)
OTHER_WEIGHT = Message("That is the step with the gradient of the other weight of the kernel.")
MEAN_TAKEN = Message(
    "The mean over the places was taken. This loss is a sum, so the contributions are added up."
)

_RATES = ("0.1", "0.01", "0.5")
_TRIES = 200

Numbers = Sequence[Decimal]


def weight_update(random: Random, level: Level) -> Question:
    """The new weight; the gradient is given at level 1, is one product at level 2, and a sum over places at level 3."""
    if level == 1:
        return _with_gradient(random)
    return _one_input(random) if level == 2 else _convolution(random)


def _with_gradient(random: Random) -> Question:
    weight, rate = _tenths(random), _rate(random)
    x, error = Decimal(random.choice((2, 3, 4, 5))), _tenths(random)
    gradient = 2 * error * x
    target = weight * x - error
    given = (
        f"w = {decimal_text(weight)}",
        f"loss = (w * {x} - {_signed(target)}) ** 2",
        f"loss.backward()  # w.grad: {decimal_text(gradient)}",
        f"lr = {decimal_text(rate)}",
    )
    prompt = Message(
        "Gradient descent takes one step. What is w after it? Give all decimals, at most {decimals}.",
        decimals=DECIMALS,
    )
    return _question(1, prompt, given, weight, rate, gradient, (), ())


def _one_input(random: Random) -> Question:
    weight, rate = _tenths(random), _rate(random)
    x, error = Decimal(random.choice((2, 3, 4, 5))), _tenths(random)
    target = weight * x - error
    given = (
        f"w = {decimal_text(weight)}",
        f"y = w * {x}",
        f"loss = (y - {_signed(target)}) ** 2",
        f"lr = {decimal_text(rate)}",
    )
    gradient = 2 * error * x
    derived = (
        f"y = {_signed(weight)} x {x} = {decimal_text(weight * x)}",
        f"2 x ({decimal_text(weight * x)} - {_signed(target)}) x {x} = {decimal_text(gradient)}",
    )
    mistakes = (
        (weight - rate * error * x, NO_FACTOR),
        (weight - rate * 2 * error, NO_INPUT),
    )
    prompt = Message(
        "Find the gradient of w. Gradient descent takes one step: what is w after it? Give all decimals, at most {decimals}.",
        decimals=DECIMALS,
    )
    return _question(2, prompt, given, weight, rate, gradient, derived, mistakes)


def _convolution(random: Random) -> Question:
    """A kernel of two weights over four values: the first weight meets the first three, the second the last three."""
    kernel = [_tenths(random), _tenths(random)]
    rate = Decimal(random.choice(("0.1", "0.01")))
    row, errors = _places(random)
    outputs = [kernel[0] * row[place] + kernel[1] * row[place + 1] for place in range(3)]
    targets = [output - error for output, error in zip(outputs, errors, strict=True)]
    gradient = _sum_of_products(errors, row[:3])
    other = _sum_of_products(errors, row[1:])
    given = (
        f"x      = {_listed(row)}",
        f"kernel = {_listed(kernel)}",
        f"y      = {_listed(outputs)}  # y[i] = kernel[0] * x[i] + kernel[1] * x[i + 1]",
        f"target = {_listed(targets)}",
        "loss = ((y - target) ** 2).sum() / 2",
        f"lr = {decimal_text(rate)}",
    )
    products = " + ".join(f"{_signed(error)} x {x}" for error, x in zip(errors, row[:3], strict=True))
    derived = (
        f"y - target = {_listed(errors)}",
        f"{products} = {decimal_text(gradient)}",
    )
    first = errors[0] * row[0]
    mistakes = (
        (kernel[0] - rate * first, ONE_PLACE),
        (kernel[0] - rate * other, OTHER_WEIGHT),
        (_exact(kernel[0] - rate * gradient / 3), MEAN_TAKEN),
        (kernel[0] - rate * sum(errors), NO_INPUT),
    )
    prompt = Message(
        "A kernel of two weights slides over four values. Gradient descent takes one step: what is kernel[0] after it? Give all decimals, at most {decimals}.",
        decimals=DECIMALS,
    )
    return _question(3, prompt, given, kernel[0], rate, gradient, derived, mistakes)


def _question(
    level: Level,
    prompt: Message,
    given: tuple[str, ...],
    weight: Decimal,
    rate: Decimal,
    gradient: Decimal,
    derived: tuple[str, ...],
    mistakes: Sequence[tuple[Decimal | None, Message]],
) -> Question:
    answer = weight - rate * gradient
    known: tuple[tuple[Decimal | None, Message], ...] = (
        (weight + rate * gradient, ADDED),
        (weight - gradient, NO_RATE),
        (weight - rate * rate * gradient, RATE_TWICE),
        (rate * gradient, ONLY_STEP),
        (-rate * gradient, ONLY_STEP),
        (gradient, ONLY_GRADIENT),
    )
    step = f"{decimal_text(weight)} - {decimal_text(rate)} x {_signed(gradient)} = {decimal_text(answer)}"
    return Question(
        kind="weight-update",
        level=level,
        form="decimal",
        prompt=prompt,
        answer=answer,
        slips=slips(answer, (*known, *mistakes)),
        solution=(*derived, Message("new weight = weight − learning rate × gradient"), step),
        given=given,
    )


def _places(random: Random) -> tuple[list[Decimal], list[Decimal]]:
    """Four values and the gradients at three places of the output: every mistake leads to another result."""
    for _try in range(_TRIES):
        row = [Decimal(random.randint(0, 5)) for _ in range(4)]
        errors = [_tenths(random) for _ in range(3)]
        sums = {
            _sum_of_products(errors, row[:3]),
            _sum_of_products(errors, row[1:]),
            errors[0] * row[0],
            sum(errors, Decimal(0)),
            Decimal(0),
        }
        if len(sums) == 5:
            return row, errors
    raise AssertionError("no such numbers were drawn")


def _sum_of_products(errors: Numbers, row: Numbers) -> Decimal:
    return sum((error * x for error, x in zip(errors, row, strict=True)), Decimal(0))


def _tenths(random: Random) -> Decimal:
    """A number with one decimal that is not 0."""
    return Decimal(random.choice((-1, 1)) * random.randint(1, 9)) / 10


def _rate(random: Random) -> Decimal:
    return Decimal(random.choice(_RATES))


def _exact(number: Decimal) -> Decimal | None:
    """``number``, if people can write all of its decimals."""
    return number if number == round(number, 2 * DECIMALS) else None


def _listed(numbers: Numbers) -> str:
    return "[" + ", ".join(map(decimal_text, numbers)) + "]"


def _signed(number: Decimal) -> str:
    return f"({decimal_text(number)})" if number < 0 else decimal_text(number)
