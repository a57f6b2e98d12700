"""Why an output has the shape it has: for each op the rule, the rule with numbers, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.explanation import Explanation, plain
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.operation import operation_of
from cnnviz.operations.reshaping import explain_reshape, fixes_rows


def explain(op: Op, ops: Sequence[Op]) -> Explanation:
    """Explain the output shape of ``op``, one of ``ops``, from its arguments and input shapes."""
    explanation = None
    if op.input_shapes:
        rule = operation_of(op).explain
        explanation = (rule and rule(op, ops)) or _by_kind(op, ops)
    return _with_layout(explanation or plain(op), op)


def _by_kind(op: Op, ops: Sequence[Op]) -> Explanation | None:
    """What can be said of any op that reshapes, or that keeps the shape."""
    if op.kind == "reshape" and (found := explain_reshape(op, ops)):
        return found
    if op.input_shapes[0] != op.output_shape or op.kind in ("convolution", "pooling", "linear"):
        return None
    values = {"name": op.title, "type": op.type, "output": shape_text(op.output_shape)}
    if operation_of(op).pointwise:
        sentence = Message("{name} works on each value separately: the shape stays {output}.", **values)
    elif op.kind == "normalisation":
        sentence = Message(
            "{name} shifts and scales the values; their number stays the same: {output}.", **values
        )
    else:
        sentence = Message("{name} ({type}) does not change the shape: {output}.", **values)
    return Explanation("m = n", shape_text(op.output_shape), sentence)


def _with_layout(explanation: Explanation, op: Op) -> Explanation:
    """``explanation`` with a note where the batch is not simply dimension 0."""
    layout = op.layout
    if (
        layout == FRONT
        or fixes_rows(op)
        or (layout.place is None and not layout.mixed and not op.output_shape)
    ):
        return explanation
    if layout.mixed:
        note = Message(
            "The images of the batch are spread over several dimensions here; the sizes shown are for a "
            "batch of two."
        )
    elif layout.place is None:
        note = Message("It has no batch dimension: all images share it.")
    elif layout.alone:
        note = Message(
            "The batch dimension is not at the front here: it is dimension {place}.", place=layout.place
        )
    else:
        note = Message(
            "The batch is merged into dimension {place}, which has {count} rows per image.",
            place=layout.place,
            count=layout.before * layout.after,
        )
    return replace(explanation, background=(*explanation.background, note))
