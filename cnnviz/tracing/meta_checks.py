"""Checks that PyTorch makes on real tensors and forgets on the meta device.

Each returns what PyTorch would raise on the CPU, or None where it would go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def _transposed(
    input: Tensor,  # noqa: A002  the name of PyTorch's argument
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Exception | None:
    expected, sides = weight.shape[0], weight.dim() - 2
    channels = input.shape[-sides - 1] if sides + 1 <= input.dim() <= sides + 2 else None
    if channels is not None and channels != expected:
        return RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(input.shape)} to have "
            f"{expected} channels, but got {channels} channels instead"
        )
    least = [max(pair) for pair in zip(_each(stride, sides), _each(dilation, sides), strict=True)]
    if any(extra >= limit for extra, limit in zip(_each(output_padding, sides), least, strict=True)):
        return RuntimeError("output padding must be smaller than either stride or dilation")
    return None


def _each(value: Any, sides: int) -> Sequence[int]:
    sizes = [value] if isinstance(value, int) else list(value)
    return sizes * sides if len(sizes) == 1 else sizes


def _along(input: Tensor, dim: int | None = None, *_rest: Any, **_options: Any) -> Exception | None:  # noqa: A002
    count = max(input.dim(), 1)
    if not isinstance(dim, int) or -count <= dim < count:
        return None
    return IndexError(
        f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {dim})"
    )


def _resized(
    input: Tensor,  # noqa: A002
    size: Any = None,
    scale_factor: Any = None,
    *_rest: Any,
    **_options: Any,
) -> Exception | None:
    sizes = input.shape[2:]
    if size is not None or scale_factor is None:
        return None
    factors = [scale_factor] * len(sizes) if isinstance(scale_factor, (int, float)) else scale_factor
    if all(int(n * factor) > 0 for n, factor in zip(sizes, factors, strict=True)):
        return None
    return RuntimeError(
        f"Input and output sizes should be greater than 0, but {list(sizes)} times {scale_factor} is not"
    )


CHECKS: Mapping[Callable[..., Any], Callable[..., Exception | None]] = {
    torch.conv_transpose1d: _transposed,
    torch.conv_transpose2d: _transposed,
    torch.conv_transpose3d: _transposed,
    F.interpolate: _resized,
    F.softmax: _along,
    F.softmin: _along,
    F.log_softmax: _along,
    torch.softmax: _along,
    torch.log_softmax: _along,
    torch.Tensor.softmax: _along,
    torch.Tensor.log_softmax: _along,
}
"""By function; called with its arguments."""


def forgotten(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> None:
    """Raise what ``func`` would raise on the CPU for such meta tensors, and does not on theirs."""
    check = CHECKS.get(func)
    if check is None or not args or not isinstance(args[0], Tensor) or not args[0].is_meta:
        return
    try:
        problem = check(*args, **kwargs)
    except (TypeError, ValueError, IndexError):  # called in a way that is not foreseen here
        return
    if problem is not None:
        raise problem
