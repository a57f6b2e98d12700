"""How much memory a training takes, and how much there is."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path

import torch

from cnnviz import architectures, datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.shapes.trace import Trace, trace
from cnnviz.training.evaluate import test_batch_size
from cnnviz.training.fitting import image_shape
from cnnviz.training.recipe import Recipe

PROCESS_BYTES = 650 * 2**20
"""A worker with PyTorch and a small network."""

_FLOAT = 4
_INDEX = 8  # a maximum pooling remembers where each maximum was
_OPTIMIZER_COPIES = {"adam": 2, "adamw": 2}


class TooLargeError(UsageError):
    """A training would not fit into the memory."""

    def __init__(self, needed: int, available: int, recipe: Recipe) -> None:
        super().__init__(
            Message(
                "This training needs about {needed:.1f} GB of memory, and {available:.1f} GB are free. Take a "
                "smaller batch size than {batch_size:,}, or smaller images.",
                needed=needed / 1e9,
                available=available / 1e9,
                batch_size=recipe.batch_size,
            )
        )
        self.needed, self.available = needed, available


def needed(recipe: Recipe) -> int:
    """About how many bytes a training by a valid ``recipe`` takes at most, its process included.

    Counted are the images; weights, gradients and what the optimizer keeps; copies of these for saved states;
    the outputs of all operations for a whole batch, which the gradients are computed from; and room for the
    largest operation. Libraries need more or less here and there: a fifth either way.
    """
    info = datasets.get(recipe.dataset)
    traced = trace_of(recipe)
    pixels = info.input_shape[0] * info.input_shape[1] * info.input_shape[2]
    images = (info.train_images + (recipe.train_images or 0) + info.test_images) * pixels
    weights = traced.total_params * _FLOAT
    momenta = _OPTIMIZER_COPIES.get(recipe.optimizer, 1 if recipe.momentum else 0)
    kept = weights * (2 + momenta)  # with the gradients
    saved = 2 * weights * (1 + momenta)  # a copy, and its bytes
    height, width = image_shape(info, recipe.resize)[1:]
    tested = 2 * _largest(traced) * test_batch_size(height, width)
    return PROCESS_BYTES + images + kept + saved + max(_step_bytes(traced, recipe.batch_size), tested)


def available(device: str = "cpu") -> int | None:
    """How many bytes are free, on a GPU for ``cuda``; None where the system does not tell."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    known = [size for size in (_of_linux(), _of_control_group()) if size is not None]
    return min(known) if known else _of_unix()


def check(recipe: Recipe) -> None:
    """Check that a training by a valid ``recipe`` fits into the memory that is free now.

    Raises:
        TooLargeError: it does not; the message has the numbers.
    """
    on_gpu = recipe.device != "cpu" and torch.cuda.is_available()
    there = available("cuda" if on_gpu else "cpu")
    wanted = needed(recipe)
    if there is not None and wanted > there:
        raise TooLargeError(wanted, there, recipe)


def trace_of(recipe: Recipe) -> Trace:
    """The trace of the recipe's network for images as it gets them."""
    with torch.device("meta"):
        model = architectures.get(recipe.architecture).build(**recipe.options)
    return trace(model, image_shape(datasets.get(recipe.dataset), recipe.resize))


def _step_bytes(traced: Trace, batch_size: int) -> int:
    """What one step holds at its peak, for the whole batch."""
    kept = 0
    for op in traced.ops:
        if op.kind == "reshape":  # another view of the same numbers
            continue
        remembers = op.kind == "pooling" and "max" in op.type.lower()
        kept += math.prod(op.output_shape) * (_FLOAT + (_INDEX if remembers else 0))
    return batch_size * (kept + 2 * _largest(traced))


def _largest(traced: Trace) -> int:
    """Bytes of the inputs and the output of the largest operation, for one image."""
    return _FLOAT * max(
        (math.prod(op.output_shape) + sum(map(math.prod, op.input_shapes)) for op in traced.ops), default=0
    )


def _of_linux() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _of_control_group() -> int | None:
    """What a container may still take (version 2 of the control groups, then version 1)."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            root = Path("/sys/fs/cgroup")
            return int((root / limit).read_text()) - int((root / used).read_text())
    return None


def _of_unix() -> int | None:
    """All the memory of the machine, where nothing says how much of it is free."""
    read: Callable[[str], int] | None = getattr(os, "sysconf", None)
    with contextlib.suppress(OSError, ValueError):
        return None if read is None else read("SC_PAGE_SIZE") * read("SC_PHYS_PAGES")
    return None
