"""Why an output has the shape it has: for each op the rule, the rule with numbers, and a sentence.

Sizes of convolutions and poolings follow the formulas of PyTorch's documentation (``Conv2d``,
``MaxPool2d``); Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning",
derives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cnnviz.language import Message
from cnnviz.operations.batch_layout import FRONT
from cnnviz.operations.op import Op
from cnnviz.operations.rules.adaptive import adaptive
from cnnviz.operations.rules.dropout import dropout
from cnnviz.operations.rules.elementwise import activation, constant, identity, one_by_one
from cnnviz.operations.rules.explanation import Explanation, plain
from cnnviz.operations.rules.features import attention, linear, product_of_matrices
from cnnviz.operations.rules.merging import concatenation, elementwise, stacked
from cnnviz.operations.rules.moving import moved
from cnnviz.operations.rules.normalising import normalisation
from cnnviz.operations.rules.reshaping import rearranged, reduced, reordered, split
from cnnviz.operations.rules.sequences import dot_products, looked_up, recurrent, running, summed_products
from cnnviz.operations.rules.upsampling import padded, resized, shuffled, transposed_convolution, unpooled
from cnnviz.operations.rules.windows import window

__all__ = ["Explanation", "explain"]

_RULES: tuple[Callable[[Op, Sequence[Op]], Explanation | None], ...] = (
    constant,
    concatenation,
    stacked,
    elementwise,
    adaptive,
    transposed_convolution,
    unpooled,
    window,
    linear,
    product_of_matrices,
    attention,
    dot_products,
    summed_products,
    recurrent,
    running,
    looked_up,
    normalisation,
    dropout,
    activation,
    padded,
    resized,
    shuffled,
    reduced,
    split,
    reordered,
    identity,
    moved,
    rearranged,
    one_by_one,
)
"""Each answers None for an op that it does not know, or whose numbers it cannot reproduce."""


def explain(op: Op, ops: Sequence[Op]) -> Explanation:
    """Explain the output shape of ``op``, one of ``ops``, from its arguments and input shapes."""
    if op.input_shapes:
        for rule in _RULES:
            explanation = rule(op, ops)
            if explanation is not None:
                return _with_layout(explanation, op)
    return _with_layout(plain(op), op)


def _with_layout(explanation: Explanation, op: Op) -> Explanation:
    """With a note where the batch is not simply in front."""
    layout = op.layout
    if layout == FRONT or (layout.place is None and not layout.mixed and not op.output_shape):
        return explanation
    if layout.mixed:
        note = Message(
            "Here the images of a batch lie across the dimensions: sizes are those of a batch of two."
        )
    elif layout.place is None:
        note = Message("It has no batch dimension: it is one and the same for all images.")
    elif layout.alone:
        note = Message("The batch is not in front here, it is dimension {place}.", place=layout.place)
    else:
        note = Message(
            "The batch is folded into dimension {place}, which has {count} rows for each image.",
            place=layout.place,
            count=layout.before * layout.after,
        )
    return replace(explanation, background=(*explanation.background, note))
