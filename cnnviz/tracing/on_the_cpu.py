"""What PyTorch refuses on the CPU, where the meta device lets it pass or says it in other words.

The meta device does not check everything: not the types of what goes into a kernel, not the length of a bias, not
indices. A call that may be refused is made once more on the CPU, with zeros of the same shapes and types, and what that
raises are the words that a person reads in a terminal. Plain calls are not suspected, so a trace stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnviz.operations.calls import function_type
from cnnviz.operations.operation import named
from cnnviz.randomness import untouched_generator
from cnnviz.tracing.copies import values_of
from cnnviz.tracing.tap import mapped, tensors_in

_MOST_VALUES = 20_000_000
"""Of the tensors of one call, some 80 MB."""
_MOST_INDICES = 1_000_000

_TAKEN: set[Hashable] = set()
"""Functions with types that the CPU took: it does so again, whatever the sizes."""

Calls = Callable[..., Any]


class OnTheCpu:
    """Makes calls of one pass on the meta device with tensors on the CPU.

    Whole numbers are followed where they depend on no input, as indices do; all other values are zero. ``original``
    gives the tensor that a private one is a copy of.
    """

    def __init__(self, original: Callable[[Tensor], Tensor | None]) -> None:
        self._original = original
        self._numbers: dict[int, Tensor] = {}
        self._alive: list[Tensor] = []  # a tensor is known by its id

    def check(self, func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise what ``func`` raises on the CPU, if the meta device may not notice it."""
        if not suspected(func, args, kwargs):
            return
        key = self._types(func, args, kwargs)
        if key in _TAKEN:
            return
        error = self.refusal(func, args, kwargs)
        if error is not None:
            raise error
        if key is not None:
            _TAKEN.add(key)

    def _types(self, func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Hashable:
        """What decides whether the CPU takes a call that is suspected for its types alone; None where more does."""
        given = tensors_in((*args, kwargs))
        if func in _RULES or any(_is_index(tensor) and self._known(tensor) is not None for tensor in given):
            return None
        options = (repr(value) for value in (*args, *kwargs.values()) if isinstance(value, (str, bool)))
        return func, tuple((tensor.dtype, tensor.dim()) for tensor in given), *options

    def refusal(self, func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Exception | None:
        """What ``func`` raises on the CPU; None where it raises nothing, or where its tensors are too large to try."""
        given = tensors_in((*args, kwargs))
        if not any(tensor.is_meta for tensor in given) or sum(map(_extent, given)) > _MOST_VALUES:
            return None
        if any(not tensor.dim() and _is_index(tensor) and self._known(tensor) is None for tensor in given):
            return None  # it stands for a number: zero may be wrong where another is right
        try:
            self._called(func, args, kwargs)
        except Warning:
            return None
        except Exception as error:
            return None if "ZeroDivision" in str(error) else error  # the zeros are ours
        return None

    def follow(self, func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Remember the whole numbers in ``result``, if those that it was made from are known."""
        index = isinstance(result, Tensor) and result.is_meta and _is_index(result)
        if not index and not self._numbers:  # nearly always
            return
        given = tensors_in((*args, kwargs))
        for tensor in given[:1] if _writes(func) else ():
            self._numbers.pop(id(tensor), None)
        if not index or _writes(func) or not all(self._known(tensor) is not None for tensor in given):
            return
        if result.numel() <= _MOST_INDICES:
            self._numbers[id(result)] = self._called(func, args, kwargs)
            self._alive.append(result)

    def _known(self, tensor: Tensor) -> Tensor | None:
        """The values of a tensor of whole numbers."""
        if not tensor.is_meta:
            return tensor
        found = self._numbers.get(id(tensor), self._original(tensor))
        if found is None:
            found = values_of(tensor)
        return found if found is not None and not found.is_meta and _is_index(found) else None

    def _called(self, func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        draws = named(function_type(func)).random
        with untouched_generator() if draws else nullcontext(), torch.no_grad():
            return func(*mapped(tuple(args), self._stand_in), **mapped(dict(kwargs), self._stand_in))

    def _stand_in(self, value: Any) -> Any:
        if isinstance(value, torch.device) and value.type == "meta":
            return torch.device("cpu")
        if not isinstance(value, Tensor):
            return value
        known = self._known(value)
        if known is not None:
            return known.detach().to("cpu", copy=True)
        if _is_index(value) or _extent(value) > _MOST_INDICES:
            memory = torch.zeros(_extent(value), dtype=value.dtype)
        else:  # zeros are no weights of a lottery
            memory = torch.ones(_extent(value), dtype=value.dtype)
        return memory.as_strided(tuple(value.shape), value.stride())


def _extent(tensor: Tensor) -> int:
    """How many values of memory ``tensor`` lies in: fewer than it has, where it was expanded."""
    if not tensor.numel():
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _is_index(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() and not tensor.is_complex()


def _writes(func: Calls) -> bool:
    """Whether a function works in place."""
    name: str = getattr(func, "__name__", "")
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


# -- which calls are suspected -----------------------------------------------------------------------


def suspected(func: Calls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the CPU may refuse a call that the meta device takes."""
    if _of_unusual_types(args, kwargs):
        return getattr(func, "__name__", "") != "__get__"
    rule = _RULES.get(func)
    if rule is None:
        return False
    try:
        return rule(*args, **kwargs)
    except Exception:  # called in a way that is not foreseen here
        return True


def _of_unusual_types(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether there are other tensors than those of one and the same floating type."""
    first: torch.dtype | None = None
    for tensor in _tensors(args, kwargs):
        kind = tensor.dtype
        if first is None:
            if not kind.is_floating_point:
                return True
            first = kind
        elif kind != first:
            return True
    return False


def _tensors(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from tensors_in(value)


def _other_lengths(bias: Tensor | None, count: int) -> bool:
    return bias is not None and bias.shape != (count,)


def _convolution(
    input: Tensor,  # noqa: A002  the name of PyTorch's argument
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    outputs, sides = weight.shape[0], weight.dim() - 2
    if _other_lengths(bias, outputs) or groups < 1 or outputs % groups:
        return True
    return _unlikely(sides, 1, stride, dilation) or (
        not isinstance(padding, str) and _unlikely(sides, 0, padding)
    )


def _transposed(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> bool:
    received, sides = weight.shape[0], weight.dim() - 2
    if groups < 1 or received % groups or _other_lengths(bias, weight.shape[1] * groups):
        return True
    if input.dim() < sides + 1 or input.shape[-sides - 1] != received:
        return True
    if _unlikely(sides, 1, stride, dilation) or _unlikely(sides, 0, padding, output_padding):
        return True
    least = [max(pair) for pair in zip(_each(stride, sides), _each(dilation, sides), strict=True)]
    return any(extra >= limit for extra, limit in zip(_each(output_padding, sides), least, strict=True))


def _unlikely(sides: int, least: int, *options: Any) -> bool:
    """Whether one of the ``options`` has another number of entries than the ``sides``, or a smaller one than ``least``."""
    return any(
        len(entries) != sides or min(entries) < least for entries in (_each(o, sides) for o in options)
    )


def _each(value: Any, sides: int) -> Sequence[int]:
    sizes = [value] if isinstance(value, int) else list(value)
    return sizes * sides if len(sizes) == 1 else sizes


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:  # noqa: A002
    return _other_lengths(bias, weight.shape[0])


def _batch_norm(input: Tensor, *channels: Any, **_options: Any) -> bool:  # noqa: A002
    return any(isinstance(one, Tensor) and one.shape != input.shape[1:2] for one in channels)


def _along(input: Tensor, dim: Any = None, *_rest: Any, **_options: Any) -> bool:  # noqa: A002
    count = max(input.dim(), 1)
    return isinstance(dim, int) and not -count <= dim < count


def _resized(input: Tensor, size: Any = None, scale_factor: Any = None, *_rest: Any, **_options: Any) -> bool:  # noqa: A002
    sides = input.dim() - 2
    if size is not None:
        sizes = [size] * sides if isinstance(size, int) else list(size)
        return min(sizes) < 1 or len(sizes) != sides
    factors = (
        _each(scale_factor, sides) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * sides
    )
    return any(int(n * factor) < 1 for n, factor in zip(input.shape[2:], factors, strict=True))


def _indexed(input: Tensor, index: Any, *_values: Any) -> bool:  # noqa: A002
    return any(isinstance(entry, list) for entry in (index if isinstance(index, tuple) else (index,)))


def _always(*_args: Any, **_options: Any) -> bool:
    return True


_RULES: Mapping[Calls, Callable[..., bool]] = {
    torch.conv1d: _convolution,
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    torch.conv_transpose1d: _transposed,
    torch.conv_transpose2d: _transposed,
    torch.conv_transpose3d: _transposed,
    F.linear: _linear,
    F.batch_norm: _batch_norm,
    F.interpolate: _resized,
    **dict.fromkeys(
        (
            *(F.softmax, F.softmin, F.log_softmax, torch.softmax, torch.log_softmax, torch.special.softmax),
            *(torch.special.log_softmax, Tensor.softmax, Tensor.log_softmax, torch.sort, Tensor.sort),
            *(torch.argsort, Tensor.argsort, torch.msort),
        ),
        _along,
    ),
    Tensor.__getitem__: _indexed,
    Tensor.__setitem__: _indexed,
    **dict.fromkeys((F.unfold, F.fold, torch.addmm, Tensor.addmm, F.fractional_max_pool2d), _always),
    **dict.fromkeys((torch.multinomial, torch.bucketize, torch.searchsorted), _always),
    **dict.fromkeys((Tensor.masked_fill_, torch.bitwise_not, Tensor.bitwise_not, Tensor.__invert__), _always),
    **dict.fromkeys((torch.index_select, Tensor.index_select, torch.index_add, Tensor.index_add), _always),
    **dict.fromkeys((torch.index_copy, Tensor.index_copy, torch.index_fill, Tensor.index_fill), _always),
}
"""By function; called with its arguments."""
