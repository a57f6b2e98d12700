"""Reading in windows: convolutions, poolings, padding, enlarging, unfolding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cnnviz.operations.padding import same_padding
from cnnviz.operations.receptive_field.call import Call, UnknownError
from cnnviz.operations.receptive_field.lattice import Lattice
from cnnviz.operations.receptive_field.reach import Reach, Table
from cnnviz.operations.rules.adaptive import windows as adaptive_windows
from cnnviz.operations.rules.upsampling import pad_amounts

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""How PyTorch calls a padding, and how numpy does."""


def convolution(call: Call) -> Reach:
    """Every output channel of a group reads all channels of the group."""
    reach = _mixed_channels(call)
    mode = call.arguments.get("padding_mode", "zeros")
    for dim, kernel, stride, dilation, (before, after) in _along(call, reach):
        size = reach.shape[dim]
        starts = np.arange(call.shape[dim]) * stride - before
        table = np.stack([starts + cell * dilation for cell in range(kernel)])
        outside = None if mode == "zeros" else _mapped(size, before, after, _MODES[mode])
        reach = reach.gathered(
            dim,
            _inside(table, size) if outside is None else outside[table + before],
            partial(_window, offset=-before, stride=stride, span=dilation * (kernel - 1)),
        )
    return reach


def pooling(call: Call) -> Reach:
    """Windows on every channel by itself."""
    if call.part:  # where the largest values were
        raise UnknownError
    reach = call.first
    for dim, kernel, stride, dilation, (before, _) in _along(call, reach):
        starts = np.arange(call.shape[dim]) * stride - before
        table = np.stack([starts + cell * dilation for cell in range(kernel)])
        reach = reach.gathered(
            dim,
            _inside(table, reach.shape[dim]),
            partial(_window, offset=-before, stride=stride, span=dilation * (kernel - 1)),
        )
    return reach


