"""Why an output has the shape it has: for each op the rule, the rule with numbers, and a sentence.

Sizes of convolutions and poolings follow the formulas of PyTorch's documentation (``Conv2d``,
``MaxPool2d``); Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning",
derives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnviz.shapes.op import Op
from cnnviz.shapes.rules.adaptive import adaptive
from cnnviz.shapes.rules.explanation import Explanation, plain
from cnnviz.shapes.rules.features import attention, linear, product_of_matrices
from cnnviz.shapes.rules.growing import padded, resized, shuffled, transposed_convolution, unpooled
from cnnviz.shapes.rules.merging import concatenation, elementwise, stacked
from cnnviz.shapes.rules.normalising import normalisation
from cnnviz.shapes.rules.reshaping import rearranged, reduced, reordered, split
from cnnviz.shapes.rules.valuewise import activation, dropout, identity, one_by_one
from cnnviz.shapes.rules.windows import window, window_size

__all__ = ["Explanation", "explain", "window_size"]

_RULES: tuple[Callable[[Op, Sequence[Op]], Explanation | None], ...] = (
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
    normalisation,
    dropout,
    activation,
    padded,
    resized,
    shuffled,
    reduced,
    split,
    reordered,
    rearranged,
    identity,
    one_by_one,
)
"""Each answers None for an op that it does not know, or whose numbers it cannot reproduce."""


def explain(op: Op, ops: Sequence[Op]) -> Explanation:
    """Explain the output shape of ``op``, one of ``ops``, from its arguments and input shapes."""
    if op.input_shapes:
        for rule in _RULES:
            explanation = rule(op, ops)
            if explanation is not None:
                return explanation
    return plain(op)
