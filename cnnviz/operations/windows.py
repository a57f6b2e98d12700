"""Convolution and pooling: windows that slide over a map.

Sizes follow the formulas of PyTorch's documentation (``Conv2d``, ``ConvTranspose2d``, ``MaxPool2d``,
``AdaptiveAvgPool2d``, ``MaxUnpool2d``); see :mod:`cnnviz.operations.window_arithmetic`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.arrangement import lost_batch
from cnnviz.operations.explanation import Explanation, rows_of_weights
from cnnviz.operations.kernels import Kernel, pair
from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product, shape_text
from cnnviz.operations.operation import define, define_each
from cnnviz.operations.reach import Call, Lattice, Reach, Table, UnknownError
from cnnviz.operations.window_arithmetic import Side, same_padding, sides, transposed_sizes
from cnnviz.operations.window_diagnosis import (
    diagnose_arrangement,
    diagnose_channels,
    diagnose_dimensions,
    diagnose_padding,
    diagnose_window,
    mend_convolution,
    mend_pooling,
)

# -- shapes ------------------------------------------------------------------------------------------


def explain_convolution(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A convolution: the number of windows that fit, and one channel for each kernel."""
    one = op.output_shape[:1] == (1,)
    return _explained(op, _ONE_KERNEL if one else _KERNELS, note=_channels_note(op))


_KERNELS = Message(
    "{name} outputs one value for each position where its {kernel} kernel fits; {channels} kernels give "
    "{channels} channels: {output}."
)
_ONE_KERNEL = Message(
    "{name} outputs one value for each position where its {kernel} kernel fits; one kernel gives one "
    "channel: {output}."
)


