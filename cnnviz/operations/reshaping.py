"""Reshaping: the same values in the same order, cut into another shape: flatten, view, reshape, squeeze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.arrangement import by_batch_size
from cnnviz.operations.batch_axis import BatchCall, Layout, refactored
from cnnviz.operations.diagnosis import origins
from cnnviz.operations.explanation import Explanation, moving
from cnnviz.operations.kernels import unchanged
from cnnviz.operations.op import MODEL_INPUT, FailedCall, Failure, Op, Shape, called, product, shape_text
from cnnviz.operations.operation import define, never, operation_of
from cnnviz.operations.reach import Call, Reach

# -- shapes ------------------------------------------------------------------------------------------


def explain_reshape(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """The same values in another shape: flatten, view, reshape, unflatten."""
    received = op.input_shapes[0]
    if op.kind != "reshape" or product(received) != product(op.output_shape):
        return None
    if fixes_rows(op):
        return _explain_fixed_rows(op)
    sentence = Message(
        "{name} rearranges the {count} values of {input} without losing any: {output}.",
        name=op.title,
        count=f"{product(received):,}",
        input=shape_text(received),
        output=shape_text(op.output_shape),
    )
    if len(op.output_shape) == 1 and len(received) > 1:
        rule = " x ".join(("C", "H", "W")[: len(received)]) if len(received) <= 3 else "n1 x n2 x ..."
        return Explanation(
            rule, f"{shape_text(received)} = {product(received)}", sentence, background=_left_over(op)
        )
    return Explanation(
        "n1 x n2 = m1 x m2",
        f"{shape_text(received)} -> {shape_text(op.output_shape)}",
        sentence,
        background=_left_over(op),
    )


def fixes_rows(op: Op) -> bool:
    """Whether ``op`` makes a number of rows that stands in the code, such as ``view(64, -1)``, of any batch."""
    wanted = op.arguments.get("shape")
    first = wanted[0] if isinstance(wanted, tuple) and wanted else None
    return isinstance(first, int) and first > 0 and op.layout.place == 0 and not op.layout.alone


def _explain_fixed_rows(op: Op) -> Explanation:
    received, rows = op.input_shapes[0], cast(Shape, op.arguments["shape"])[0]
    sentence = Message(
        "{name} makes {rows} rows of the whole batch, however many images it has: a row is one image only in a batch "
        "of {rows}. The sizes shown are for a batch of two.",
        name=op.title,
        rows=rows,
    )
    substituted = f"N x {shape_text(received)} -> {rows} x N*{product(received)}/{rows}"
    return Explanation("N x n1 x n2 -> m1 x N*n1*n2/m1", substituted, sentence)


def _left_over(op: Op) -> tuple[Message, ...]:
    wanted = op.arguments.get("shape")
    if not isinstance(wanted, tuple) or -1 not in [size for size in wanted if isinstance(size, int)]:
        return ()
    return (Message("In a view, -1 stands for the size that follows from all the others."),)


# -- receptive fields and the batch dimension --------------------------------------------------------


def reach_reshape(call: Call) -> Reach:
    """The same values in the same order."""
    return call.first.reshaped(call.shape)


def _batch_axis_of_reshape(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    return refactored(shape, layout, call.result, call.images)


# -- diagnosis -------------------------------------------------------------------------------------------


def diagnose_view(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A view whose shape has another number of values than its input."""
    wanted = call.arguments.get("shape")
    if not isinstance(wanted, tuple) or not all(isinstance(size, int) for size in wanted):
        return None
    received = call.input_shapes[0]
    if _fits(call, wanted):
        return _not_in_order(call, ops)
    if wanted and wanted[0] > 0 and (wanted[1:] == (-1,) or product(wanted[1:]) == product(received)):
        return _fixed_batch(call, wanted)
    reason = Message(
        "{name} cannot reshape {shape} ({values} per image) to {wanted}: the products of the sizes differ.",
        name=called(call.name, call.type),
        shape=shape_text(received),
        values=numbers.values(product(received)),
        wanted=str(wanted),
    )
    return Failure(
        call.name,
        call.type,
        reason,
        cast(Shape, wanted),
        received,
        cause=origins(ops, call.inputs[0], received),
        advice=Message(
            "Write x.flatten(1), which gives {features} for each image.",
            features=numbers.features(product(received)),
        )
        if len(wanted) <= 2
        else Message(
            "The sizes after the batch must multiply to {count}, or one of them be -1.",
            count=product(received),
        ),
    )


