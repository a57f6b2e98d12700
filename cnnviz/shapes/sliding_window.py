"""How the window of a convolution or pooling slides over its input, and what it never reads.

Positions follow PyTorch's documentation of ``Conv2d``, ``MaxPool2d`` and ``AvgPool2d``; Dumoulin and
Visin 2016, "A guide to convolution arithmetic for deep learning", draws them. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.operations.op import shape_text
from cnnviz.operations.window_arithmetic import Side, same_padding, span

Changes = tuple[tuple[str, int], ...]
Padding = int | Literal["same", "valid"]


@dataclass(frozen=True)
class Window:
    """A square window: ``kernel`` cells a side, ``dilation`` apart, that moves ``stride`` cells a step.

    ``padding`` is a number of cells on each side, or for a convolution ``same`` (the output is as large as
    the input) or ``valid`` (none). ``ceil_mode`` is for pooling: a last window may reach beyond the input.
    """

    kernel: int
    stride: int = 1
    padding: Padding = 0
    dilation: int = 1
    ceil_mode: bool = False
    pooling: bool = False

    @property
    def span(self) -> int:
        """The distance from the first to the last cell that the window reads, along one side, both included."""
        return span(self.kernel, self.dilation)

    @property
    def pads(self) -> tuple[int, int]:
        """Cells of padding before and after; if ``same`` needs an odd number, the extra one comes after."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "same":
            return same_padding(self.kernel, self.dilation)
        return self.padding, self.padding


@dataclass(frozen=True)
class Slide:
    """A window sliding along one ``side`` of the input; its first position is ``-side.before``.

    ``unread`` are the input cells that no window reads: the last ``border`` cells of the input, and any between
    windows.
    """

    side: Side
    unread: tuple[int, ...]
    border: int

    @property
    def overhang(self) -> int:
        """How far, in cells, the last window reaches beyond input and padding (only with ``ceil_mode``)."""
        return max(0, (self.side.count - 1) * self.side.stride - self.side.room)


@dataclass(frozen=True)
class Remedy:
    """A change that makes the windows read every cell: new values of ``height``, ``width``, ``stride``, ``padding``
    or ``ceil_mode``.
    """

    changes: Changes


def rule(window: Window) -> str:
    """The rule for the output's size, in letters.

    n is the input's size, p the padding on each side (of both together if they differ), k the kernel, d
    the dilation, s the stride.
    """
    before, after = window.pads
    padded = "n" if window.padding == "valid" else "n + 2p" if before == after else "n + p"
    span = "k" if window.dilation == 1 else "d(k - 1) - 1"
    return f"⌈({padded} - {span})/s⌉ + 1" if window.ceil_mode else f"⌊({padded} - {span})/s⌋ + 1"


def slide(window: Window, height: int, width: int) -> tuple[Slide, Slide]:
    """Slide ``window`` down and across an input of ``height`` x ``width`` cells.

    Raises:
        UsageError: PyTorch refuses such a layer, or the window does not fit; the message says what to do.
    """
    _check(window)
    _check_fit(window, height, width)
    return _slide(_side(window, height)), _slide(_side(window, width))


def remedies(window: Window, height: int, width: int) -> list[Remedy]:
    """The nearest changes that leave no input cell unread; empty if all are read."""
    if not _loses(window, height, width):
        return []
    sizes = [_other_size(window, height, width, step) for step in (-1, 1)]
    strides = (replace(window, stride=stride) for stride in range(window.stride - 1, 0, -1))
    paddings = (replace(window, padding=more) for more in range(window.pads[0] + 1, window.span + 1))
    found = [
        *sizes,
        _first(height, width, "stride", strides),
        _first(height, width, "padding", paddings),
    ]
    if window.pooling and not window.ceil_mode:
        found.append(_first(height, width, "ceil_mode", [replace(window, ceil_mode=True)]))
    return [Remedy(changes) for changes in found if changes]


def _side(window: Window, size: int) -> Side:
    return Side(size, window.kernel, window.stride, *window.pads, window.dilation, window.ceil_mode)


def _slide(side: Side) -> Slide:
    read = {
        start * side.stride - side.before + cell * side.dilation
        for start in range(side.count)
        for cell in range(side.kernel)
    }
    unread = tuple(cell for cell in range(side.size) if cell not in read)
    return Slide(side, unread, _trailing(unread, side.size))


def _trailing(unread: tuple[int, ...], size: int) -> int:
    """How many of the last cells of ``size`` are unread."""
    border = 0
    while border < len(unread) and unread[-1 - border] == size - 1 - border:
        border += 1
    return border


def _check(window: Window) -> None:
    if window.pooling and isinstance(window.padding, str):
        raise UsageError(
            Message(
                "Pooling in PyTorch needs a number as padding; got {padding!r}. Choose 0 for none.",
                padding=window.padding,
            )
        )
    if window.padding == "same" and window.stride > 1:
        raise UsageError(
            Message(
                "Padding 'same' does not work with stride {stride}: the output would be smaller than "
                "the input with any padding. Choose stride 1, or padding {padding} as a number, which "
                "gives the input size divided by {stride}, rounded up.",
                stride=window.stride,
                padding=(window.span - 1) // 2,
            )
        )
    if window.pooling and isinstance(window.padding, int) and window.padding > window.kernel // 2:
        raise UsageError(
            Message(
                "Padding {padding} is more than half the {kernel} window, which PyTorch does not allow "
                "for pooling: a window could contain only padding. Choose {most} or less.",
                padding=window.padding,
                kernel=shape_text((window.kernel, window.kernel)),
                most=window.kernel // 2,
            )
        )


def _check_fit(window: Window, height: int, width: int) -> None:
    size = min(height, width)
    before, after = window.pads
    if _side(window, size).count >= 1:
        return
    if window.dilation > 1:
        template = Message(
            "The {kernel} kernel with dilation {dilation} spans {span} cells, but the {input} input has "
            "only {room} including padding: choose a smaller kernel or dilation, more padding or a "
            "larger input.",
            kernel=shape_text((window.kernel, window.kernel)),
            dilation=window.dilation,
            span=window.span,
            input=shape_text((height, width)),
            room=size + before + after,
        )
    else:
        template = Message(
            "The {kernel} kernel is larger than the {input} input, which has only {room} cells "
            "including padding: choose a smaller kernel, more padding or a larger input.",
            kernel=shape_text((window.kernel, window.kernel)),
            input=shape_text((height, width)),
            room=size + before + after,
        )
    raise UsageError(template)


def _loses(window: Window, height: int, width: int) -> bool:
    return any(along.unread for along in slide(window, height, width))


def _other_size(window: Window, height: int, width: int, step: int) -> Changes:
    """For each side that loses cells, the nearest size below (``step`` -1) or above that loses none; empty if none
    does.
    """
    changes = []
    for name, size in (("height", height), ("width", width)):
        sizes = (size + step * distance for distance in range(window.stride + window.span + 1))
        fitting = (found for found in sizes if found > 0 and _reads_all(window, found))
        nearest = next(fitting, None)
        if nearest is None:
            return ()
        if nearest != size:
            changes.append((name, nearest))
    return tuple(changes)


def _reads_all(window: Window, size: int) -> bool:
    side = _side(window, size)
    return side.count >= 1 and not _slide(side).unread


def _first(height: int, width: int, name: str, windows: Iterable[Window]) -> Changes:
    """The value of ``name`` in the first of ``windows`` that loses nothing; empty if there is none."""
    for window in windows:
        try:
            if not _loses(window, height, width):
                return ((name, int(getattr(window, name))),)
        except UsageError:  # such a layer is impossible
            continue
    return ()
