"""Reductions: one value is left of many, along some dimensions or of all there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.batch_axis import WITHOUT, BatchCall, Layout, kept, removed
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.op import Op, product, shape_text
from cnnviz.operations.operation import define
from cnnviz.operations.reach import Call, Reach, listed, value_by_value


def explain_reduction(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions of which one value is left: ``x.mean((2, 3))``."""
    received = op.input_shapes[0]
    dims = op.arguments.get("dim")
    if dims is None:
        return _all_of_it(op)
    listed = [dims] if isinstance(dims, int) else list(cast(Sequence[int], dims))
    if not all(isinstance(dim, int) and -len(received) <= dim <= len(received) and dim for dim in listed):
        return None
    axes = {(dim if dim > 0 else len(received) + 1 + dim) - 1 for dim in listed}
    kept = bool(op.arguments.get("keepdim"))
    left = tuple(1 if i in axes else n for i, n in enumerate(received) if kept or i not in axes)
    if left != op.output_shape or -1 in axes:
        return None
    gone = tuple(received[axis] for axis in sorted(axes))
    count = f"{shape_text(gone)} = {product(gone)}" if len(gone) > 1 else shape_text(gone)
    values = {"name": op.title, "count": count, "output": shape_text(op.output_shape)}
    if op.base == "mean":
        sentence = Message("{name} averages {count} values at a time, leaving {output}.", **values)
    elif op.base == "argmax":
        sentence = Message(
            "{name} returns the index of the largest of {count} values, leaving {output}.", **values
        )
    elif op.base == "argmin":
        sentence = Message(
            "{name} returns the index of the smallest of {count} values, leaving {output}.", **values
        )
    else:
        sentence = Message("{name} reduces {count} values at a time to one, leaving {output}.", **values)
    rule = "C x H x W -> C x 1 x 1" if kept else "C x H x W -> C"
    if (len(received), axes) != (3, {1, 2}):
        rule = "n1 x n2 -> n1 x 1" if kept else "n1 x n2 -> n1"
    return Explanation(rule, f"{shape_text(received)} -> {shape_text(op.output_shape)}", sentence)


def _all_of_it(op: Op) -> Explanation | None:
    """A sum over all dimensions: the batch, too."""
    if op.output_shape or len(op.inputs) > 1:
        return None
    received = shape_text(op.input_shapes[0])
    sentence = Message(
        "{name} reduces all values, {input} per image, of all images of the batch to a single one.",
        name=op.title,
        input=received,
    )
    return Explanation("n1 x n2 -> 1", f"{received} -> 1", sentence)


def reach_reduction(call: Call) -> Reach:
    """One value of all along some dimensions, or of all there are."""
    if len(call.sources) > 1:  # ``max`` of two tensors
        return value_by_value(call)
    reach, dims = call.first, call.arguments.get("dim")
    axes = range(len(reach.shape)) if dims is None else [dim % len(reach.shape) for dim in listed(dims)]
    if len(call.shape) == len(reach.shape):  # the dimensions stay, with one place each
        return replace(reach.reduced(axes), places=reach.places)
    return reach.reduced(axes, keep=False)


def _batch_axis_of_reduction(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    dims = call.arguments.get("dim")
    if dims is None or len(call.result) == len(shape):
        return kept(call) if call.result else WITHOUT
    return removed(layout, [dim % len(shape) for dim in listed(dims)])


for _names, _arguments in (
    ("mean nanmean", "input dim keepdim"),
    ("sum nansum", "input dim keepdim"),
    ("amax amin aminmax", "input dim keepdim"),
    ("argmax", "input dim keepdim"),
    ("argmin", "input dim keepdim"),
    ("max min median nanmedian mode", "input dim keepdim"),
    ("prod logsumexp all any count_nonzero", "input dim keepdim"),
    ("std var std_mean var_mean", "input dim unbiased keepdim"),
    ("norm", "input p dim keepdim"),
    ("vector_norm", "input ord dim keepdim"),
):
    define(
        _names,
        arguments=_arguments,
        explain=explain_reduction,
        reach=reach_reduction,
        batch_axis=_batch_axis_of_reduction,
    )
