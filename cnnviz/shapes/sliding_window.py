"""A convolution or pooling by hand: how its window slides, what it never reads, and small images and kernels for it.

The images' pixels are numbers from 0 to 9 and the kernels have readable numbers, so that a person can follow the
arithmetic. Handwritten digits are real ones from the sample; the other images are simple patterns. Positions follow PyTorch's documentation of ``Conv2d``, ``MaxPool2d`` and ``AvgPool2d``; Dumoulin and
Visin 2016, "A guide to convolution arithmetic for deep learning", draws them. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import UsageError, shortened
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
    if window.padding == "same" and window.stride > 1:
        raise _same_with_stride(window, height, width)
    _check_fit(window, height, width)
    return _slide(side_along(window, height)), _slide(side_along(window, width))


def remedies(window: Window, height: int, width: int) -> list[Remedy]:
    """The nearest changes that leave no input cell unread; empty if all are read."""
    if not _loses(window, height, width):
        return []
    sizes = [_other_size(window, height, width, step) for step in (-1, 1)]
    strides = (replace(window, stride=stride) for stride in range(window.stride - 1, 0, -1))
    paddings = (replace(window, padding=more) for more in range(window.pads[0] + 1, window.span + 1))
    found = [*sizes, _first(height, width, "stride", strides), _first(height, width, "padding", paddings)]
    if window.pooling and not window.ceil_mode:
        found.append(_first(height, width, "ceil_mode", [replace(window, ceil_mode=True)]))
    return [Remedy(changes) for changes in found if changes]


def side_along(window: Window, size: int) -> Side:
    """The windows along a side of ``size`` cells."""
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


def _same_with_stride(window: Window, height: int, width: int) -> UsageError:
    """Why PyTorch refuses ``same`` with a stride, and the padding that comes closest to what was meant.

    That is an output of ceil(size / stride). With a kernel that spans an odd number of cells, one number does it for
    every size; with an even one it depends on the size, or needs more on one side than on the other.
    """
    stride = window.stride
    wanted = tuple(-(-size // stride) for size in (height, width))
    below, above = (window.span - 1) // 2, window.span // 2
    for padding in dict.fromkeys((below, above)):
        side = replace(window, padding=padding)
        if tuple(side_along(side, size).count for size in (height, width)) == wanted:
            return UsageError(
                Message(
                    "Padding 'same' does not work with stride {stride}: the output would be smaller than "
                    "the input with any padding. Choose stride 1, or padding {padding} as a number, which "
                    "gives {output}: the input size divided by {stride}, rounded up.",
                    stride=stride,
                    padding=padding,
                    output=shape_text(wanted),
                )
            )
    return UsageError(
        Message(
            "Padding 'same' does not work with stride {stride}: the output would be smaller than the input "
            "with any padding. Choose stride 1. {output}, the input size divided by {stride}, rounded up, "
            "needs other padding on each side, which only a layer before this one can give: "
            "nn.ZeroPad2d(({below}, {above}, {below}, {above})).",
            stride=stride,
            output=shape_text(wanted),
            below=below,
            above=above,
        )
    )


def _check_fit(window: Window, height: int, width: int) -> None:
    size = min(height, width)
    before, after = window.pads
    if side_along(window, size).count >= 1:
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
    side = side_along(window, size)
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


BRIGHTEST = 9
Planes = NDArray[np.float64]
Digits = NDArray[np.uint8]

_MARGIN = 2  # of MNIST's 28 pixels: digits lie in the middle 20, and a small image has none to waste


def image_title(name: str) -> Message:
    """The title of the image ``name`` (one of ``IMAGES``)."""
    kind, _dash, digit = name.partition("-")
    return Message("Digit {digit}", digit=digit) if kind == "digit" else _PATTERNS[name][0]


def sample_digits() -> Digits:
    """A real digit of each class: (10, 28, 28) uint8, 255 is ink.

    Raises:
        DatasetMissingError: the sample is not installed; the message says what to do.
        DatasetDamagedError: its file is not what it should be.
    """
    from cnnviz.datasets import get, reading

    arrays = reading.read_sample(get("mnist-sample"))
    firsts = [int(np.flatnonzero(arrays.test_labels == digit)[0]) for digit in range(10)]
    return arrays.test_images[firsts, 0]


def small_image(name: str, size: tuple[int, int], colour: bool, digits: Digits | None) -> NDArray[np.uint8]:
    """The image ``name`` with ``size`` (height, width): (1, H, W) uint8, or (3, H, W) with ``colour``; 0 to 9.

    ``digits`` are those of :func:`sample_digits`; patterns need none.
    """
    if name.startswith("digit-"):
        if digits is None:
            raise ValueError(name)
        planes = _digit(digits[int(name[-1])], size, colour)
    else:
        planes = _pattern(name, size, colour)
    return np.rint(np.clip(planes, 0, 1) * BRIGHTEST).astype(np.uint8)


def resample(image: Planes, size: tuple[int, int]) -> Planes:
    """``image`` (H, W) resized to ``size``; each new pixel is the mean of the area that it covers."""
    rows, columns = (_shares(new, old) for new, old in zip(size, image.shape, strict=True))
    result: Planes = rows @ image @ columns.T
    return result


def _shares(new: int, old: int) -> Planes:
    """(new, old): the share of each old cell in each new one, along one side."""
    begin = np.arange(new)[:, None] * old / new
    cells = np.arange(old)[None, :]
    covered = np.minimum(begin + old / new, cells + 1) - np.maximum(begin, cells)
    shares: Planes = np.clip(covered, 0, None) * new / old
    return shares


def _digit(pixels: Digits, size: tuple[int, int], colour: bool) -> Planes:
    if max(size) < pixels.shape[0]:
        pixels = pixels[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    ink: Planes = resample(pixels / 255, size)
    ink = ink / max(float(ink.max()), 1e-9)
    if not colour:
        return ink.reshape(1, *size)
    across, _down = _coordinates(size)
    # A warm digit on a background from green to blue: all three channels differ.
    return np.stack([ink, 0.6 * ink + 0.5 * (1 - ink) * (1 - across), 0.7 * (1 - ink) * across])


def _coordinates(size: tuple[int, int]) -> tuple[Planes, Planes]:
    """The position of each pixel's centre across and down, from 0 to 1; both (H, W)."""
    height, width = size
    down, across = np.meshgrid(
        (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return across, down


def _pattern(name: str, size: tuple[int, int], colour: bool) -> Planes:
    planes = _PATTERNS[name][1](size)
    if colour:
        return planes
    grey: Planes = planes.mean(axis=0, keepdims=True) if name == "discs" else planes[:1]
    return grey


def _discs(size: tuple[int, int]) -> Planes:
    """Three discs of light, red, green and blue, that overlap."""
    across, down = _coordinates(size)
    centres = ((0.5, 0.36), (0.36, 0.62), (0.64, 0.62))
    distances = [np.hypot(across - x, down - y) for x, y in centres]
    return np.stack([np.clip((0.36 - distance) * 8, 0, 1) for distance in distances])


def _edge(size: tuple[int, int]) -> Planes:
    across, _down = _coordinates(size)
    right = (across > 0.5).astype(float)
    return np.stack([right, 0.5 * right + 0.2, 1 - right])


def _cross(size: tuple[int, int]) -> Planes:
    across, down = _coordinates(size)
    upright = np.abs(across - 0.5) < max(0.12, 0.51 / size[1])
    level = np.abs(down - 0.5) < max(0.12, 0.51 / size[0])
    return np.stack([upright | level, upright, level]).astype(float)


def _checker(size: tuple[int, int]) -> Planes:
    rows, columns = np.indices(size)
    field = max(1, min(size) // 5)
    odd = (rows // field + columns // field) % 2
    return np.stack([odd, 1 - odd, 0.5 * odd + 0.25])


def _ramp(size: tuple[int, int]) -> Planes:
    across, down = _coordinates(size)
    return np.stack([across, down, 1 - across])


def _point(size: tuple[int, int]) -> Planes:
    """One bright pixel: the output is the kernel itself, rotated by 180 degrees."""
    planes = np.zeros((3, *size))
    planes[:, size[0] // 2, size[1] // 2] = 1
    return planes


_PATTERNS: Mapping[str, tuple[Message, Callable[[tuple[int, int]], Planes]]] = MappingProxyType(
    {
        "discs": (Message("Discs"), _discs),
        "edge": (Message("Edge"), _edge),
        "cross": (Message("Cross"), _cross),
        "checker": (Message("Checkerboard"), _checker),
        "ramp": (Message("Ramp"), _ramp),
        "point": (Message("Single point"), _point),
    }
)
IMAGES: tuple[str, ...] = (*(f"digit-{digit}" for digit in range(10)), *_PATTERNS)


Kernel = NDArray[np.float64]

LARGEST_WEIGHT = 999
"""The largest weight that may be typed, so that products stay readable."""


@dataclass(frozen=True)
class Preset:
    """A named kernel, available from ``least`` x ``least`` cells upwards."""

    title: Message
    least: int
    make: Callable[[int], Kernel]


def _vertical_edges(size: int) -> Kernel:
    """Right minus left (Prewitt's operator where ``size`` is 3)."""
    return np.tile(np.sign(np.arange(size) - (size - 1) / 2), (size, 1))


def _identity(size: int) -> Kernel:
    kernel = np.zeros((size, size))
    # With an even size: the cell that padding "same" puts over the pixel itself.
    kernel[(size - 1) // 2, (size - 1) // 2] = 1
    return kernel


def _sharpen(size: int) -> Kernel:
    kernel = 5 * _identity(size)
    middle = (size - 1) // 2
    for row, column in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        kernel[middle + row, middle + column] = -1
    return kernel


KERNELS: Mapping[str, Preset] = MappingProxyType(
    {
        "vertical-edges": Preset(Message("Vertical edges"), 2, _vertical_edges),
        "horizontal-edges": Preset(Message("Horizontal edges"), 2, lambda size: _vertical_edges(size).T),
        "blur": Preset(Message("Blur (mean)"), 1, lambda size: np.full((size, size), 1 / size**2)),
        "sharpen": Preset(Message("Sharpen"), 3, _sharpen),
        "identity": Preset(Message("Identity"), 1, _identity),
    }
)


def preset_kernel(name: str, size: int) -> Kernel:
    """The kernel ``name`` of ``KERNELS`` with ``size`` x ``size`` cells, float64.

    Raises:
        UsageError: the kernel needs more cells.
    """
    known = KERNELS[name]
    if size < known.least:
        raise UsageError(
            Message(
                "{title} compares neighbouring pixels, so it needs a kernel of at least {least} x "
                "{least}: enlarge the kernel or choose another one.",
                title=known.title,
                least=known.least,
            )
        )
    return known.make(size)


def parse_kernel(text: str, size: int) -> Kernel:
    """Read a typed kernel: rows separated by ``/``, numbers by spaces or commas.

    Raises:
        UsageError: it is not a table of ``size`` x ``size`` numbers.
    """
    rows = [row.replace(",", " ").split() for row in text.strip().strip("/").split("/")]
    if len(rows) != size or any(len(row) != size for row in rows):
        raise UsageError(
            Message(
                "A {size} x {size} kernel must be written as {size} rows of {size} numbers, with / "
                "between rows and spaces between numbers, such as {example}; got {text!r}.",
                size=size,
                example=kernel_text(_identity(size)),
                text=shortened(text),
            )
        )
    return np.array([[_weight(number) for number in row] for row in rows])


def kernel_text(kernel: Kernel) -> str:
    """``kernel`` as text that :func:`parse_kernel` reads."""
    return " / ".join(" ".join(f"{weight:g}" for weight in row) for row in kernel)


def _weight(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST_WEIGHT:
        raise UsageError(
            Message(
                "A kernel weight must be a number from {low} to {high}; got {text!r}.",
                text=shortened(text),
                low=-LARGEST_WEIGHT,
                high=LARGEST_WEIGHT,
            )
        )
    return number
