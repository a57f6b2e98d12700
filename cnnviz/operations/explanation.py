"""What an explanation of an op's shape consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT, Op, shape_text


@dataclass(frozen=True)
class Explanation:
    """A rule in letters, the same rule with numbers, a sentence that says what it means, and more if need be.

    Where an op keeps the shape, the rule is the formula of its values. ``notes`` say what the rule does
    not tell of this very op: rows that are never read, groups. ``background`` is what holds for every op of
    its kind, such as training against evaluation: a derivation tells it once.
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
    """An op without a rule here: what arrives and what comes out."""
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
    """A number as formulas show it: 0.5, 1e-05, 3."""
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def rows_of_weights(text: str, weights: int, op: Op, rows: str) -> tuple[str, int]:
    """``(5 x 5 x 1 + 1) x 10`` and 260: ``rows`` names the argument that holds how many rows of ``weights`` there are."""
    count = cast(int, op.arguments[rows])
    if op.arguments.get("bias"):
        return f"({text} + 1) x {count}", (weights + 1) * count
    return f"{text} x {count}", weights * count


def moving(sentence: Message) -> Callable[[Op, Sequence[Op]], Explanation]:
    """The explanation of an op that puts values elsewhere and changes none: ``sentence`` gets ``name`` and ``output``."""

    def explain(op: Op, _ops: Sequence[Op]) -> Explanation:
        received, given = shape_text(op.input_shapes[0]), shape_text(op.output_shape)
        kept = op.input_shapes[0] == op.output_shape
        return Explanation(
            "m = n" if kept else "n -> m",
            given if kept else f"{received} -> {given}",
            Message(sentence.template, name=op.title, output=given),
        )

    return explain
