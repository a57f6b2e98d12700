"""The parts of an explanation of an op's shape, and the explanations that several families share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Op, shape_text


@dataclass(frozen=True)
class Explanation:
    """A rule in letters, the same rule with numbers, and a sentence that says what it means.

    Where an op keeps the shape, the rule is the formula of its values. ``notes`` add what is particular to this op,
    such as rows that are never read. ``background`` holds for every op of its kind, such as the difference between
    training and evaluation; a derivation says it once.
    """

    rule: str
    substituted: str
    sentence: Message
    notes: tuple[Message, ...] = ()
    background: tuple[Message, ...] = ()


def source_name(index: int, ops: Sequence[Op]) -> str:
    """The name of the op at ``index``, ``x`` for the model's input."""
    return "x" if index == MODEL_INPUT else ops[index].title


def plain(op: Op) -> Explanation:
    """An op without a rule: the shapes of its input and output."""
    received = ", ".join(shape_text(shape) for shape in op.input_shapes) or "-"
    sentence = Message(
        "{name} ({type}) turns {input} into {output}.",
        name=op.title,
        type=op.type,
        input=received,
        output=shape_text(op.output_shape),
    )
    return Explanation("-", f"{received} -> {shape_text(op.output_shape)}", sentence)


def number(value: object) -> str:
    """A number as it stands in formulas: 0.5, 1e-05, 3."""
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def rows_of_weights(text: str, weights: int, op: Op, rows: str) -> tuple[str, int]:
    """``(5 x 5 x 1 + 1) x 10`` and 260; ``rows`` names the argument with the number of rows of ``weights``."""
    count = cast(int, op.arguments[rows])
    if op.arguments.get("bias"):
        return f"({text} + 1) x {count}", (weights + 1) * count
    return f"{text} x {count}", weights * count


def moving(sentence: Message) -> Callable[[Op, Sequence[Op]], Explanation]:
    """The explanation of an op that moves values without changing them; ``sentence`` uses ``name`` and ``output``."""

    def explain(op: Op, _ops: Sequence[Op]) -> Explanation:
        received, given = shape_text(op.input_shapes[0]), shape_text(op.output_shape)
        kept = op.input_shapes[0] == op.output_shape
        return Explanation(
            "m = n" if kept else "n -> m",
            given if kept else f"{received} -> {given}",
            Message(sentence.template, name=op.title, output=given),
        )

    return explain