def transposed_convolution(call: Call) -> Reach:
    """Position i reads every j for which some cell k of the kernel gives i = j * stride - padding + k * dilation."""
    reach = _mixed_channels(call)
    for dim, kernel, stride, dilation, (before, _) in _along(call, reach):
        positions = np.arange(call.shape[dim]) + before
        rows = [positions - cell * dilation for cell in range(kernel)]
        table = np.stack([np.where(row % stride, -1, row // stride) for row in rows])
        span = dilation * (kernel - 1)
        regular = partial(_window, offset=before - span, stride=1, span=span) if stride == 1 else None
        reach = reach.gathered(dim, _inside(table, reach.shape[dim]), regular)
    return reach


def adaptive_pooling(call: Call) -> Reach:
    """Window i of n over m values covers floor(i m / n) to ceil((i + 1) m / n)."""
    if call.part:
        raise UnknownError
    reach = call.first
    for dim in range(2, len(call.shape)):
        reach = _adapted(reach, dim, call.shape[dim])
    return reach


def padded(call: Call) -> Reach:
    """What lies around a map: nothing, or values of it once more."""
    amounts = pad_amounts(call.op)
    if amounts is None:
        raise UnknownError
    mode = next(
        (mode for mode in ("Reflection", "Replication", "Circular") if call.op.type.startswith(mode)), ""
    )
    known = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}.get(mode)
    known = known or str(call.arguments.get("mode", "constant"))
    reach = call.first
    for number, (before, after) in enumerate(zip(amounts[::2], amounts[1::2], strict=True), 1):
        dim = len(reach.shape) - number
        if before or after:
            size = reach.shape[dim]
            row = _inside(np.arange(-before, size + after)[None], size)
            if known in _MODES:
                row = _mapped(size, max(before, 0), max(after, 0), _MODES[known])[None]
                row = row[:, max(-before, 0) : row.shape[1] - max(-after, 0)]
            reach = reach.gathered(dim, row, partial(_window, offset=-before, stride=1, span=0))
    return reach


def resized(call: Call) -> Reach:
    """Interpolation: the positions whose weights are not 0."""
    if call.arguments.get("antialias"):
        raise UnknownError
    reach, mode = call.first, str(call.arguments.get("mode", "nearest"))
    mode = {"upsamplingnearest2d": "nearest", "upsamplingbilinear2d": "bilinear"}.get(call.function, mode)
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


def unfolded(call: Call) -> Reach:
    """The values of every window as one column (``nn.Unfold``), or windows along one dimension (``Tensor.unfold``)."""
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
        reach = reach.gathered(dim, _inside(table, reach.shape[dim]))
        counts.append((kernel, len(starts)))
    (high, rows), (wide, columns) = counts
    split = reach.reshaped((*reach.shape[:2], high, rows, wide, columns))
    return replace(split.permuted([0, 1, 2, 4, 3, 5]).reshaped(call.shape), places=frozenset({2}))


def folded(call: Call) -> Reach:
    """Columns laid back to where ``nn.Unfold`` takes them from, and added up."""
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


def _mixed_channels(call: Call) -> Reach:
    """Dimension 1 as the channels that leave: each reads those of its group."""
    reach, leaving, groups = call.first, call.shape[1], call.number("groups", 1)
    if groups == 1 or all(bounds.shape[1] == 1 for bounds in reach.bounds):
        return replace(reach.reduced([1]), places=reach.places - {1}).repeated(1, leaving)
    share = reach.shape[1] // groups
    table = np.arange(share)[:, None] + np.arange(leaving) // (leaving // groups) * share
    return reach.gathered(1, table)


def _along(call: Call, reach: Reach) -> list[tuple[int, int, int, int, tuple[int, int]]]:
    """For each dimension of a window: its number, kernel, stride, dilation, and the padding at both ends."""
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


def _inside(table: Table, size: int) -> Table:
    """``table`` with -1 for every position outside of ``size``."""
    return np.where((table >= 0) & (table < size), table, -1)


def _mapped(size: int, before: int, after: int, mode: str) -> Table:
    """Which of ``size`` values stands at every position, the padding included."""
    return np.pad(np.arange(size), (before, after), mode=mode)  # type: ignore[call-overload, no-any-return]


def _window(lattice: Lattice, offset: int, stride: int, span: int) -> Lattice:
    return lattice.window(offset, stride, span)


def _steps(row: Table) -> Callable[[Lattice], Lattice] | None:
    """How a lattice goes on where ``row`` says which one position each reads, if these are evenly apart."""
    steps = np.diff(row)
    if len(row) == 1 or (steps != steps[0]).any() or steps[0] == 0:
        return None
    return partial(_window, offset=int(row[0]), stride=int(steps[0]), span=0)


def _adapted(reach: Reach, dim: int, count: int) -> Reach:
    size = reach.shape[dim]
    if count == 1:
        return replace(reach.reduced([dim]), places=reach.places)
    ends = np.asarray(adaptive_windows(size, count))
    longest = int((ends[:, 1] - ends[:, 0]).max()) + 1
    table = np.minimum(ends[:, 0] + np.arange(longest)[:, None], ends[:, 1])
    regular = partial(_window, offset=0, stride=size // count, span=longest - 1)
    return reach.gathered(dim, table, regular if size % count == 0 else None)


def _scale(call: Call, number: int, ratio: float) -> float:
    """How far apart the positions are that are read: as asked for, where PyTorch does not compute it anew."""
    factor = call.arguments.get("scale_factor")
    if factor is None or call.arguments.get("recompute_scale_factor"):
        return ratio
    factors: Sequence[float] = factor if isinstance(factor, (tuple, list)) else (factor,) * (number + 1)
    return 1 / factors[number]


def _taps(call: Call, number: int, size: int, count: int, cubic: bool) -> Table:
    """The positions that linear or cubic interpolation reads, in single or in double precision."""
    rows = []
    for kind in ("float32", "float64"):
        positions = np.arange(count).astype(kind)
        half, step = np.asarray([0.5, _scale(call, number, size / count)]).astype(kind)
        if call.arguments.get("align_corners") or call.function == "upsamplingbilinear2d":
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