def _fits(call: FailedCall, wanted: Shape) -> bool:
    """Whether the sizes multiply to the number of values of the batch."""
    values = call.images * product(call.input_shapes[0])
    known = product(tuple(size for size in wanted if size != -1))
    return values == known if -1 not in wanted else known > 0 and values % known == 0


def _fixed_batch(call: FailedCall, wanted: Shape) -> Failure:
    """``x.view(64, 3136)``: the number of images stands in the code."""
    received = call.input_shapes[0]
    reason = Message(
        "{name} wants {rows}, one for each image of a batch of {count}: it fails for a batch of any other size.",
        name=f"{called(call.name, call.type)}({', '.join(map(str, wanted))})",
        rows=numbers.rows(wanted[0]),
        count=wanted[0],
    )
    advice = by_batch_size(call.type, wanted)
    return Failure(call.name, call.type, reason, wanted, received, advice=advice, settled=True)


def _not_in_order(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """A view of values that do not lie in memory in the order in which it would read them."""
    received = call.input_shapes[0]
    maker = _out_of_order(ops, call.inputs[0])
    values = {
        "name": called(call.name, call.type),
        "shape": shape_text(received),
        "count": numbers.values(product(received)),
    }
    if maker is None:
        reason = Message(
            "{name} cannot read {shape} in this order: view copies nothing, and the values lie in memory in "
            "another order.",
            **values,
        )
        cause = None
    else:
        reason = Message(
            "{name} cannot read {shape} in this order: view copies nothing, and in memory the values still lie "
            "as before {maker}.",
            maker=maker.title,
            **values,
        )
        cause = None
        if operation_of(maker).reorders:
            cause = Message(
                "With a single channel (or any size of 1 that moves) the order in memory stays the same, and view works."
            )
    arguments = ", ".join(map(str, cast(Shape, call.arguments["shape"])))
    advice = Message(
        "Use reshape, which copies where it must: x.reshape({sizes}), or x.contiguous().view({sizes}).",
        sizes=_by_size(call, arguments),
    )
    return Failure(call.name, call.type, reason, None, received, cause=cause, advice=advice, settled=True)


def _by_size(call: FailedCall, arguments: str) -> str:
    """The sizes as one writes them: the number of images is read from the tensor."""
    first, comma, rest = arguments.partition(", ")
    return f"x.size(0){comma}{rest}" if first == str(call.images) else arguments


def _out_of_order(ops: Sequence[Op], index: int) -> Op | None:
    """The op before a view that left the values where they were, and only changed the order of reading them."""
    while index != MODEL_INPUT:
        op = ops[index]
        operation = operation_of(op)
        if operation.reorders or op.base in (
            "expand",
            "expand_as",
            "broadcast_to",
            "getitem",
            "narrow",
            "select",
            "chunk",
            "split",
        ):
            return op
        if not operation.pointwise or len(op.inputs) != 1:
            return None
        index = op.inputs[0]
    return None


# -- entries -------------------------------------------------------------------------------------------

_RESHAPE: Mapping[str, Any] = {
    "kind": "reshape",
    "keeps_order": True,
    "kernel": unchanged,
    "reach": reach_reshape,
    "batch_axis": _batch_axis_of_reshape,
}
define("flatten ravel", "Flatten", arguments="input start_dim end_dim", explain=explain_reshape, **_RESHAPE)
define("unflatten", "Unflatten", attributes="dim unflattened_size", explain=explain_reshape, **_RESHAPE)
define("view reshape", listed="shape", explain=explain_reshape, diagnose=(diagnose_view,), **_RESHAPE)
define("view_as reshape_as", explain=explain_reshape, **_RESHAPE)
define(
    "squeeze",
    arguments="input dim",
    explain=moving(Message("{name} removes dimensions of size 1; the values stay the same: {output}.")),
    **_RESHAPE,
)
define(
    "unsqueeze",
    arguments="input dim",
    explain=moving(Message("{name} adds a dimension of size 1; the values stay the same: {output}.")),
    stays_in_front=never,
    **_RESHAPE,
)
