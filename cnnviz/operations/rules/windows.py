"""Convolution and pooling: how many windows fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.op import Op, Shape, shape_text
from cnnviz.operations.padding import same_padding, span
from cnnviz.operations.rules.explanation import Explanation


@dataclass(frozen=True)
class Side:
    """The windows along one side of a map.

    ``before`` and ``after`` are the padding at the two ends, in values, as ``size`` is.
    """

    size: int
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int
    ceil_mode: bool

    @property
    def span(self) -> int:
        """How many values a window reaches over, the gaps of a dilation included."""
        return span(self.kernel, self.dilation)

    @property
    def room(self) -> int:
        """How far the first window can move."""
        return self.size + self.before + self.after - self.span

    @property
    def count(self) -> int:
        """How many windows fit; the formula of PyTorch's documentation."""
        if not self.ceil_mode:
            return self.room // self.stride + 1
        count = -(-self.room // self.stride) + 1
        # A window that would start beyond the input and its left padding is dropped.
        return count - 1 if (count - 1) * self.stride >= self.size + self.before else count

    @property
    def read(self) -> int:
        """How many values there are up to the last one that any window reads, 0 where none is read."""
        last = -1
        for cell in range(self.kernel):
            offset = cell * self.dilation - self.before
            window = min(self.count - 1, (self.size - 1 - offset) // self.stride)
            if window >= 0:
                last = max(last, window * self.stride + offset)
        return last + 1

    @property
    def dropped(self) -> bool:
        """Whether PyTorch drops the last window of ``ceil_mode``, because it would begin beyond the input."""
        return self.ceil_mode and self.count < -(-self.room // self.stride) + 1

    @property
    def formula(self) -> str:
        """``(28 + 2*2 - 5)/1 + 1 = 28``."""
        numerator = f"{self.size}{self._padding}"
        numerator += (
            f" - {self.kernel}" if self.dilation == 1 else f" - {self.dilation}*({self.kernel} - 1) - 1"
        )
        fraction = f"({numerator})/{self.stride}"
        if self.room % self.stride:
            fraction = f"⌈{fraction}⌉" if self.ceil_mode else f"⌊{fraction}⌋"
        return f"{fraction} + 1{' - 1' if self.dropped else ''} = {self.count}"

    @property
    def _padding(self) -> str:
        if self.before == self.after:
            return f" + 2*{self.before}" if self.before else ""
        return f" + {self.before + self.after}"


def sides(op: Op, received: Shape | None = None) -> tuple[Side, ...] | None:
    """The windows of a convolution or pooling along each side of ``received`` (its input, if None).

    None for any other op, and where arguments and input do not fit together.
    """
    arguments = op.arguments
    kernel = arguments.get("kernel_size")
    wanted = tuple(arguments.get(name) for name in ("stride", "dilation"))
    if op.kind not in ("convolution", "pooling") or not isinstance(kernel, tuple):
        return None
    received = op.input_shapes[0] if received is None else received
    if "output_size" in arguments or "transpose" in op.type.lower() or "unpool" in op.type.lower():
        return None
    if len(received) < len(kernel) or not all(isinstance(v, tuple) and len(v) == len(kernel) for v in wanted):
        return None
    stride, dilation = cast(tuple[Shape, Shape], wanted)
    padding = _padding(arguments.get("padding", 0), kernel, dilation)
    if padding is None or not kernel or min(*kernel, *stride, *dilation) < 1:
        return None
    ceil_mode = bool(arguments.get("ceil_mode", False))
    sizes = received[len(received) - len(kernel) :]
    return tuple(
        Side(n, k, s, *p, d, ceil_mode)
        for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )


def _padding(padding: object, kernel: Shape, dilation: Shape) -> list[tuple[int, int]] | None:
    """Before and after each side; ``padding="same"`` puts the larger part after."""
    if padding == "same":
        return [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
    if padding in ("valid", 0):
        return [(0, 0)] * len(kernel)
    if isinstance(padding, tuple) and len(padding) == len(kernel):
        return [(p, p) for p in padding]
    return None


def window(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A convolution or a pooling with a kernel."""
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
    notes = (_dilated(along), _channels(op), _gaps(along), _dropped(along), _unread(along))
    background = (_size_kept(along), _average(op, along), _over_the_edge(along))
    return Explanation(
        f"{fraction} + 1{' - 1' if any(side.dropped for side in along) else ''}",
        ", ".join(lines),
        _sentence(op, along),
        tuple(note for note in notes if note is not None),
        tuple(note for note in background if note is not None),
    )


def _sentence(op: Op, along: tuple[Side, ...]) -> Message:
    values = {
        "name": op.title,
        "kernel": shape_text(tuple(side.kernel for side in along)),
        "output": shape_text(op.output_shape),
        "channels": op.output_shape[0],
    }
    if op.kind == "convolution" and op.output_shape[0] == 1:
        return Message(
            "{name} gives one value for each place where its {kernel} kernel fits; one kernel gives one channel: "
            "{output}.",
            **values,
        )
    if op.kind == "convolution":
        return Message(
            "{name} gives one value for each place where its {kernel} kernel fits; {channels} kernels give "
            "{channels} channels: {output}.",
            **values,
        )
    if "max" in op.type.lower():
        return Message(
            "{name} keeps the largest value of each {kernel} window; the number of channels stays {channels}: {output}.",
            **values,
        )
    if "avg" in op.type.lower():
        return Message(
            "{name} takes the mean of each {kernel} window; the number of channels stays {channels}: {output}.",
            **values,
        )
    return Message(
        "{name} makes one value of each {kernel} window; the number of channels stays {channels}: {output}.",
        **values,
    )


def _size_kept(along: tuple[Side, ...]) -> Message | None:
    kept = all(side.count == side.size and side.stride == 1 for side in along)
    if not kept or all(side.before + side.after == 0 for side in along):
        return None
    span = shape_text(tuple(side.span for side in along))
    if any(side.before != side.after for side in along):
        return Message("The padding gives back what the {span} window takes away: the size stays.", span=span)
    return Message(
        "The padding of {padding} on each side gives back what the {span} window takes away: the size stays.",
        padding=shape_text(tuple(dict.fromkeys(side.before for side in along))),
        span=span,
    )


def _dilated(along: tuple[Side, ...]) -> Message | None:
    if all(side.dilation == 1 or side.kernel == 1 for side in along):
        return None
    return Message(
        "Dilation {dilation} leaves gaps between the values of the kernel: {kernel} of them reach over {span}.",
        dilation=shape_text(tuple(dict.fromkeys(side.dilation for side in along))),
        kernel=shape_text(tuple(side.kernel for side in along)),
        span=shape_text(tuple(side.span for side in along)),
    )


def _channels(op: Op) -> Message | None:
    """How the channels that arrive reach the channels that leave."""
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
                "A {kernel} kernel looks at one pixel at a time: it makes {channels} multiples of the one channel.",
                kernel="x".join(map(str, kernel)),
                channels=op.output_shape[0],
            )
        return Message(
            "A {kernel} kernel looks at one pixel at a time: it mixes the {received} channels into {channels}.",
            kernel="x".join(map(str, kernel)),
            received=received,
            channels=op.output_shape[0],
        )
    if groups == received:
        return Message(
            "groups = {groups}, as many as channels: a depthwise convolution, each kernel sees one channel alone.",
            groups=groups,
        )
    return Message(
        "groups = {groups}: the {received} channels are dealt out into {groups} groups, and each kernel sees the "
        "{share} channels of its own group alone.",
        groups=groups,
        received=received,
        share=received // groups,
    )


def _average(op: Op, along: tuple[Side, ...]) -> Message | None:
    counted = op.arguments.get("count_include_pad", True)
    if "avg" not in op.type.lower() or not counted or all(side.before == 0 for side in along):
        return None
    return Message("The zeros of the padding count in the mean (count_include_pad).")


def _over_the_edge(along: tuple[Side, ...]) -> Message | None:
    if all(side.count == side.room // side.stride + 1 for side in along):
        return None
    return Message("ceil_mode rounds up: the last window reaches over the edge and uses what is there.")


def _dropped(along: tuple[Side, ...]) -> Message | None:
    if not any(side.dropped for side in along):
        return None
    return Message(
        "ceil_mode rounds up, but a last window that would begin beyond the input and its left padding is dropped: "
        "hence the - 1."
    )


def _gaps(along: tuple[Side, ...]) -> Message | None:
    if not any(side.stride > side.span and side.count > 1 for side in along):
        return None
    return Message(
        "The stride {stride} is larger than the window {span}: what lies between two windows is never read.",
        stride=shape_text(tuple(side.stride for side in along)),
        span=shape_text(tuple(side.span for side in along)),
    )


def _unread(along: tuple[Side, ...]) -> Message | None:
    """The border at the end that is too narrow for one more window."""
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
            "A border stays unused: of {size} only {read} is read. Rows left over at the bottom: {rows}; columns "
            "left over at the right: {columns}.",
            rows=left[0],
            columns=left[1],
            **values,
        )
    return Message(
        "A border stays unused: of {size} only {read} is read, {left} left over at the end.", **values
    )
