"""The meta device, faster: shapes that PyTorch takes long to find.

An answer is given only where the call is certainly valid; anything else goes to PyTorch, so that its own checks raise
its own errors (:mod:`cnnviz.tracing.on_the_cpu` knows those that the meta device forgets).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnviz.operations.op import product

_META = torch.device("meta")


def answer(
    func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
) -> Tensor | tuple[Tensor, ...] | None:
    """The result of ``func`` on meta tensors, or None where PyTorch must be asked."""
    known = _ANSWERS.get(func)
    if known is None or not args:
        return None
    first = args[0][0] if isinstance(args[0], (tuple, list)) and args[0] else args[0]
    if not isinstance(first, Tensor) or not first.is_meta or not first.is_floating_point():
        return None
    if func not in _CONTIGUOUS and not first.is_contiguous():
        return None  # most results are permuted in memory as what they are computed from
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
    if len(shape) < 2:
        return None
    if training:
        if product(shape) == shape[1]:  # one value for each channel has no deviation, which PyTorch refuses
            return None
    elif running_mean is None or running_var is None:
        return None
    for channels in (running_mean, running_var, weight, bias):
        if channels is not None and channels.shape != shape[1:2]:
            return None
    if not _like(input, running_mean, running_var, weight, bias):
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


def _same_shape(
    input: Tensor,  # noqa: A002
    *_settings: Any,
    inplace: bool = False,
    **_more: Any,
) -> Tensor | None:
    if not input.is_floating_point() or any(isinstance(value, (bool, Tensor)) for value in _settings):
        return None
    return input if inplace else _empty(input, input.shape)


def _relu(input: Tensor, inplace: bool = False) -> Tensor:  # noqa: A002
    return input if inplace else _empty(input, input.shape)


def _layer_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor | None:
    sizes = tuple(normalized_shape)
    fits = bool(sizes) and tuple(input.shape[-len(sizes) :]) == sizes
    fits = fits and all(tensor is None or tensor.shape == sizes for tensor in (weight, bias))
    return _empty(input, input.shape) if fits and _like(input, weight, bias) else None


def _group_norm(
    input: Tensor,  # noqa: A002
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor | None:
    shape = input.shape
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups or not _like(input, weight, bias):
        return None
    if any(tensor is not None and tensor.shape != shape[1:2] for tensor in (weight, bias)):
        return None
    few = shape[0] * shape[1] // num_groups * product(shape[2:]) <= shape[0] * num_groups
    return None if few else _empty(input, shape)


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
    if not _like(input, weight, bias) or kernels[0] % groups or not _one_for_each(bias, weight):
        return None
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


def _combined(input: Tensor, other: Any) -> Tensor | None:  # noqa: A002
    """A sum or product of two tensors of one type, broadcast, or of a tensor and a number."""
    if type(other) in (int, float) and input.is_floating_point():
        return _empty(input, input.shape)
    if not isinstance(other, Tensor) or not _like(input, other) or not input.is_floating_point():
        return None
    if other.shape == input.shape:
        return _empty(input, input.shape) if other.is_contiguous() else None
    if not other.is_contiguous():
        return None
    shape = _broadcast(tuple(input.shape), tuple(other.shape))
    return None if shape is None else _empty(input, shape)


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of what is computed from tensors of these shapes; None where they do not fit."""
    count = max(len(one), len(other))
    pairs = zip((1,) * (count - len(one)) + one, (1,) * (count - len(other)) + other, strict=True)
    sizes = [(a, b) if b == 1 else (b, a) for a, b in pairs]
    return tuple(a for a, _ in sizes) if all(b in (1, a) for a, b in sizes) else None


def _combined_in_place(input: Tensor, other: Any) -> Tensor | None:  # noqa: A002
    found = _combined(input, other)
    return None if found is None or found.shape != input.shape else input


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


def _recurrent(input: Tensor, *given: Any) -> tuple[Tensor, ...] | None:  # noqa: A002
    """LSTM, GRU or RNN, which PyTorch takes through the whole sequence, step by step, on this device."""
    if isinstance(given[1], Tensor) or isinstance(given[2], (list, tuple)):  # a packed sequence
        _batch_sizes, states, weights, _bias, layers, _dropout, _training, bidirectional = given
        rank, images, batch_first = 2, None, False
    else:
        states, weights, _bias, layers, _dropout, _training, bidirectional, batch_first = given
        rank, images = 3, input.shape[0 if batch_first else 1]
        input = input.transpose(0, 1) if batch_first else input  # noqa: A001
    kept = [states] if isinstance(states, Tensor) else list(states)
    directions, features = 2 if bidirectional else 1, kept[0].shape[-1]
    layers_fit = all(
        state.shape[0] == layers * directions and images in (None, state.shape[1]) for state in kept
    )
    received = [input.shape[-1], *[directions * features] * (layers - 1)]
    weights_of_one = len(weights) // (layers * directions)
    of_input, of_state = weights[::weights_of_one], weights[1::weights_of_one]
    matrices_fit = [matrix.shape[1] for matrix in of_input] == [
        size for size in received for _ in range(directions)
    ] and all(matrix.shape[1] == features for matrix in of_state)
    if input.dim() != rank or not layers_fit or not matrices_fit or not _like(input, *weights, *kept):
        return None
    output = _empty(input, (*input.shape[:-1], directions * features))
    states = [_empty(state, state.shape) for state in kept]
    return (output.transpose(0, 1) if batch_first else output, *states)


