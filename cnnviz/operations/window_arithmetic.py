"""The arithmetic of windows: how many fit, what they read, how far they reach. Imports no torch.

Sizes follow the formulas of PyTorch's documentation (``Conv2d``, ``MaxPool2d``, ``AdaptiveAvgPool2d``); Dumoulin
and Visin 2016, "A guide to convolution arithmetic for deep learning", derives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cnnviz.operations.op import Op, Shape
from cnnviz.operations.operation import named


def span(kernel: int, dilation: int = 1) -> int:
    """The length of a window along one side, in values, the gaps of a dilation included."""
    return dilation * (kernel - 1) + 1


def same_padding(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """The padding before and after that ``padding="same"`` means (stride 1); an odd total puts one more after.

    As in PyTorch's ``torch.nn.modules.conv._ConvNd``.
    """
    total = span(kernel, dilation) - 1
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Side:
    """The windows along one side of a map.

    ``size``, ``before`` and ``after`` (the padding at the two ends) are numbers of values.
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
        """The length of a window in values, the gaps of a dilation included."""
        return span(self.kernel, self.dilation)

    @property
    def room(self) -> int:
        """How many values the first window can move before it reaches the end of the padded input."""
        return self.size + self.before + self.after - self.span

    @property
    def count(self) -> int:
        """How many windows fit; the formula of PyTorch's documentation."""
        if not self.ceil_mode:
            return self.room // self.stride + 1
        count = -(-self.room // self.stride) + 1
        # PyTorch drops a window that would start in the padding at the end.
        return count - 1 if (count - 1) * self.stride >= self.size + self.before else count

    @property
    def read(self) -> int:
        """The number of values up to the last one that some window reads; 0 where none is read."""
        last = -1
        for cell in range(self.kernel):
            offset = cell * self.dilation - self.before
            window = min(self.count - 1, (self.size - 1 - offset) // self.stride)
            if window >= 0:
                last = max(last, window * self.stride + offset)
        return last + 1

    @property
    def dropped(self) -> bool:
        """Whether PyTorch drops the extra window of ``ceil_mode`` because it would start beyond the input."""
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
    """The windows of a convolution or pooling along each side of ``received`` (default: the shape of its input).

    None for an op without sliding windows, and where its arguments do not fit the input.
    """
    arguments = op.arguments
    kernel = arguments.get("kernel_size")
    wanted = tuple(arguments.get(name) for name in ("stride", "dilation"))
    if not named(op.base).slides or not isinstance(kernel, tuple):
        return None
    received = op.input_shapes[0] if received is None else received
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
    """The padding before and after each side."""
    if padding == "same":
        return [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
    if padding in ("valid", 0):
        return [(0, 0)] * len(kernel)
    if isinstance(padding, tuple) and len(padding) == len(kernel):
        return [(p, p) for p in padding]
    return None


def transposed_sizes(arguments: Mapping[str, object], sizes: Shape) -> Shape:
    """The sizes that a transposed convolution gives: ``(n - 1) s - 2p + d(k - 1) + output_padding + 1``."""
    names = ("kernel_size", "stride", "padding", "dilation", "output_padding")
    found = [cast(Shape, arguments.get(name, (0,) * len(sizes))) for name in names]
    along = zip(sizes, *found, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, d, o in along)


def adaptive_windows(size: int, count: int) -> tuple[tuple[int, int], ...]:
    """The first and last value of each of ``count`` adaptive windows over ``size`` values.

    Window i covers floor(i size / count) to ceil((i + 1) size / count) - 1, as in PyTorch's ``AdaptiveAvgPool2d``.
    """
    return tuple((i * size // count, -(-(i + 1) * size // count) - 1) for i in range(count))
