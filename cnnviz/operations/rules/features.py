"""Linear layers, products of matrices, attention."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.rules.explanation import Explanation


def linear(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Y = W x + b: as many features as there are rows of weights."""
    in_features, out_features = op.arguments.get("in_features"), op.arguments.get("out_features")
    if in_features is None or out_features is None or not op.output_shape:
        return None
    if op.output_shape[-1] != out_features:
        return None
    sentence = Message(
        "{name} is Linear({in_features}, {out_features}): its in_features is the {in_features} values that "
        "arrive, and it gives {out_features}.",
        name=op.title,
        in_features=in_features,
        out_features=out_features,
    )
    formula = "y = W x" if op.arguments.get("bias") is False else "y = W x + b"
    notes: tuple[Message, ...] = ()
    if len(op.output_shape) > 1:
        rows = shape_text(op.output_shape[:-1])
        notes = (Message("It works on the last dimension alone, {rows} times.", rows=rows),)
    return Explanation(
        "Linear(in_features, out_features)",
        f"Linear({in_features}, {out_features})",
        sentence,
        notes,
        (
            Message(
                "Each output sums all inputs, each times a weight of its own: {formula}.", formula=formula
            ),
        ),
    )


def product_of_matrices(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """(a x b) times (b x c) is (a x c)."""
    if op.type not in ("matmul", "mm", "bmm") or len(op.input_shapes) != 2:
        return None
    left, right = op.input_shapes
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        return None
    sentence = Message(
        "{name} multiplies matrices: each value sums {inner} products of a row and a column: {output}.",
        name=op.title,
        inner=left[-1],
        output=shape_text(op.output_shape),
    )
    substituted = f"({shape_text(left)}) * ({shape_text(right)}) = {shape_text(op.output_shape)}"
    return Explanation("(a x b) * (b x c) = (a x c)", substituted, sentence)


def attention(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Multi-head attention (Vaswani et al. 2017, section 3.2): the shape of the queries stays."""
    heads, width = op.arguments.get("num_heads"), op.arguments.get("embed_dim")
    if not isinstance(heads, int) or not isinstance(width, int) or op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} lets each of the places look at all others: {heads} heads of {width}/{heads} = {each} features each "
        "weigh what they find; the shape stays {output}.",
        name=op.title,
        heads=heads,
        width=width,
        each=width // heads,
        output=shape_text(op.output_shape),
    )
    return Explanation("softmax(Q Kᵀ / √d) V", shape_text(op.output_shape), sentence)