def _cell(
    input: Tensor,  # noqa: A002
    states: Tensor | Sequence[Tensor],
    of_input: Tensor,
    of_state: Tensor,
    *biases: Tensor | None,
) -> Tensor | tuple[Tensor, ...] | None:
    """A step of an LSTM, GRU or RNN; in this order, as the arguments of the layers' functions are."""
    kept = [states] if isinstance(states, Tensor) else list(states)
    shape = kept[0].shape
    fits = input.dim() == 2 and all(state.shape == (input.shape[0], of_state.shape[1]) for state in kept)
    fits = fits and of_input.shape[1] == input.shape[1] and of_input.shape[0] == of_state.shape[0]
    if not fits or not _like(input, of_input, of_state, *kept, *biases):
        return None
    new = [_empty(state, shape) for state in kept]
    return new[0] if isinstance(states, Tensor) else tuple(new)


_RESIZED_BY = ("nearest", "nearest-exact", "bilinear", "bicubic")


def _interpolated(
    input: Tensor,  # noqa: A002
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    **_options: Any,
) -> Tensor | None:
    plain = align_corners is None or mode in ("bilinear", "bicubic")
    if input.dim() != 4 or mode not in _RESIZED_BY or not plain or (size is None) == (scale_factor is None):
        return None
    if size is None:
        factors = _pair(scale_factor) if not isinstance(scale_factor, float) else (scale_factor,) * 2
        size = [int(n * factor) for n, factor in zip(input.shape[2:], factors, strict=True)]
    if not isinstance(size, int) and len(size) != 2:
        return None
    sizes = _pair(size)
    whole = all(type(n) is int and n > 0 for n in (*sizes, *input.shape))
    return _empty(input, (*input.shape[:2], *sizes)) if whole else None


def _like(input: Tensor, *others: Tensor | None) -> bool:  # noqa: A002
    dtype = input.dtype
    return all(other is None or (other.is_meta and other.dtype == dtype) for other in others)


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    # empty_like and new_empty take ten times as long on this device.
    return torch.empty(shape, dtype=like.dtype, device=_META)


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return (value, value)
    if len(value) > 2:
        raise ValueError(f"two sides, but {value}")
    return (value[0], value[-1])


_ONE_BY_ONE = (
    *(torch.sigmoid, torch.Tensor.sigmoid, torch.tanh, torch.Tensor.tanh, torch.Tensor.neg),
    *(
        F.gelu,
        F.silu,
        F.mish,
        F.hardswish,
        F.hardsigmoid,
        F.leaky_relu,
        F.elu,
        F.selu,
        F.softplus,
        F.hardtanh,
    ),
)
_RECURRENT = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)
_CELLS = (torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell)
_COMBINING = (
    *(torch.add, torch.Tensor.add, torch.sub, torch.Tensor.sub),
    *(torch.mul, torch.Tensor.mul, torch.div, torch.Tensor.div),
)

_CONTIGUOUS = frozenset((F.linear, F.layer_norm, *_RECURRENT, *_CELLS))
"""What they give is laid out in memory by their own rules, not as their input is."""

_ANSWERS: Mapping[Callable[..., Any], Callable[..., Tensor | tuple[Tensor, ...] | None]] = {
    F.batch_norm: _batch_norm,
    F.layer_norm: _layer_norm,
    F.group_norm: _group_norm,
    F.linear: _linear,
    F.relu: _relu,
    torch.relu: _relu,
    torch.conv2d: _conv2d,
    F.max_pool2d: _max_pool2d,
    F.interpolate: _interpolated,
    torch.Tensor.add_: _combined_in_place,
    torch.Tensor.mul_: _combined_in_place,
    torch.cat: _cat,
    **dict.fromkeys(_ONE_BY_ONE, _same_shape),
    **dict.fromkeys(_COMBINING, _combined),
    **dict.fromkeys(_RECURRENT, _recurrent),
    **dict.fromkeys(_CELLS, _cell),
}
