"""What is sent through a network to look at it: an input without values, or a random one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.operations.op import Shape, product, shape_text

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
                "The input shape {shape} is not possible: it takes whole numbers from 1 to {largest}, "
                "such as 1,28,28 for (channels, height, width).",
                shape=",".join(str(n) for n in sizes) or "-",
                largest=f"{_LARGEST_SIZE:,}",
            )
        )
    return sizes


def input_type(model: nn.Module) -> torch.dtype:
    """The type of values that ``model`` takes: that of its weights."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def empty_input(shape: Shape, dtype: torch.dtype, batch: int) -> Tensor:
    """A batch (batch, *shape) on the meta device: it has a shape and no values."""
    return torch.empty(batch, *shape, dtype=dtype, device="meta")


def random_input(shape: Shape, dtype: torch.dtype, batch: int) -> Tensor:
    """A batch (batch, *shape) on the CPU, values from 0 to 1, the same ones every time.

    Raises:
        CnnvizError: it is so large that the pass might not fit into memory.
    """
    values = batch * product(shape)
    if values > _MOST_REAL_VALUES:
        raise CnnvizError(
            Message(
                "This network needs real data to be traced, and a batch of {batch} inputs of {shape} is {values:,} "
                "values; more than {most:,} might not fit into memory. Trace a smaller input.",
                batch=batch,
                shape=shape_text(shape),
                values=values,
                most=_MOST_REAL_VALUES,
            )
        )
    return torch.rand(batch, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def needs_data(error: BaseException) -> bool:
    """Whether a forward pass failed only because tensors on the meta device hold no values."""
    return isinstance(error, (RuntimeError, TypeError)) and re.search(r"\bmeta\b", str(error)) is not None
