"""Questions about windows alone: how large the output is, and how far back one value sees. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from random import Random

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Level, Question, slips
from cnnviz.operations.diagnosis import layer_text
from cnnviz.operations.window_arithmetic import Side
from cnnviz.shapes.sliding_window import Window, rule, side_along

FORGOT_ONE = Message("That is how many steps the window takes. It also has a place where it starts: add 1.")
FORGOT_PADDING = Message("That would be the size without padding.")
PADDED_ONE_END = Message("Padding is added at both ends: count it twice.")
ROUNDED_UP = Message("The division is rounded down: a window that does not fit whole is left out.")
ROUNDED_DOWN = Message(
    "With ceil_mode=True the division is rounded up: the last window may reach beyond the input."
)
FORGOT_STRIDE = Message("That would be the size with stride 1.")
FORGOT_DILATION = Message(
    "That would be the size with dilation 1. With gaps the window is longer than its kernel."
)
POOLING_STRIDE = Message("A pooling moves by its own kernel size unless another stride is given.")

_MOST_TRIES = 100
_CHANNELS = 8
"""Those that arrive at the first layer; a convolution doubles them."""
_POOLINGS, _ROUNDED_UP = 0.4, 0.6
"""How many of the layers are poolings, and of these at level 3 in ceil mode."""


def window_code(window: Window, channels: tuple[int, int], pooling: str = "MaxPool2d") -> str:
    """``nn.Conv2d(8, 16, kernel_size=3, stride=2)``, with these ``channels``, without what is as usual; or a ``pooling``."""
    sizes = {
        "kernel_size": window.kernel,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": window.dilation,
        "ceil_mode": window.ceil_mode,
    }
    if window.pooling:
        return f"nn.{layer_text(pooling, sizes)}"
    return f"nn.{layer_text('Conv2d', {'in_channels': channels[0], 'out_channels': channels[1], **sizes})}"


def output_size(random: Random, level: Level) -> Question:
    """How long a side of the output of one layer is."""
    window, size = _fitting(random, level)
    side = side_along(window, size)
    return Question(
        kind="output-size",
        level=level,
        form="side",
        prompt=Message(
            "The input is {size} x {size}. How long is a side of the output, in values?", size=size
        ),
        given=(window_code(window, (_CHANNELS, 2 * _CHANNELS)),),
        answer=side.count,
        slips=slips(side.count, wrong_counts(side, window.pooling)),
        solution=(rule(window), side.formula),
    )


def _fitting(random: Random, level: Level) -> tuple[Window, int]:
    for _ in range(_MOST_TRIES):
        window, size = _drawn(random, level), random.randint(7, 32)
        if side_along(window, size).room >= window.stride and max(window.pads) <= window.kernel // 2:
            return window, size
    return Window(3), 28


def _drawn(random: Random, level: Level) -> Window:
    if level == 1:
        return Window(random.choice((3, 5, 7, 2, 4)))
    if random.random() < _POOLINGS:
        kernel = random.choice((2, 3))
        stride = random.choice((kernel, 2))
        return Window(kernel, stride, ceil_mode=level == 3 and random.random() < _ROUNDED_UP, pooling=True)
    padding, stride = random.randint(0, 2), random.randint(1, 3)
    dilation = random.randint(2, 3) if level == 3 else 1
    return Window(random.choice((3, 5, 7)), stride, padding, dilation)


def wrong_counts(side: Side, is_pooling: bool) -> list[tuple[int | None, Message]]:
    """What people take for the number of windows along ``side``, and what they forgot; None where no window would fit."""
    by_kernel = is_pooling and side.stride == side.kernel
    down, up = side.room // side.stride + 1, -(-side.room // side.stride) + 1
    return [
        (side.count - 1, FORGOT_ONE),
        (_count(replace(side, before=0, after=0)), FORGOT_PADDING),
        (_count(replace(side, after=0)), PADDED_ONE_END),
        (down if side.ceil_mode else up, ROUNDED_DOWN if side.ceil_mode else ROUNDED_UP),
        (_count(replace(side, stride=1)), POOLING_STRIDE if by_kernel else FORGOT_STRIDE),
        (_count(replace(side, dilation=1)), FORGOT_DILATION),
    ]


def _count(side: Side) -> int | None:
    return side.count if side.room >= 0 else None


SUMMED_KERNELS = Message("Neighbouring windows overlap: each further layer adds only its kernel size less 1.")
FORGOT_JUMP = Message(
    "After a stride of 2 neighbouring values are 2 pixels apart: what a later layer adds counts that many times."
)
LAST_KERNEL = Message("That is what the last layer sees of the map before it, not of the input.")
MULTIPLIED = Message("Windows do not lie side by side without overlap, so their sizes do not multiply.")


def receptive_field(random: Random, level: Level) -> Question:
    """How many pixels of the input, along a side, one value of the last of some layers depends on."""
    layers = _stack(random, level)
    sizes, jumps = _fields(layers)
    kernels = [layer.kernel for layer in layers]
    wrong = [
        (sum(kernels), SUMMED_KERNELS),
        (1 + sum(kernel - 1 for kernel in kernels), FORGOT_JUMP),
        (kernels[-1], LAST_KERNEL),
        (prod(kernels), MULTIPLIED),
    ]
    steps = [
        f"{before} + ({layer.kernel} - 1) x {jump} = {size}"
        for layer, before, jump, size in zip(layers, [1, *sizes], jumps, sizes, strict=False)
    ]
    return Question(
        kind="receptive-field",
        level=level,
        form="side",
        prompt=Message(
            "These layers follow one another. How many pixels of the input, along one side, does a value after the last "
            "layer depend on?"
        ),
        given=_lines(layers),
        answer=sizes[-1],
        slips=slips(sizes[-1], wrong),
        solution=(
            Message(
                "Each layer adds (kernel - 1) x the distance, in pixels, between neighbouring values before it:"
            ),
            *steps,
        ),
    )


def _stack(random: Random, level: Level) -> list[Window]:
    convolutions = [Window(random.choice((3, 5))) for _ in range(2 if level < 3 else 3)]
    if level == 1:
        return convolutions
    pooling = Window(2, 2, pooling=True)
    if level == 2:
        return [convolutions[0], pooling, convolutions[1]]
    return [replace(convolutions[0], stride=2), convolutions[1], pooling, convolutions[2]]


def _lines(layers: list[Window]) -> tuple[str, ...]:
    lines, channels = [], _CHANNELS
    for layer in layers:
        lines.append(window_code(layer, (channels, 2 * channels)))
        channels *= 1 if layer.pooling else 2
    return tuple(lines)


def _fields(layers: list[Window]) -> tuple[list[int], list[int]]:
    """The receptive field after each layer, and how far apart neighbouring values are before each, in pixels."""
    sizes, jumps, size, jump = [], [], 1, 1
    for layer in layers:
        jumps.append(jump)
        size += (layer.kernel - 1) * jump
        jump *= layer.stride
        sizes.append(size)
    return sizes, jumps
