"""How windows lie over an input: how many fit, what they read, how far they reach. Imports no torch.

Sizes follow the formulas of PyTorch's documentation (``Conv2d``, ``MaxPool2d``, ``AdaptiveAvgPool2d``); Dumoulin
and Visin 2016, "A guide to convolution arithmetic for deep learning", derives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cnnviz.operations.op import Op, Shape


def span(kernel: int, dilation: int = 1) -> int:
    """From the first to the last cell that a window reads along one side, the gaps of a dilation included."""
    return dilation * (kernel - 1) + 1


def same_padding(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """The cells that ``padding="same"`` adds before and after; of an odd number, one more stands after.

    As PyTorch's ``torch.nn.modules.conv._ConvNd`` deals them out; the stride is 1.
    """
    total = span(kernel, dilation) - 1
    return total // 2, total - total // 2


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
    if "output_size" in arguments or "transpose" in op.base.lower() or "unpool" in op.base.lower():
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


def adaptive_windows(size: int, count: int) -> tuple[tuple[int, int], ...]:
    """First and last value of each of ``count`` adaptive_windows over ``size`` values.

    Window i reaches from floor(i size / count) up to, but not including, ceil((i + 1) size / count), as
    PyTorch's ``AdaptiveAvgPool2d`` computes it.
    """
    return tuple((i * size // count, -(-(i + 1) * size // count) - 1) for i in range(count))