def explain_pooling(sentence: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A pooling with a kernel; ``sentence`` says what becomes of the values in a window."""
    return _explained(op, sentence)


def explain_average_pooling(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """An average pooling, whose mean may include the padding."""
    sentence = Message(
        "{name} averages each {kernel} window; the number of channels stays {channels}: {output}."
    )
    counted = Message("The mean includes the zeros of the padding (count_include_pad).")
    padded = any(side.before for side in sides(op) or ())
    return _explained(
        op, sentence, background=counted if padded and op.arguments.get("count_include_pad", True) else None
    )


def _explained(
    op: Op, sentence: Message, note: Message | None = None, background: Message | None = None
) -> Explanation | None:
    """How many windows fit along each side; ``note`` and ``background`` add what this kind of window needs."""
    along = sides(op)
    if along is None or tuple(side.count for side in along) != op.output_shape[-len(along) :]:
        return None
    lines = dict.fromkeys(side.formula for side in along)  # usually both sides agree: one line says it
    span = "k" if all(side.dilation == 1 for side in along) else "d(k - 1) - 1"
    padding = ""
    if any(side.before or side.after for side in along):
        padding = " + 2p" if all(side.before == side.after for side in along) else " + p"
    fraction = f"(n{padding} - {span})/s"
    if any("⌊" in line or "⌈" in line for line in lines):
        fraction = f"⌈{fraction}⌉" if along[0].ceil_mode else f"⌊{fraction}⌋"
    notes = (_dilated(along), note, _gaps(along), _dropped(along), _unread(along))
    told_once = (_size_kept(along), background, _over_the_edge(along))
    return Explanation(
        f"{fraction} + 1{' - 1' if any(side.dropped for side in along) else ''}",
        ", ".join(lines),
        Message(
            sentence.template,
            name=op.title,
            kernel=_kernel_text(along),
            output=shape_text(op.output_shape),
            channels=op.output_shape[0],
        ),
        tuple(told for told in notes if told is not None),
        tuple(told for told in told_once if told is not None),
    )


def _kernel_text(along: tuple[Side, ...]) -> Message | str:
    """``3 x 3``; along one dimension, ``3-wide``, which can stand in the same place of a sentence."""
    sizes = tuple(side.kernel for side in along)
    return shape_text(sizes) if len(sizes) > 1 else Message("{size}-wide", size=sizes[0])


def _size_kept(along: tuple[Side, ...]) -> Message | None:
    kept = all(side.count == side.size and side.stride == 1 for side in along)
    if not kept or all(side.before + side.after == 0 for side in along):
        return None
    span = shape_text(tuple(side.span for side in along))
    if any(side.before != side.after for side in along):
        return Message(
            "The padding makes up for what the {span} window removes, so the size stays the same.", span=span
        )
    return Message(
        "The padding of {padding} on each side makes up for what the {span} window removes, so the size "
        "stays the same.",
        padding=shape_text(tuple(dict.fromkeys(side.before for side in along))),
        span=span,
    )


def _dilated(along: tuple[Side, ...]) -> Message | None:
    if all(side.dilation == 1 or side.kernel == 1 for side in along):
        return None
    return Message(
        "Dilation {dilation} leaves gaps between the kernel's weights: {kernel} weights span {span}.",
        dilation=shape_text(tuple(dict.fromkeys(side.dilation for side in along))),
        kernel=_kernel_text(along),
        span=shape_text(tuple(side.span for side in along)),
    )


def _channels_note(op: Op) -> Message | None:
    """Which input channels each output channel is computed from, where it is worth saying."""
    groups, received = op.arguments.get("groups", 1), op.arguments.get("in_channels")
    if not isinstance(groups, int) or not isinstance(received, int):
        return None
    if groups == 1:
        kernel = cast(Shape, op.arguments["kernel_size"])
        if set(kernel) != {1}:
            return None
        if received == op.output_shape[0] == 1:
            return None
        if received == 1:
            return Message(
                "A {kernel} kernel sees one pixel at a time: it turns the single channel into {channels} "
                "multiples of it.",
                kernel="x".join(map(str, kernel)),
                channels=op.output_shape[0],
            )
        return Message(
            "A {kernel} kernel sees one pixel at a time: it mixes {received} channels into {channels}.",
            kernel="x".join(map(str, kernel)),
            received=received,
            channels=op.output_shape[0],
        )
    if groups == received:
        return Message(
            "groups = {groups}, the number of channels: a depthwise convolution, in which each kernel sees "
            "only one channel.",
            groups=groups,
        )
    return Message(
        "groups = {groups}: the {received} channels are divided into {groups} groups, and each kernel sees "
        "only the {share} channels of its own group.",
        groups=groups,
        received=received,
        share=received // groups,
    )


def _over_the_edge(along: tuple[Side, ...]) -> Message | None:
    if all(side.count == side.room // side.stride + 1 for side in along):
        return None
    return Message("ceil_mode rounds up: the last window extends past the edge and uses what is there.")


def _dropped(along: tuple[Side, ...]) -> Message | None:
    if not any(side.dropped for side in along):
        return None
    return Message(
        "ceil_mode rounds up, but a last window that would start past the input and its left padding is "
        "dropped: hence the - 1."
    )


def _gaps(along: tuple[Side, ...]) -> Message | None:
    if not any(side.stride > side.span and side.count > 1 for side in along):
        return None
    return Message(
        "The stride {stride} is larger than the window {span}: values between two windows are never read.",
        stride=shape_text(tuple(side.stride for side in along)),
        span=shape_text(tuple(side.span for side in along)),
    )


def _unread(along: tuple[Side, ...]) -> Message | None:
    """The strip at the bottom and the right that is too narrow for another window."""
    left = tuple(side.size - side.read for side in along)
    if not any(left):
        return None
    values = {
        "read": shape_text(tuple(side.read for side in along)),
        "size": shape_text(tuple(side.size for side in along)),
        "left": shape_text(left),
    }
    if len(left) == 2:
        return Message(
            "Part of the border is unused: only {read} of {size} is read. Rows left over at the bottom: "
            "{rows}; columns left over on the right: {columns}.",
            rows=left[0],
            columns=left[1],
            **values,
        )
    return Message(
        "Part of the border is unused: only {read} of {size} is read, {left} left over at the end.", **values
    )


def explain_transposed_convolution(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``(n - 1) s - 2p + d(k - 1) + output_padding + 1``, from PyTorch's ``ConvTranspose2d``."""
    names = ("kernel_size", "stride", "padding", "dilation", "output_padding")
    arguments = {"output_padding": (0,) * 3, **op.arguments}
    found = [arguments.get(name) for name in names]
    if not all(isinstance(values, tuple) for values in found):
        return None
    sizes = op.input_shapes[0][1:]
    along = list(zip(sizes, *cast(list[Shape], found), strict=False))
    counts = transposed_sizes(arguments, sizes)
    if counts != op.output_shape[1:]:  # an output_size that was asked for in the call, say
        return None
    lines = dict.fromkeys(
        f"({n} - 1)*{s}"
        + (f" - 2*{p}" if p else "")
        + (f" + {k}" if d == 1 else f" + {d}*({k} - 1) + 1")
        + (f" + {o}" if o else "")
        + f" = {count}"
        for (n, k, s, p, d, o), count in zip(along, counts, strict=True)
    )
    sentence = Message(
        "{name} works in reverse: each input value is spread over a {kernel} patch, and the patches are "
        "placed {stride} apart and summed: {output}.",
        name=op.title,
        kernel=shape_text(cast(Shape, found[0])),
        stride=shape_text(cast(Shape, found[1])),
        output=shape_text(op.output_shape),
    )
    return Explanation("(n - 1)*s - 2p + d(k - 1) + o + 1", ", ".join(lines), sentence)


# -- receptive fields --------------------------------------------------------------------------------

PADDING_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's names of padding modes, and numpy's."""


def reach_convolution(call: Call) -> Reach:
    """Each output channel of a group reads all input channels of that group."""
    reach = _mixed_channels(call)
    mode = call.arguments.get("padding_mode", "zeros")
    for dim, kernel, stride, dilation, (before, after) in _along(call, reach):
        size = reach.shape[dim]
        starts = np.arange(call.shape[dim]) * stride - before
        table = np.stack([starts + cell * dilation for cell in range(kernel)])
        outside = None if mode == "zeros" else mapped(size, before, after, PADDING_MODES[mode])
        reach = reach.gathered(
            dim,
            inside(table, size) if outside is None else outside[table + before],
            partial(walked, offset=-before, stride=stride, span=dilation * (kernel - 1)),
        )
    return reach


def reach_pooling(call: Call) -> Reach:
    """Windows over each channel separately."""
    if call.part:  # the indices of the largest values
        raise UnknownError
    reach = call.first
    for dim, kernel, stride, dilation, (before, _) in _along(call, reach):
        starts = np.arange(call.shape[dim]) * stride - before
        table = np.stack([starts + cell * dilation for cell in range(kernel)])
        reach = reach.gathered(
            dim,
            inside(table, reach.shape[dim]),
            partial(walked, offset=-before, stride=stride, span=dilation * (kernel - 1)),
        )
    return reach


def reach_transposed_convolution(call: Call) -> Reach:
    """Output i reads every input j with i = j * stride - padding + k * dilation for some kernel cell k."""
    reach = _mixed_channels(call)
    for dim, kernel, stride, dilation, (before, _) in _along(call, reach):
        positions = np.arange(call.shape[dim]) + before
        rows = [positions - cell * dilation for cell in range(kernel)]
        table = np.stack([np.where(row % stride, -1, row // stride) for row in rows])
        span = dilation * (kernel - 1)
        regular = partial(walked, offset=before - span, stride=1, span=span) if stride == 1 else None
        reach = reach.gathered(dim, inside(table, reach.shape[dim]), regular)
    return reach


def _mixed_channels(call: Call) -> Reach:
    """The output channels along dimension 1, each of which reads the input channels of its group."""
    reach, leaving, groups = call.first, call.shape[1], call.number("groups", 1)
    if groups == 1 or all(bounds.shape[1] == 1 for bounds in reach.bounds):
        return replace(reach.reduced([1]), places=reach.places - {1}).repeated(1, leaving)
    share = reach.shape[1] // groups
    table = np.arange(share)[:, None] + np.arange(leaving) // (leaving // groups) * share
    return reach.gathered(1, table)


def _along(call: Call, reach: Reach) -> list[tuple[int, int, int, int, tuple[int, int]]]:
    """For each spatial dimension: its index, kernel size, stride, dilation, and the padding at both ends."""
    count = len(reach.shape) - 2
    kernel, stride = call.numbers("kernel_size", count), call.numbers("stride", count)
    dilation = call.numbers("dilation", count) if "dilation" in call.arguments else (1,) * count
    padding = call.arguments.get("padding", 0)
    if padding == "same":
        ends = [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
    elif padding in ("valid", 0):
        ends = [(0, 0)] * count
    else:
        ends = [(amount, amount) for amount in call.numbers("padding", count)]
    return list(zip(range(2, 2 + count), kernel, stride, dilation, ends, strict=True))


def inside(table: Table, size: int) -> Table:
    """``table`` with -1 for positions outside of 0 to ``size`` - 1."""
    return np.where((table >= 0) & (table < size), table, -1)


def mapped(size: int, before: int, after: int, mode: str) -> Table:
    """Which of ``size`` values each position holds, padding included."""
    return np.pad(np.arange(size), (before, after), mode=mode)  # type: ignore[call-overload, no-any-return]


def walked(lattice: Lattice, offset: int, stride: int, span: int) -> Lattice:
    """:meth:`Lattice.window` as a function, for ``partial``."""
    return lattice.window(offset, stride, span)


# -- parameters and multiply-adds ----------------------------------------------------------------------


def kernels(op: Op) -> tuple[str, int] | None:
    """``(5 x 5 x 1 + 1) x 10``: one weight per kernel cell and input channel (of the group), and a bias."""
    kernel, channels = cast(Shape, op.arguments["kernel_size"]), _share(op, "in_channels")
    weights = product(kernel) * channels
    return rows_of_weights(f"{shape_text(kernel)} x {channels}", weights, op, "out_channels")


def macs_of_convolution(arguments: Mapping[str, Any], _received: int, given: int) -> int:
    """Each output value sums ``in_channels / groups`` x kernel products."""
    return (
        given * int(arguments["in_channels"]) // int(arguments["groups"]) * product(arguments["kernel_size"])
    )


def macs_of_transposed_convolution(arguments: Mapping[str, Any], received: int, _given: int) -> int:
    """Each input value is multiplied by ``out_channels / groups`` x kernel weights."""
    return (
        received
        * int(arguments["out_channels"])
        // int(arguments["groups"])
        * product(arguments["kernel_size"])
    )


def macs_formula_of_convolution(op: Op) -> tuple[str, int]:
    """``5 x 5 x 1 x 10 x 24 x 24``: the products of one output value, times the number of output values."""
    factors = (*cast(Shape, op.arguments["kernel_size"]), _share(op, "in_channels"), *op.output_shape)
    return shape_text(factors), product(factors)


def macs_formula_of_transposed_convolution(op: Op) -> tuple[str, int]:
    """The products of one input value, times the number of input values."""
    factors = (*cast(Shape, op.arguments["kernel_size"]), _share(op, "out_channels"), *op.input_shapes[0])
    return shape_text(factors), product(factors)


def _share(op: Op, channels: str) -> int:
    """How many of the ``channels`` one group has."""
    return cast(int, op.arguments[channels]) // cast(int, op.arguments["groups"])


def detached_convolution(
    in_channels: int, out_channels: int, kernel: tuple[int, int], input_size: Shape, output_size: Shape
) -> Op:
    """The op of a ``Conv2d`` with bias outside any network, to see what it would cost.

    Sizes are (height, width) in pixels.
    """
    arguments = {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "kernel_size": kernel,
        "groups": 1,
        "bias": True,
    }
    received, given = (in_channels, *input_size), (out_channels, *output_size)
    return Op(
        index=0,
        name="conv",
        type="Conv2d",
        kind="convolution",
        inputs=(MODEL_INPUT,),
        input_shapes=(received,),
        output_shape=given,
        params=(product(kernel) * in_channels + 1) * out_channels,
        macs=macs_of_convolution(arguments, product(received), product(given)),
        arguments=arguments,
    )


# -- entries -------------------------------------------------------------------------------------------


def _of_weight(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Channels and kernel of a convolution, from its weight of shape (out, in / groups, *kernel)."""
    weight = bound.get("weight")
    if weight is not None:
        leaving, arriving, *kernel = weight.shape
        found |= {"out_channels": leaving, "in_channels": arriving * int(found.get("groups", 1))}
        found |= {"kernel_size": tuple(kernel), "bias": bound.get("bias") is not None}


def _of_transposed_weight(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The same for a transposed convolution, whose weight has the shape (in, out / groups, *kernel)."""
    weight = bound.get("weight")
    if weight is not None:
        arriving, leaving, *kernel = weight.shape
        found |= {"out_channels": leaving * int(found.get("groups", 1)), "in_channels": arriving}
        found |= {"kernel_size": tuple(kernel), "bias": bound.get("bias") is not None}


def _window_settings(op: Op) -> dict[str, object] | None:
    """The window for the browser; None where it is not one of maps with rows and columns."""
    given = {**op.arguments}
    kernel, dilation = pair(given.get("kernel_size")), pair(given.get("dilation"))
    if isinstance(given.get("padding"), str) and kernel is not None and dilation is not None:
        # What "same" adds in all; where that is odd, the larger part is behind.
        same = given["padding"] == "same"
        given["padding"] = [d * (k - 1) // 2 * same for k, d in zip(kernel, dilation, strict=True)]
    settings = {name: pair(given.get(argument)) for name, argument in _WINDOW_SETTINGS.items()}
    return None if None in settings.values() or len(op.output_shape) != 3 else dict(settings)


_WINDOW_SETTINGS: Mapping[str, str] = {
    "kernelSize": "kernel_size",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
}


def _kernel_of_convolution(op: Op) -> Kernel | None:
    window = _window_settings(op)
    if window is None or op.arguments.get("padding_mode", "zeros") != "zeros":
        return None
    names = ("weight", "bias") if op.arguments.get("bias") else ("weight",)
    weights = {name: name for name in names}
    return {"kernel": "conv2d", **window, "groups": op.arguments.get("groups", 1), "weights": weights}


def _kernel_of_max_pooling(op: Op) -> Kernel | None:
    window = _window_settings(op)
    return None if window is None else {"kernel": "maxPool2d", **window}


def _kernel_of_average_pooling(op: Op) -> Kernel | None:
    window = _window_settings(op)
    if window is None:
        return None
    given = op.arguments
    return {
        "kernel": "averagePool2d",
        **window,
        "countsPadding": given.get("count_include_pad", True),
        "divisor": given.get("divisor_override"),
    }


define_each(
    "conv#d",
    "Conv#d",
    kind="convolution",
    slides=True,
    kernel=_kernel_of_convolution,
    arguments="input weight bias stride padding dilation groups",
    attributes="in_channels out_channels kernel_size padding_mode output_padding",
    complete=_of_weight,
    explain=explain_convolution,
    parameters=kernels,
    macs=macs_of_convolution,
    macs_formula=macs_formula_of_convolution,
    reach=reach_convolution,
    diagnose=(diagnose_arrangement, diagnose_dimensions, diagnose_channels, diagnose_window),
    mend=mend_convolution,
)
define(
    "convolution", kind="convolution", measured_macs=True
)  # any of them, in a program in PyTorch's core operations
define_each(
    "conv_transpose#d",
    "ConvTranspose#d",
    kind="convolution",
    arguments="input weight bias stride padding output_padding groups dilation",
    attributes="in_channels out_channels kernel_size padding_mode",
    complete=_of_transposed_weight,
    explain=explain_transposed_convolution,
    parameters=kernels,
    macs=macs_of_transposed_convolution,
    macs_formula=macs_formula_of_transposed_convolution,
    reach=reach_transposed_convolution,
    diagnose=(diagnose_arrangement, diagnose_dimensions, diagnose_channels),
    mend=mend_convolution,
)
define_each(
    "max_pool#d max_pool#d_with_indices",
    "MaxPool#d",
    kind="pooling",
    slides=True,
    remembers_places=True,
    kernel=_kernel_of_max_pooling,
    arguments="input kernel_size stride padding dilation ceil_mode",
    explain=partial(
        explain_pooling,
        Message(
            "{name} keeps the largest value of each {kernel} window; the number of channels stays {channels}: {output}."
        ),
    ),
    reach=reach_pooling,
    diagnose=(lost_batch, diagnose_dimensions, diagnose_window, diagnose_padding),
    mend=mend_pooling,
)
define_each(
    "avg_pool#d",
    "AvgPool#d",
    kind="pooling",
    slides=True,
    kernel=_kernel_of_average_pooling,
    arguments="input kernel_size stride padding ceil_mode count_include_pad divisor_override",
    explain=explain_average_pooling,
    reach=reach_pooling,
    diagnose=(lost_batch, diagnose_dimensions, diagnose_window, diagnose_padding),
    mend=mend_pooling,
)
define_each(
    "lp_pool#d",
    "LPPool#d",
    kind="pooling",
    slides=True,
    arguments="input norm_type kernel_size stride ceil_mode",
    explain=partial(
        explain_pooling,
        Message(
            "{name} reduces each {kernel} window to one value; the number of channels stays {channels}: "
            "{output}."
        ),
    ),
    reach=reach_pooling,
    diagnose=(lost_batch, diagnose_dimensions, diagnose_window),
    mend=mend_pooling,
)
