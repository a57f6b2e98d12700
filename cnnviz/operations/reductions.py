"""Reductions: many values become one, along some dimensions or along all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from cnnviz.language import Message
from cnnviz.operations.batch_axis import WITHOUT, BatchCall, Layout, kept, removed
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.kernels import Kernel, image_axis
from cnnviz.operations.op import Op, product, shape_text
from cnnviz.operations.operation import define
from cnnviz.operations.reach import Call, Reach, listed, value_by_value


def explain_reduction(sentence: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Dimensions reduced to one value, as in ``x.mean((2, 3))``; ``sentence`` says which."""
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
    told = Message(sentence.template, name=op.title, count=count, output=shape_text(op.output_shape))
    rule = "C x H x W -> C x 1 x 1" if kept else "C x H x W -> C"
    if (len(received), axes) != (3, {1, 2}):
        rule = "n1 x n2 -> n1 x 1" if kept else "n1 x n2 -> n1"
    return Explanation(rule, f"{shape_text(received)} -> {shape_text(op.output_shape)}", told)


def _all_of_it(op: Op) -> Explanation | None:
    """A reduction over all dimensions, including the batch."""
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
    """Each value depends on all values along the dimensions that are reduced."""
    if len(call.sources) > 1:  # ``max`` of two tensors
        return value_by_value(call)
    reach, dims = call.first, call.arguments.get("dim")
    axes = range(len(reach.shape)) if dims is None else [dim % len(reach.shape) for dim in listed(dims)]
    if len(call.shape) == len(reach.shape):  # the dimensions stay, with size 1
        return replace(reach.reduced(axes), places=reach.places)
    return reach.reduced(axes, keep=False)


def _batch_axis_of_reduction(call: BatchCall) -> Layout:
    shape, layout = call.moving[0]
    dims = call.arguments.get("dim")
    if dims is None or len(call.result) == len(shape):
        return kept(call) if call.result else WITHOUT
    return removed(layout, [dim % len(shape) for dim in listed(dims)])


def _keeps_images(arguments: Mapping[str, Any]) -> bool:
    """Whether the dimensions that are reduced are known, and the first is none of them."""
    dims = arguments.get("dim")
    entries = dims if isinstance(dims, (tuple, list)) else (dims,)
    return all(isinstance(dim, int) and dim > 0 for dim in entries)


def _kernel_of_mean(op: Op) -> Kernel | None:
    axes = len(op.input_shapes[0])
    dims = op.arguments.get("dim")
    found = [image_axis(dim, axes) for dim in (listed(dims) if dims is not None else ())]
    return {"kernel": "mean", "axes": found} if found and None not in found else None


_MEAN = Message("{name} averages {count} values at a time, leaving {output}.")
_LARGEST = Message("{name} returns the index of the largest of {count} values, leaving {output}.")
_SMALLEST = Message("{name} returns the index of the smallest of {count} values, leaving {output}.")
_ONE_VALUE = Message("{name} reduces {count} values at a time to one, leaving {output}.")

for _names, _arguments, _sentence in (
    ("mean nanmean", "input dim keepdim", _MEAN),
    ("sum nansum", "input dim keepdim", _ONE_VALUE),
    ("amax amin aminmax", "input dim keepdim", _ONE_VALUE),
    ("argmax", "input dim keepdim", _LARGEST),
    ("argmin", "input dim keepdim", _SMALLEST),
    ("max min median nanmedian mode", "input dim keepdim", _ONE_VALUE),
    ("prod logsumexp all any count_nonzero", "input dim keepdim", _ONE_VALUE),
    ("std var std_mean var_mean", "input dim unbiased keepdim", _ONE_VALUE),
    ("norm", "input p dim keepdim", _ONE_VALUE),
    ("vector_norm", "input ord dim keepdim", _ONE_VALUE),
):
    define(
        _names,
        arguments=_arguments,
        kernel=_kernel_of_mean if _sentence is _MEAN else None,
        explain=partial(explain_reduction, _sentence),
        reach=reach_reduction,
        batch_axis=_batch_axis_of_reduction,
        stays_in_front=_keeps_images,
    )
