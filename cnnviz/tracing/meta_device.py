"""The meta device, faster and stricter: shapes that PyTorch takes long to find, checks that it forgets there.

An answer is given only where the call is certainly valid; anything else goes to PyTorch, so that its own checks raise
its own errors. A check raises what PyTorch would raise on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_META = torch.device("meta")


def answer(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Tensor | None:
    """The result of ``func`` on meta tensors, or None where PyTorch must be asked.

    Raises what PyTorch would raise on the CPU but forgets to raise on the meta device.
    """
    known = _ANSWERS.get(func)
    if known is None:
        forgotten(func, args, kwargs)
        return None
    if not args:
        return None
    first = args[0][0] if isinstance(args[0], (tuple, list)) and args[0] else args[0]
    if not isinstance(first, Tensor) or not first.is_meta:
        return None
    try:
        return known(*args, **kwargs)
    except (TypeError, ValueError, IndexError):  # called in a way that is not foreseen here
        return None


def _batch_norm(
    input: Tensor,  # noqa: A002  the name of PyTorch's argument
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    *_rest: Any,
    **_options: Any,
) -> Tensor | None:
    shape = input.shape
    if training or len(shape) < 2 or running_mean is None or running_var is None:
        return None
    for channels in (running_mean, running_var, weight, bias):
        if channels is not None and channels.numel() != shape[1]:
            return None
    return _empty(input, shape)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:  # noqa: A002
    if weight.dim() != 2 or input.dim() < 1 or input.shape[-1] != weight.shape[1]:
        return None
    if not _like(input, weight, bias) or not _one_for_each(bias, weight):
        return None
    return _empty(input, (*input.shape[:-1], weight.shape[0]))


def _one_for_each(bias: Tensor | None, weight: Tensor) -> bool:
    """Whether there is no bias, or one number for each output of ``weight``."""
    return bias is None or bias.shape == weight.shape[:1]


def _relu(input: Tensor, inplace: bool = False) -> Tensor:  # noqa: A002
    return input if inplace else _empty(input, input.shape)


def _conv2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    shape, kernels = input.shape, weight.shape
    if len(shape) != 4 or isinstance(padding, str) or shape[1] != kernels[1] * groups:
        return None
    if not _like(input, weight, bias) or kernels[0] % groups:
        return None
    if bias is not None and not _one_for_each(bias, weight):  # on the meta device PyTorch forgets to say so
        raise RuntimeError(
            f"Given weight of size {list(kernels)}, expected bias to be 1-dimensional with {kernels[0]} elements, "
            f"but got bias of size {list(bias.shape)} instead"
        )
    sizes = _windows(shape[2:], kernels[2:], stride, padding, dilation)
    return sizes and _empty(input, (shape[0], kernels[0], *sizes))


def _max_pool2d(
    input: Tensor,  # noqa: A002
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | None:
    kernel = _pair(kernel_size)
    if input.dim() != 4 or ceil_mode or return_indices or 2 * max(_pair(padding)) > min(kernel):
        return None
    sizes = _windows(input.shape[2:], kernel, kernel if stride is None else stride, padding, dilation)
    return sizes and _empty(input, (*input.shape[:2], *sizes))


@lru_cache(maxsize=4096)
def _windows(
    sizes: Sequence[int], kernel: Sequence[int], stride: Any, padding: Any, dilation: Any
) -> tuple[int, int] | None:
    """How many windows fit along height and width; None where none does, or a number is impossible."""
    least = min(*kernel, *_pair(stride), *_pair(dilation), 1 + min(_pair(padding)))
    if least < 1:
        return None
    height, width = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(sizes, kernel, _pair(stride), _pair(padding), _pair(dilation), strict=True)
    )
    return (height, width) if min(height, width) > 0 else None


def _add(input: Tensor, other: Any) -> Tensor | None:  # noqa: A002
    same = isinstance(other, Tensor) and other.shape == input.shape and other.dtype == input.dtype
    return _empty(input, input.shape) if same and other.is_meta else None


def _add_in_place(input: Tensor, other: Any) -> Tensor | None:  # noqa: A002
    return None if _add(input, other) is None else input


def _cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    first = tensors[0]
    sizes = list(first.shape)
    if not -len(sizes) <= dim < len(sizes):
        return None
    sizes[dim] = -1
    for tensor in tensors:
        others = list(tensor.shape)
        if len(others) != len(sizes) or tensor.dtype != first.dtype or not tensor.is_meta:
            return None
        others[dim] = -1
        if others != sizes:
            return None
    sizes[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return _empty(first, sizes)


def _like(input: Tensor, *others: Tensor | None) -> bool:  # noqa: A002
    dtype = input.dtype
    return all(other is None or (other.is_meta and other.dtype == dtype) for other in others)


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    # empty_like and new_empty take ten times as long on this device.
    return torch.empty(shape, dtype=like.dtype, device=_META)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


_ANSWERS: Mapping[Callable[..., Any], Callable[..., Tensor | None]] = {
    F.batch_norm: _batch_norm,
    F.linear: _linear,
    F.relu: _relu,
    torch.relu: _relu,
    torch.conv2d: _conv2d,
    F.max_pool2d: _max_pool2d,
    torch.add: _add,
    torch.Tensor.add: _add,
    torch.Tensor.add_: _add_in_place,
    torch.cat: _cat,
}


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
