"""Other inputs with which a network passes the call that failed: found by tracing, so that whatever lies between counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from cnnviz.language import Message
from cnnviz.operations.diagnosis import diagnose
from cnnviz.operations.op import FailedCall, Mend, Op, OtherInput, Shape, shape_text

_LARGEST_SIDE = 1024
_MULTIPLES = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Outcome:
    """How far a forward pass came: its ops, and what ended it (None where it was whole).

    ``failed`` is None too where no torch function raised, but the code of ``forward`` itself.
    """

    ops: Sequence[Op]
    failed: FailedCall | None
    error: BaseException | None

    def reaches(self, goal: str) -> bool:
        """Whether the pass was whole, or came beyond the call named ``goal``."""
        return self.error is None or any(op.name == goal for op in self.ops)


Attempt = Callable[[nn.Module, Shape], Outcome]
"""Runs a model with one input of a shape."""


def other_inputs(
    kind: OtherInput, model: nn.Module, shape: Shape, goal: str, attempt: Attempt
) -> tuple[Mend, ...]:
    """The other input, of the ``kind`` worth trying, with which ``model`` passes the call named ``goal``; if any does.

    ``shape`` is the one that failed there.
    """
    if len(shape) < 2 or not kind:
        return ()
    found = _larger(model, shape, goal, attempt) if kind == "larger" else _even(model, shape, goal, attempt)
    return () if found is None else (found,)


def _larger(model: nn.Module, shape: Shape, goal: str, attempt: Attempt) -> Mend | None:
    sides = _Sides(model, shape, goal, attempt)
    reached = _smallest(lambda side: sides.reached(side), min(shape[1:]))
    if reached is None:
        return None
    whole = _smallest(lambda side: sides.verdict(side) >= 0, reached - 1)
    if whole is None or sides.verdict(whole) > 0:
        fitting = sides.shape(reached)
        text = Message("It fits for an input of {shape} or more.", shape=shape_text(fitting))
        return Mend(text, fitting, ahead=True)
    fitting = sides.shape(whole)
    text = Message(
        "The smallest input with which the network runs is {shape}: enlarge the images, with "
        "transforms.Resize(({sizes})), for example.",
        shape=shape_text(fitting),
        sizes=", ".join(map(str, fitting[1:])),
    )
    if len(fitting) != 3:
        text = Message(
            "The smallest input with which the network runs is {shape}.", shape=shape_text(fitting)
        )
    return Mend(text, fitting, ahead=True)


class _Sides:
    """What becomes of inputs whose sides are at least so long; each is tried once."""

    def __init__(self, model: nn.Module, shape: Shape, goal: str, attempt: Attempt) -> None:
        self._model, self._shape, self._goal, self._attempt = model, shape, goal, attempt
        self._outcomes: dict[int, Outcome] = {}

    def shape(self, side: int) -> Shape:
        """The input shape with sides of at least ``side``."""
        return (self._shape[0], *(max(size, side) for size in self._shape[1:]))

    def _outcome(self, side: int) -> Outcome:
        if side not in self._outcomes:
            self._outcomes[side] = self._attempt(self._model, self.shape(side))
        return self._outcomes[side]

    def reached(self, side: int) -> bool:
        """Whether the pass comes beyond the call that failed."""
        return self._outcome(side).reaches(self._goal)

    def verdict(self, side: int) -> int:
        """0 where the whole pass succeeds, -1 where the input is too small for it, 1 where nothing says so."""
        outcome = self._outcome(side)
        if outcome.error is None:
            return 0
        if outcome.failed is None:
            return 1
        told = diagnose(outcome.failed, outcome.ops)
        fewer = (
            "in_features" in outcome.failed.arguments
            and isinstance(told.received, int)
            and isinstance(told.expected, int)
            and told.received < told.expected
        )
        return -1 if told.other_input == "larger" or fewer else 1


def _smallest(fits: Callable[[int], bool], failing: int) -> int | None:
    """The smallest side above ``failing`` that ``fits``, where all longer ones do, too; None up to a limit."""
    high = max(2 * failing, failing + 1)
    low = failing
    while not fits(high):
        low, high = high, 2 * high
        if high > _LARGEST_SIDE:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _even(model: nn.Module, shape: Shape, goal: str, attempt: Attempt) -> Mend | None:
    for factor in _MULTIPLES:
        sizes = tuple(-(-size // factor) * factor for size in shape[1:])
        fitting = (shape[0], *sizes)
        if fitting != shape and attempt(model, fitting).reaches(goal):
            text = Message(
                "Or use an input whose sides are multiples of {factor}, such as {shape}.",
                factor=factor,
                shape=shape_text(fitting),
            )
            return Mend(text, fitting)
    return None
