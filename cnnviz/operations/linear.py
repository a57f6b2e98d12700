"""Linear layers, matrix products and attention: each output is a sum of products over many inputs."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations import refusals
from cnnviz.operations.arrangement import (
    diagnose_unflattened,
    joined_elsewhere,
    lost_batch,
    rows_not_transposed,
)
from cnnviz.operations.batch_axis import WITHOUT, BatchCall, Layout
from cnnviz.operations.diagnosis import origins
from cnnviz.operations.explanation import Explanation, rows_of_weights
from cnnviz.operations.fixes import fix, of_origin
from cnnviz.operations.kernels import Kernel
from cnnviz.operations.op import FailedCall, Failure, Fix, Mend, Op, Shape, called, product, shape_text
from cnnviz.operations.operation import define, never
from cnnviz.operations.reach import Call, Reach, UnknownError, joined

# -- shapes ------------------------------------------------------------------------------------------


def explain_linear(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A linear layer, y = W x + b."""
    in_features, out_features = op.arguments.get("in_features"), op.arguments.get("out_features")
    if in_features is None or out_features is None or not op.output_shape:
        return None
    if op.output_shape[-1] != out_features:
        return None
    sentence = Message(
        "{name} is Linear({in_features}, {out_features}): in_features is the number of values it "
        "receives, {in_features}, and it outputs {out_features}.",
        name=op.title,
        in_features=in_features,
        out_features=out_features,
    )
    formula = "y = W x" if op.arguments.get("bias") is False else "y = W x + b"
    notes: tuple[Message, ...] = ()
    if len(op.output_shape) > 1:
        rows = shape_text(op.output_shape[:-1])
        notes = (Message("It works on the last dimension only, {rows} times.", rows=rows),)
    return Explanation(
        "Linear(in_features, out_features)",
        f"Linear({in_features}, {out_features})",
        sentence,
        notes,
        (
            Message(
                "Each output is a sum of all inputs, each multiplied by its own weight: {formula}.",
                formula=formula,
            ),
        ),
    )


