"""Ops that make maps larger: padding, resizing, transposed convolution, unpooling, pixel shuffle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.op import Op, Shape, shape_text
from cnnviz.operations.rules.explanation import Explanation, number

_PAD_MODULES = ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad")


def transposed_convolution(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``(n - 1) s - 2p + d(k - 1) + output_padding + 1``, from PyTorch's ``ConvTranspose2d``."""
    names = ("kernel_size", "stride", "padding", "dilation", "output_padding")
    arguments = {"output_padding": (0,) * 3, **op.arguments}
    found = [arguments.get(name) for name in names]
    if op.kind != "convolution" or "transpose" not in op.type.lower():
        return None
    if not all(isinstance(values, tuple) for values in found):
        return None
    sizes = op.input_shapes[0][1:]
    along = list(zip(sizes, *cast(list[Shape], found), strict=False))
    counts = tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, d, o in along)
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
        "{name} goes the other way: each value that arrives is spread over a {kernel} patch, and the patches are "
        "laid {stride} apart and added up: {output}.",
        name=op.title,
        kernel=shape_text(cast(Shape, found[0])),
        stride=shape_text(cast(Shape, found[1])),
        output=shape_text(op.output_shape),
    )
    return Explanation("(n - 1)*s - 2p + d(k - 1) + o + 1", ", ".join(lines), sentence)


def unpooled(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """``(n - 1) s - 2p + k``, from PyTorch's ``MaxUnpool2d``."""
    if "unpool" not in op.type.lower():
        return None
    sentence = Message(
        "{name} puts each value back where a max pooling found it, and zeros everywhere else: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation(
        "(n - 1)*s - 2p + k",
        f"{shape_text(op.input_shapes[0])} -> {shape_text(op.output_shape)}",
        sentence,
    )


def pad_amounts(op: Op) -> Sequence[int] | None:
    """What a padding puts before and after each dimension, the last one first; None for any other op."""
    amounts = op.arguments.get("pad") if op.type == "pad" else None
    if op.type.startswith(_PAD_MODULES):
        amounts = op.arguments.get("padding")
    known = isinstance(amounts, (tuple, list)) and amounts and len(amounts) % 2 == 0
    return (
        cast(Sequence[int], amounts)
        if known and all(isinstance(n, int) for n in cast(Shape, amounts))
        else None
    )


def padded(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Values put around a map: of each dimension how many before and after, the last dimension first."""
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
    zeros = op.arguments.get("mode", "constant") == "constant" and not op.arguments.get("value")
    zeros = zeros and not op.type.startswith(("Reflection", "Replication", "Circular"))
    values = {"name": op.title, "input": shape_text(received), "output": shape_text(op.output_shape)}
    if min(amounts) < 0:
        sentence = Message(
            "{name} adds at the edges of {input}, and cuts off where the number is negative: {output}.",
            **values,
        )
    elif zeros:
        sentence = Message("{name} puts zeros around {input}: {output}.", **values)
    else:
        sentence = Message("{name} puts further values around {input}: {output}.", **values)
    substituted = ", ".join(dict.fromkeys(reversed(lines))) or shape_text(op.output_shape)
    return Explanation("p1 + n + p2", substituted, sentence)


def resized(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A map that is enlarged or reduced by interpolation."""
    if op.type not in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "interpolate", "upsample"):
        return None
    factor = op.arguments.get("scale_factor")
    received, output = op.input_shapes[0][1:], op.output_shape[1:]
    substituted = f"{shape_text(received)} -> {shape_text(output)}"
    if isinstance(factor, (int, float)):
        substituted = ", ".join(
            dict.fromkeys(f"{n}*{number(factor)} = {m}" for n, m in zip(received, output, strict=False))
        )
    sentence = Message(
        "{name} draws the maps anew at another size (mode {mode}); the number of channels stays {channels}: {output}.",
        name=op.title,
        mode=op.arguments.get("mode", "nearest"),
        channels=op.output_shape[0],
        output=shape_text(op.output_shape),
    )
    return Explanation("n*f" if isinstance(factor, (int, float)) else "n -> m", substituted, sentence)


def shuffled(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Channels laid out as pixels, r x r of them, or the other way round."""
    factor = op.arguments.get("upscale_factor", op.arguments.get("downscale_factor"))
    if op.type not in ("PixelShuffle", "pixel_shuffle", "PixelUnshuffle", "pixel_unshuffle"):
        return None
    if not isinstance(factor, int) or len(op.output_shape) != 3 or len(op.input_shapes[0]) != 3:
        return None
    values = {"name": op.title, "r": factor, "output": shape_text(op.output_shape)}
    channels, height, width = op.input_shapes[0]
    if "un" in op.type.lower():
        numbers = f"{channels}*{factor}² x {height}/{factor} x {width}/{factor}"
        rule, sentence = (
            "C*r² x H/r x W/r",
            Message("{name} makes channels of each {r} x {r} pixels: {output}.", **values),
        )
    else:
        numbers = f"{channels}/{factor}² x {height}*{factor} x {width}*{factor}"
        rule, sentence = (
            "C/r² x H*r x W*r",
            Message("{name} lays {r} x {r} channels out as pixels side by side: {output}.", **values),
        )
    return Explanation(rule, f"{numbers} = {shape_text(op.output_shape)}", sentence)
