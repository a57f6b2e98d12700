"""What is sent through a private copy of a network to look at it: an input without values, or a random one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.operations.op import Shape, product, shape_text
from cnnviz.tracing.copies import meta_copy, real_copy

_LARGEST_SIZE = 1_000_000
_MOST_REAL_VALUES = 16_000_000
"""Of an input on the CPU, some 60 MB: the maps that a network makes of it may take a hundred times as much."""


def checked_shape(input_shape: Sequence[Any]) -> Shape:
    """``input_shape`` as a tuple.

    Raises:
        UsageError: a size that is no whole number from 1 to a million.
    """
    sizes = tuple(input_shape)
    if not sizes or not all(isinstance(n, int) and 1 <= n <= _LARGEST_SIZE for n in sizes):
        raise UsageError(
            Message(
                "The input shape must consist of integers from 1 to {largest}, such as 1,28,28 for "
                "(channels, height, width); got {shape}.",
                shape=",".join(str(n) for n in sizes) or "-",
                largest=f"{_LARGEST_SIZE:,}",
            )
        )
    return sizes


def prepared(model: nn.Module, shape: Shape, batch: int, real: bool = False) -> tuple[nn.Module, Tensor]:
    """A private copy of ``model``, and a batch (batch, *shape) for it, of the type of its weights.

    On the meta device they have shapes and no values; ``real`` ones are on the CPU, the input's values from 0 to 1,
    the same ones every time.

    Raises:
        CnnvizError: the model cannot be copied, or a real input is so large that the pass might not fit into memory.
    """
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    if not real:
        return meta_copy(model), torch.empty(batch, *shape, dtype=dtype, device="meta")
    values = batch * product(shape)
    if values > _MOST_REAL_VALUES:
        raise CnnvizError(
            Message(
                "This network can only be traced with real data, and a batch of {batch} inputs of "
                "{shape} has {values:,} values; more than {most:,} might not fit into memory. Choose a "
                "smaller input.",
                batch=batch,
                shape=shape_text(shape),
                values=values,
                most=_MOST_REAL_VALUES,
            )
        )
    x = torch.rand(batch, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return real_copy(model), x


def needs_data(error: BaseException) -> bool:
    """Whether a forward pass failed only because tensors on the meta device hold no values."""
    return isinstance(error, (RuntimeError, TypeError)) and re.search(r"\bmeta\b", str(error)) is not None