def explain_matrix_product(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """(a x b) times (b x c) is (a x c)."""
    if len(op.input_shapes) != 2:
        return None
    left, right = op.input_shapes
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        return None
    sentence = Message(
        "{name} is a matrix product: each value is the sum of {inner} products of a row and a column: "
        "{output}.",
        name=op.title,
        inner=left[-1],
        output=shape_text(op.output_shape),
    )
    substituted = f"({shape_text(left)}) * ({shape_text(right)}) = {shape_text(op.output_shape)}"
    return Explanation("(a x b) * (b x c) = (a x c)", substituted, sentence)


def explain_attention(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Multi-head attention (Vaswani et al. 2017, section 3.2): the output has the shape of the queries."""
    heads, width = op.arguments.get("num_heads"), op.arguments.get("embed_dim")
    if not isinstance(heads, int) or not isinstance(width, int) or op.input_shapes[0] != op.output_shape:
        return None
    sentence = Message(
        "{name} lets each position attend to all the others, with {heads} heads of {width}/{heads} = "
        "{each} features each; the shape stays {output}.",
        name=op.title,
        heads=heads,
        width=width,
        each=width // heads,
        output=shape_text(op.output_shape),
    )
    return Explanation("softmax(Q Kᵀ / √d) V", shape_text(op.output_shape), sentence)


def explain_dot_product_attention(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``scaled_dot_product_attention`` (Vaswani et al. 2017, section 3.2.1)."""
    values = {"name": op.title, "output": shape_text(op.output_shape)}
    if op.arguments.get("is_causal"):
        sentence = Message(
            "{name} lets each position attend to itself and the ones before it, weighted by the "
            "products of queries and keys: {output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} lets each position attend to all the others, weighted by the products of queries "
            "and keys: {output}.",
            **values,
        )
    return Explanation("softmax(Q Kᵀ / √d) V", shape_text(op.output_shape), sentence)


def explain_einsum(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``einsum``, whose equation is the rule."""
    equation = op.arguments.get("equation")
    if not isinstance(equation, str):
        return None
    received = ", ".join(shape_text(shape) for shape in op.input_shapes)
    sentence = Message(
        "{name} multiplies values with matching indices and sums over every index that does not appear "
        "after the arrow: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation(equation, f"{received} -> {shape_text(op.output_shape)}", sentence)


def subscripts(equation: str, counts: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand of an ``einsum`` and of its result; an ellipsis becomes letters, too.

    Raises:
        ValueError: the equation does not fit operands with these numbers of dimensions.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    given = left.split(",")
    spare = [letter for letter in string.ascii_letters if letter not in equation]
    longest = 0
    for number, (letters, count) in enumerate(zip(given, counts, strict=True)):
        width = count - len(letters.replace("...", ""))
        longest = max(longest, width if "..." in letters else 0)
        given[number] = letters.replace("...", "".join(spare[:width][::-1]))
        if len(given[number]) != count:
            raise ValueError(equation)
    if not arrow:
        once = sorted(letter for letter in set("".join(given)) if "".join(given).count(letter) == 1)
        right = "".join(once)
    return given, right.replace("...", "".join(spare[:longest][::-1]))


# -- receptive fields and the batch dimension --------------------------------------------------------


def reach_linear(call: Call) -> Reach:
    """Each output feature depends on all input features."""
    return joined([source.reduced([-1]) for source in call.sources], (*call.shape[:-1], 1)).repeated(
        -1, call.shape[-1]
    )


def reach_matrix_product(call: Call) -> Reach:
    """Each value depends on a row of the first matrix and a column of the second."""
    left, right = call.sources
    if min(len(left.shape), len(right.shape)) < 2:
        raise UnknownError
    return joined([left.reduced([-1]), right.reduced([-2])], call.shape)


def reach_einsum(call: Call) -> Reach:
    """Each value depends on everything along the dimensions that are summed: letters the result does not have."""
    given, told = subscripts(str(call.arguments["equation"]), [len(reach.shape) for reach in call.sources])
    operands = []
    for letters, reach in zip(given, call.sources, strict=True):
        if len(set(letters)) < len(letters):
            raise UnknownError
        gone = [dim for dim, letter in enumerate(letters) if letter not in told]
        left = [letter for letter in letters if letter in told]
        found = reach.reduced(gone, keep=False).permuted(
            [left.index(letter) for letter in told if letter in left]
        )
        for dim, letter in enumerate(told):
            found = found if letter in left else found.unsqueezed(dim)
        operands.append(found)
    return joined(operands, call.shape)


def reach_attention(call: Call) -> Reach:
    """``nn.MultiheadAttention``: each query depends on all keys and values."""
    if call.part or len(call.sources) != 3:  # the weights, or a mask
        raise UnknownError
    row = 1 if call.arguments.get("batch_first") else 0
    query, *others = call.sources
    read = [query.reduced([2]), *(other.reduced([row, 2]) for other in others)]
    return joined(read, (*call.shape[:-1], 1)).repeated(-1, call.shape[-1])


def reach_dot_product_attention(call: Call) -> Reach:
    """``scaled_dot_product_attention``: all keys and values; if causal, those up to the query's own position."""
    query, key, value, *masks = call.sources
    if any(not mask.nothing for mask in masks):
        raise UnknownError
    if call.arguments.get("is_causal"):
        if query.shape[-2] != key.shape[-2]:
            raise UnknownError
        read = [query.reduced([-1]), key.reduced([-1]).accumulated(-2), value.accumulated(-2)]
        return joined(read, call.shape)
    return joined([query.reduced([-1]), key.reduced([-1, -2]), value.reduced([-2])], call.shape)


def _batch_axis_of_einsum(call: BatchCall) -> Layout:
    given, told = subscripts(call.arguments["equation"], [len(shape) for shape, _ in call.operands])
    for (_, layout), letters in zip(call.operands, given, strict=True):
        letter = "" if layout.place is None else letters[layout.place]
        if letter and letter in told:
            return Layout(told.index(letter), layout.before, layout.after)
    return WITHOUT


# -- diagnosis and fixes -----------------------------------------------------------------------------


def diagnose_joined(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Branches that were concatenated along another dimension than their features."""
    return joined_elsewhere(call, ops, call.arguments.get("in_features"), axis=-1)


def diagnose_transposed(argument: str, call: FailedCall, _ops: Sequence[Op]) -> Failure | None:
    """Rows whose features, as many as ``argument`` says, are in the first dimension."""
    return rows_not_transposed(call, call.arguments.get(argument))


def diagnose_features(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A Linear whose input has a different number of features from ``in_features``."""
    expected = call.arguments.get("in_features")
    if not isinstance(expected, int) or not call.input_shapes[0] or call.input_shapes[0][-1] == expected:
        return None
    received = call.input_shapes[0][-1]
    flattened = _flattened(call, ops)
    shape = call.input_shapes[0] if flattened is None else ops[flattened].input_shapes[0]
    features = numbers.features(received)
    if flattened is not None:
        features = Message("{shape} = {features}", shape=shape_text(shape), features=features)
    name = called(call.name, call.type)
    refused = refusals.other_features(name, features, received, expected, call.arguments["out_features"])
    before = call.inputs[0] if flattened is None else ops[flattened].inputs[0]
    cause = origins(ops, before, shape)
    mends = () if flattened is None else tuple(_pooled(shape, expected))
    return replace(refused.failure(call, expected, received, cause), mends=mends)


def _pooled(shape: Shape, expected: int) -> Iterator[Mend]:
    """A pooling that brings maps of ``shape`` to the size with which they have the ``expected`` values."""
    channels, dimensions = shape[0], len(shape) - 1
    if channels < 2 or expected % channels or min(shape[1:]) < 1:
        return
    side = round((expected // channels) ** (1 / dimensions))
    if side**dimensions * channels != expected or side > max(shape[1:]):  # it would only repeat values
        return
    values = {
        "pool": f"AdaptiveAvgPool{dimensions}d({side})",
        "shape": shape_text((channels, *(side,) * dimensions)),
        "features": numbers.features(expected),
    }
    if side == 1:
        text = Message(
            "Average each map before the flatten: {pool} gives {shape} = {features}, whatever the input's size.",
            **values,
        )
        yield Mend(text, ahead=True)
    else:
        text = Message(
            "Or put {pool} before the flatten: it gives {shape} = {features}, whatever the input's size.",
            **values,
        )
        yield Mend(text)


def _flattened(call: FailedCall, ops: Sequence[Op]) -> int | None:
    """The op that flattened maps into the failing layer's input, if there is one."""
    index = call.inputs[0] if call.inputs else -1
    while index >= 0:
        op = ops[index]
        received = op.input_shapes[0] if op.input_shapes else ()
        if op.kind == "reshape" and received and product(received) == product(op.output_shape):
            return index if len(received) > 1 and len(op.output_shape) == 1 else None
        if op.kind not in ("activation", "dropout") or not op.inputs:
            return None
        index = op.inputs[0]
    return None


def mend_features(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """``in_features`` as received, or the expected features from the layer that decided them."""
    received = failed.input_shapes[0]
    if len(received) < 3:  # for maps, a missing flatten is more likely
        yield from fix(failed.path, failed.type, failed.arguments, "in_features", received[-1])
        yield from of_origin(failed, ops, failed.arguments["in_features"])


# -- parameters and multiply-adds ----------------------------------------------------------------------


def weights_of_linear(op: Op) -> tuple[str, int]:
    """``(1408 + 1) x 10``: for each output a weight per input feature, and a bias."""
    features = cast(int, op.arguments["in_features"])
    return rows_of_weights(str(features), features, op, "out_features")


def weights_of_bilinear(op: Op) -> tuple[str, int]:
    """``(5 x 7 + 1) x 10``: for each output a weight per pair of input features, and a bias."""
    pair = (cast(int, op.arguments["in1_features"]), cast(int, op.arguments["in2_features"]))
    return rows_of_weights(shape_text(pair), product(pair), op, "out_features")


def macs_of_linear(arguments: Mapping[str, Any], _received: int, given: int) -> int:
    """Each output value sums ``in_features`` products."""
    return given * int(arguments["in_features"])


def macs_formula_of_linear(op: Op) -> tuple[str, int]:
    """``1408 x 10``: the features summed, times the number of output values."""
    factors = (cast(int, op.arguments["in_features"]), *op.output_shape)
    return shape_text(factors), product(factors)


# -- entries -------------------------------------------------------------------------------------------


def _of_weight(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The features of a linear function, from its weight of shape (out_features, in_features)."""
    weight = bound.get("weight")
    if weight is not None:
        found |= {"in_features": weight.shape[1], "out_features": weight.shape[0]}
        found["bias"] = bound.get("bias") is not None


def _kernel_of_linear(op: Op) -> Kernel | None:
    names = ("weight", "bias") if op.arguments.get("bias") else ("weight",)
    return {"kernel": "linear", "weights": {name: name for name in names}}


define(
    "linear",
    "Linear",
    kind="linear",
    kernel=_kernel_of_linear,
    arguments="input weight bias",
    attributes="in_features out_features",
    complete=_of_weight,
    explain=explain_linear,
    parameters=weights_of_linear,
    macs=macs_of_linear,
    macs_formula=macs_formula_of_linear,
    reach=reach_linear,
    diagnose=(
        lost_batch,
        diagnose_joined,
        diagnose_unflattened,
        partial(diagnose_transposed, "in_features"),
        diagnose_features,
    ),
    mend=mend_features,
)
define(
    "bilinear",
    "Bilinear",
    kind="linear",
    arguments="input1 input2 weight bias",
    attributes="in1_features in2_features out_features",
    parameters=weights_of_bilinear,
    measured_macs=True,
    reach=reach_linear,
)
define(
    "matmul mm bmm",
    kind="linear",
    measured_macs=True,
    explain=explain_matrix_product,
    reach=reach_matrix_product,
)
define("addmm baddbmm", kind="linear", measured_macs=True)
define("mv", kind="linear", measured_macs=True)
define("tensordot", kind="linear", measured_macs=True)
define(
    "einsum",
    kind="linear",
    arguments="equation",
    measured_macs=True,
    explain=explain_einsum,
    reach=reach_einsum,
    batch_axis=_batch_axis_of_einsum,
    stays_in_front=never,
)
define(
    "multi_head_attention_forward",
    "MultiheadAttention",
    attributes="embed_dim num_heads batch_first",
    projections=2,  # to queries, keys and values side by side, and of what is attended to
    random=True,
    measured_macs=True,
    explain=explain_attention,
    reach=reach_attention,
    diagnose=(lost_batch, partial(diagnose_transposed, "embed_dim")),
)
define(
    "scaled_dot_product_attention",
    arguments="query key value attn_mask dropout_p is_causal",
    random=True,
    measured_macs=True,
    explain=explain_dot_product_attention,
    reach=reach_dot_product_attention,
)
