"""Maps of another size: adaptive pooling, padding, interpolation, unpooling, pixel shuffle, unfold and fold.

The formulas are those of PyTorch's documentation (``AdaptiveAvgPool2d``, ``MaxUnpool2d``, ``PixelShuffle``, ``Unfold``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.arrangement import lost_batch
from cnnviz.operations.explanation import Explanation, moving
from cnnviz.operations.explanation import number as in_formula
from cnnviz.operations.kernels import Kernel
from cnnviz.operations.op import Op, Shape, product, shape_text
from cnnviz.operations.operation import define, define_each
from cnnviz.operations.reach import Call, Lattice, Reach, Table, UnknownError
from cnnviz.operations.window_arithmetic import adaptive_windows
from cnnviz.operations.window_diagnosis import diagnose_dimensions, mend_of_dimensions
from cnnviz.operations.windows import PADDING_MODES, inside, mapped, walked

# -- shapes ------------------------------------------------------------------------------------------

_MOST_WINDOWS = 8


def explain_adaptive_pooling(to_one: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A pooling to a given output size; ``to_one`` says what a single value for each map is."""
    if "output_size" not in op.arguments:
        return None
    dimensions = len(op.output_shape) - 1
    received, wanted = op.input_shapes[0][1:], op.output_shape[1:]
    if len(received) != dimensions or min((*received, *wanted, 1)) < 1:
        return None
    lines = dict.fromkeys(_adaptive_line(n, m) for n, m in zip(received, wanted, strict=True))
    told = Message("Its windows, first to last pixel: {windows}.", windows="; ".join(lines))
    notes = () if product(wanted) == 1 else (told,)
    return Explanation(
        "⌊i n/m⌋ ... ⌈(i + 1) n/m⌉ - 1",
        f"{shape_text(received)} -> {shape_text(wanted)}",
        Message(
            (to_one if product(wanted) == 1 else _TO_MANY).template,
            name=op.title,
            input=shape_text(received),
            output=shape_text(wanted),
            channels=op.output_shape[0],
            count=product(received),
        ),
        notes,
        (Message("The input may have any size; the layers after it stay the same."),),
    )


def _adaptive_line(size: int, count: int) -> str:
    found = adaptive_windows(size, count)
    shown = [f"{first}-{last}" if last > first else f"{first}" for first, last in found[:_MOST_WINDOWS]]
    return ", ".join(shown) + (", ..." if len(found) > _MOST_WINDOWS else "")


_TO_MANY = Message(
    "{name} chooses its windows so that {input} becomes {output}; the number of channels stays {channels}."
)


def explain_unpooling(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``(n - 1) s - 2p + k``, from PyTorch's ``MaxUnpool2d``."""
    sentence = Message(
        "{name} puts each value back where max pooling found it, with zeros everywhere else: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation(
        "(n - 1)*s - 2p + k",
        f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}",
        sentence,
    )


def pad_amounts(op: Op) -> Sequence[int] | None:
    """What a padding adds before and after each dimension, the last dimension first; None where that is unclear."""
    amounts = op.arguments.get("pad", op.arguments.get("padding"))
    known = isinstance(amounts, (tuple, list)) and amounts and len(amounts) % 2 == 0
    return (
        cast(Sequence[int], amounts)
        if known and all(isinstance(n, int) for n in cast(Shape, amounts))
        else None
    )


def _pad_mode(fixed: str | None, op: Op) -> str:
    """PyTorch's name of the padding's mode, which is ``fixed`` for layers that have only one."""
    return fixed or str(op.arguments.get("mode", "constant"))


