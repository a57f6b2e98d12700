"""Softmax and its like: scores that become shares of a whole, along one dimension."""

from __future__ import annotations

from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.rules.explanation import Explanation


def shares(op: Op, name: str, formula: str) -> Explanation:
    """What a softmax does; ``name`` is its type in small letters without underscores."""
    output = shape_text(op.output_shape)
    dim = _dimension(op, name)
    full = op.layout.full(op.output_shape, 2)
    axis = op.layout.axis(dim, len(full))
    if axis is None:
        sentence = Message(
            "{name} takes its sums over the images of the batch, dimension {dim}: the shares of one image do not add "
            "up to 1. Let dim=1 (or -1) name the dimension of the classes; the shape stays {output}.",
            name=op.title,
            dim=dim,
            output=output,
        )
        return Explanation(formula, output, sentence)
    values = {"name": op.title, "count": op.output_shape[axis], "output": output}
    if name == "logsoftmax":
        sentence = Message(
            "{name} turns {count} scores into logarithms of probabilities, which add up to 1; the shape stays {output}.",
            **values,
        )
        told = Message("The loss that belongs to it is NLLLoss; CrossEntropyLoss contains both.")
        return Explanation(formula, output, sentence, background=(told,))
    sentence = Message(
        "{name} turns {count} scores into probabilities, which add up to 1; the shape stays {output}.",
        **values,
    )
    return Explanation(formula, output, sentence)


def _dimension(op: Op, name: str) -> int:
    """The dimension that is summed over, counted from the batch; where none is told, PyTorch's own choice."""
    count, dim = len(op.layout.full(op.output_shape)), op.arguments.get("dim")
    if name == "softmax2d":
        return count - 3
    if isinstance(dim, int):
        return dim % count
    if name == "gumbelsoftmax":
        return count - 1
    return 0 if count in (1, 3) else 1