def explain_padding(mode: str | None, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Values added around a map: for each dimension p1 before and p2 after."""
    amounts = pad_amounts(op)
    if amounts is None or len(amounts) > 2 * len(op.output_shape):
        return None
    lines = []
    received = op.input_shapes[0]
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    for axis, (before, after) in enumerate(pairs, 1):
        if before or after:
            total = received[-axis] + before + after
            if total != op.output_shape[-axis]:
                return None
            lines.append(f"{before} + {received[-axis]} + {after} = {total}")
    zeros = _pad_mode(mode, op) == "constant" and not op.arguments.get("value")
    values = {"name": op.title, "input": shape_text(received), "output": shape_text(op.output_shape)}
    if min(amounts) < 0:
        sentence = Message(
            "{name} pads the edges of {input}, or crops them where the number is negative: {output}.",
            **values,
        )
    elif zeros:
        sentence = Message("{name} pads {input} with zeros: {output}.", **values)
    else:
        sentence = Message("{name} pads {input} with more values: {output}.", **values)
    substituted = ", ".join(dict.fromkeys(reversed(lines))) or shape_text(op.output_shape)
    return Explanation("p1 + n + p2", substituted, sentence)


def explain_interpolation(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A map enlarged or reduced by interpolation."""
    factor = op.arguments.get("scale_factor")
    received, output = op.input_shapes[0][1:], op.output_shape[1:]
    substituted = f"{shape_text(received)} -> {shape_text(output)}"
    if isinstance(factor, (int, float)):
        substituted = ", ".join(
            dict.fromkeys(f"{n}*{in_formula(factor)} = {m}" for n, m in zip(received, output, strict=False))
        )
    sentence = Message(
        "{name} resizes the maps (mode {mode}); the number of channels stays {channels}: {output}.",
        name=op.title,
        mode=op.arguments.get("mode", "nearest"),
        channels=op.output_shape[0],
        output=shape_text(op.output_shape),
    )
    return Explanation("n*f" if isinstance(factor, (int, float)) else "n -> m", substituted, sentence)


def explain_pixel_shuffle(rule: str, sentence: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Channels laid out as r x r pixels, or the reverse: the sizes by ``rule``, whose letters get their numbers."""
    factor = op.arguments.get("upscale_factor", op.arguments.get("downscale_factor"))
    if not isinstance(factor, int) or len(op.output_shape) != 3 or len(op.input_shapes[0]) != 3:
        return None
    numbers, output = rule, shape_text(op.output_shape)
    for letter, value in zip("CHWr", (*op.input_shapes[0], factor), strict=True):
        numbers = numbers.replace(letter, str(value))
    told = Message(sentence.template, name=op.title, r=factor, output=output)
    return Explanation(rule, f"{numbers} = {output}", told)


# -- receptive fields --------------------------------------------------------------------------------


def reach_adaptive_pooling(call: Call) -> Reach:
    """Window i of n over m values covers floor(i m / n) to ceil((i + 1) m / n) - 1."""
    if call.part:
        raise UnknownError
    reach = call.first
    for dim in range(2, len(call.shape)):
        reach = _adapted(reach, dim, call.shape[dim])
    return reach


def reach_padding(mode: str | None, call: Call) -> Reach:
    """The padding depends on nothing, or repeats values of the map."""
    amounts = pad_amounts(call.op)
    if amounts is None:
        raise UnknownError
    reach, known = call.first, _pad_mode(mode, call.op)
    for number, (before, after) in enumerate(zip(amounts[::2], amounts[1::2], strict=True), 1):
        dim = len(reach.shape) - number
        if before or after:
            size = reach.shape[dim]
            row = inside(np.arange(-before, size + after)[None], size)
            if known in PADDING_MODES:
                row = mapped(size, max(before, 0), max(after, 0), PADDING_MODES[known])[None]
                row = row[:, max(-before, 0) : row.shape[1] - max(-after, 0)]
            reach = reach.gathered(dim, row, partial(walked, offset=-before, stride=1, span=0))
    return reach


def reach_interpolation(call: Call) -> Reach:
    """Each value depends on the positions whose weight is not 0."""
    if call.arguments.get("antialias"):
        raise UnknownError
    reach, mode = call.first, str(call.arguments.get("mode", "nearest"))
    for number, dim in enumerate(range(2, len(call.shape))):
        size, count = reach.shape[dim], call.shape[dim]
        if mode == "area":
            reach = _adapted(reach, dim, count)
        elif mode in ("nearest", "nearest-exact"):
            middle = 0.5 if mode == "nearest-exact" else 0.0
            scale = _scale(call, number, size / count)
            row = np.minimum(np.floor((np.arange(count) + middle) * scale), size - 1).astype(np.int64)
            reach = reach.gathered(dim, row[None], _steps(row))
        elif mode in ("linear", "bilinear", "trilinear", "bicubic"):
            reach = reach.gathered(dim, _taps(call, number, size, count, mode == "bicubic"))
        else:
            raise UnknownError
    return reach


def reach_unfold(call: Call) -> Reach:
    """The values of each window as a column (``nn.Unfold``), or windows along one dimension (``Tensor.unfold``)."""
    reach = call.first
    if len(call.shape) == len(reach.shape) + 1:
        dim, size, step = (call.number(name) for name in ("kernel_size", "dilation", "padding"))
        dim %= len(reach.shape)
        starts = np.arange(call.shape[dim]) * step
        table = (starts[:, None] + np.arange(size)).reshape(1, -1)
        split = reach.gathered(dim, table).reshaped(
            (*reach.shape[:dim], len(starts), size, *reach.shape[dim + 1 :])
        )
        order = [axis for axis in range(len(call.shape)) if axis != dim + 1]
        found = split.permuted([*order, dim + 1])
        return replace(found, places=found.places - {len(call.shape) - 1})
    counts = []
    for dim, (kernel, stride, padding, dilation) in enumerate(_fold_options(call), 2):
        starts = (
            np.arange((reach.shape[dim] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1) * stride
        )
        table = np.concatenate([starts - padding + cell * dilation for cell in range(kernel)])[None]
        reach = reach.gathered(dim, inside(table, reach.shape[dim]))
        counts.append((kernel, len(starts)))
    (high, rows), (wide, columns) = counts
    split = reach.reshaped((*reach.shape[:2], high, rows, wide, columns))
    return replace(split.permuted([0, 1, 2, 4, 3, 5]).reshaped(call.shape), places=frozenset({2}))


def reach_fold(call: Call) -> Reach:
    """Columns put back where ``nn.Unfold`` takes them from, and summed where they overlap."""
    options, reach = _fold_options(call), call.first
    sizes = call.shape[2:]
    counts = [
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, (kernel, stride, padding, dilation) in zip(sizes, options, strict=True)
    ]
    (high, *_), (wide, *_) = options
    split = reach.reshaped((*call.shape[:2], high, wide, *counts)).permuted([0, 1, 2, 4, 3, 5])
    reach = split.reshaped((*call.shape[:2], high * counts[0], wide * counts[1]))
    for dim, (kernel, stride, padding, dilation) in enumerate(options, 2):
        rows = []
        for cell in range(kernel):
            at = np.arange(sizes[dim - 2]) + padding - cell * dilation
            row = np.where(at % stride, -1, at // stride)
            inside = (row >= 0) & (row < counts[dim - 2])
            rows.append(np.where(inside, row + cell * counts[dim - 2], -1))
        reach = reach.gathered(dim, np.stack(rows))
    return replace(reach, places=frozenset({2, 3}))


def _steps(row: Table) -> Callable[[Lattice], Lattice] | None:
    """What becomes of a lattice if each position reads the one in ``row``; None where these are not evenly spaced."""
    steps = np.diff(row)
    if len(row) == 1 or (steps != steps[0]).any() or steps[0] == 0:
        return None
    return partial(walked, offset=int(row[0]), stride=int(steps[0]), span=0)


def _adapted(reach: Reach, dim: int, count: int) -> Reach:
    size = reach.shape[dim]
    if count == 1:
        return replace(reach.reduced([dim]), places=reach.places)
    ends = np.asarray(adaptive_windows(size, count))
    longest = int((ends[:, 1] - ends[:, 0]).max()) + 1
    table = np.minimum(ends[:, 0] + np.arange(longest)[:, None], ends[:, 1])
    regular = partial(walked, offset=0, stride=size // count, span=longest - 1)
    return reach.gathered(dim, table, regular if size % count == 0 else None)


def _scale(call: Call, number: int, ratio: float) -> float:
    """The step between the positions read: from ``scale_factor``, unless PyTorch computes it from the sizes."""
    factor = call.arguments.get("scale_factor")
    if factor is None or call.arguments.get("recompute_scale_factor"):
        return ratio
    factors: Sequence[float] = factor if isinstance(factor, (tuple, list)) else (factor,) * (number + 1)
    return 1 / factors[number]


def _taps(call: Call, number: int, size: int, count: int, cubic: bool) -> Table:
    """The positions that linear or cubic interpolation reads, in single and in double precision."""
    rows = []
    for kind in ("float32", "float64"):
        positions = np.arange(count).astype(kind)
        half, step = np.asarray([0.5, _scale(call, number, size / count)]).astype(kind)
        if call.arguments.get("align_corners"):
            at = positions * np.asarray((size - 1) / max(count - 1, 1)).astype(kind)
        else:
            at = (positions + half) * step - half
            at = at if cubic else np.maximum(at, 0)
        below = np.floor(at).astype(np.int64)
        between = at != below
        for tap in (-1, 0, 1, 2) if cubic else (0, 1):
            row = np.clip(below + tap, 0, size - 1)
            rows.append(row if tap == 0 else np.where(between, row, -1))
    return np.stack(rows)


def _fold_options(call: Call) -> list[tuple[int, int, int, int]]:
    """Kernel, stride, padding and dilation along height and width."""
    usual = {"kernel_size": (0, 0), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    kernel, stride, padding, dilation = (
        call.numbers(name, 2) if name in call.arguments else default for name, default in usual.items()
    )
    return list(zip(kernel, stride, padding, dilation, strict=True))


def reach_pixel_unshuffle(call: Call) -> Reach:
    """Pixels as channels, ``(N, C, H r, W r)`` to ``(N, C r r, H, W)``."""
    reach = call.first
    images, channels, height, width = reach.shape
    factor = height // call.shape[2]
    split = reach.reshaped((images, channels, height // factor, factor, width // factor, factor))
    return replace(split.permuted([0, 1, 3, 5, 2, 4]).reshaped(call.shape), places=reach.places)


def reach_pixel_shuffle(call: Call) -> Reach:
    """Channels as pixels, ``(N, C r r, H, W)`` to ``(N, C, H r, W r)``."""
    reach = call.first
    images, channels, height, width = reach.shape
    factor = call.shape[2] // height
    split = reach.reshaped((images, channels // factor**2, factor, factor, height, width))
    return replace(split.permuted([0, 1, 4, 2, 5, 3]).reshaped(call.shape), places=reach.places)


# -- entries -------------------------------------------------------------------------------------------


def _kernel_of_adaptive_pooling(kernel: str, op: Op) -> Kernel | None:
    return {"kernel": kernel} if len(op.output_shape) == len(op.input_shapes[0]) == 3 else None


def _kernel_of_padding(op: Op) -> Kernel | None:
    """Of a constant around maps; ``pad`` counts from the last dimension, its beginning before its end."""
    given = op.arguments.get("pad", op.arguments.get("padding"))
    if not isinstance(given, tuple) or not all(isinstance(size, int) and size >= 0 for size in given):
        return None
    if op.arguments.get("mode", "constant") != "constant" or len(op.output_shape) != 3:
        return None
    before = [*given[::2], 0, 0, 0][:3]
    value = op.arguments.get("value") or 0.0
    return {"kernel": "pad", "before": before[::-1], "value": value} if len(given) <= 6 else None


_ADAPTIVE: Mapping[str, Any] = {
    "kind": "pooling",
    "arguments": "input output_size",
    "reach": reach_adaptive_pooling,
    "diagnose": (lost_batch, diagnose_dimensions),
    "mend": mend_of_dimensions,
}
define_each(
    "adaptive_avg_pool#d",
    "AdaptiveAvgPool#d",
    kernel=partial(_kernel_of_adaptive_pooling, "adaptiveAveragePool2d"),
    explain=partial(
        explain_adaptive_pooling,
        Message(
            "{name} averages all {input} = {count} values of each map, leaving one value for each of the "
            "{channels} channels."
        ),
    ),
    **_ADAPTIVE,
)
define_each(
    "adaptive_max_pool#d adaptive_max_pool#d_with_indices",
    "AdaptiveMaxPool#d",
    remembers_places=True,
    kernel=partial(_kernel_of_adaptive_pooling, "adaptiveMaxPool2d"),
    explain=partial(
        explain_adaptive_pooling,
        Message(
            "{name} keeps the largest of all {input} = {count} values of each map, leaving one value for "
            "each of the {channels} channels."
        ),
    ),
    **_ADAPTIVE,
)
define_each(
    "fractional_max_pool#d fractional_max_pool#d_with_indices",
    "FractionalMaxPool#d",
    dimensions=(2, 3),
    kind="pooling",
    remembers_places=True,
    arguments="input kernel_size output_size output_ratio",
    random=True,
)
define_each(
    "max_unpool#d",
    "MaxUnpool#d",
    kind="pooling",
    arguments="input indices kernel_size stride padding output_size",
    explain=explain_unpooling,
)
for _layers, _mode in (
    ("ReflectionPad#d", "reflect"),
    ("ReplicationPad#d", "replicate"),
    ("CircularPad#d", "circular"),
):
    define_each(
        "",
        _layers,
        kind="reshape",
        attributes="padding",
        explain=partial(explain_padding, _mode),
        reach=partial(reach_padding, _mode),
        diagnose=(lost_batch, diagnose_dimensions),
        mend=mend_of_dimensions,
    )
define(
    "pad",
    "ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d",
    kind="reshape",
    arguments="input pad mode value",
    attributes="padding",
    explain=partial(explain_padding, None),
    reach=partial(reach_padding, None),
    kernel=_kernel_of_padding,
)
define(
    "interpolate upsample",
    "Upsample UpsamplingNearest2d UpsamplingBilinear2d",
    arguments="input size scale_factor mode align_corners recompute_scale_factor antialias",
    explain=explain_interpolation,
    reach=reach_interpolation,
)
define(
    "pixel_shuffle",
    "PixelShuffle",
    kind="reshape",
    arguments="input upscale_factor",
    explain=partial(
        explain_pixel_shuffle,
        "C/r² x H*r x W*r",
        Message("{name} turns {r} x {r} channels into neighbouring pixels: {output}."),
    ),
    reach=reach_pixel_shuffle,
)
define(
    "pixel_unshuffle",
    "PixelUnshuffle",
    kind="reshape",
    arguments="input downscale_factor",
    explain=partial(
        explain_pixel_shuffle,
        "C*r² x H/r x W/r",
        Message("{name} turns each {r} x {r} pixels into channels: {output}."),
    ),
    reach=reach_pixel_unshuffle,
)
define(
    "unfold im2col",
    "Unfold",
    arguments="input kernel_size dilation padding stride",
    explain=moving(Message("{name} turns the values of each window into a column: {output}.")),
    reach=reach_unfold,
)
define(
    "fold col2im",
    "Fold",
    arguments="input output_size kernel_size dilation padding stride",
    explain=moving(
        Message("{name} puts columns back at the positions of their windows and sums overlaps: {output}.")
    ),
    reach=reach_fold,
)
