"""How much memory a training run needs, and how much is available."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path

import torch

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.models import traced
from cnnviz.operations.operation import operation_of
from cnnviz.tracing.trace import Trace
from cnnviz.training.loop.batches import batches_ahead, test_batch_size
from cnnviz.training.recipe.recipe import Recipe

PROCESS_BYTES = 650 * 2**20
"""What a worker with PyTorch and a small network takes."""

_FLOAT = 4
_INDEX = 8  # a maximum pooling remembers where each maximum was
_OPTIMIZER_COPIES = {"adam": 2, "adamw": 2}
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


class TooLargeError(UsageError):
    """A training run would not fit into memory, which ``processes`` share."""

    def __init__(self, needed: int, available: int, recipe: Recipe, processes: int = 1) -> None:
        facts = {
            "needed": needed / 1e9,
            "available": available / 1e9,
            "batch_size": recipe.batch_size,
            "workers": processes,
        }
        if processes > 1:
            told = Message(
                "{workers} processes need about {needed:.1f} GB of memory, but only {available:.1f} GB are free. Choose "
                "fewer processes, a batch size below {batch_size:,}, or smaller images.",
                **facts,
            )
        else:
            told = Message(
                "This training needs about {needed:.1f} GB of memory, but only {available:.1f} GB are "
                "free. Choose a batch size below {batch_size:,}, or smaller images.",
                **facts,
            )
        super().__init__(told)
        self.needed, self.available = needed, available


def needed(recipe: Recipe) -> int:
    """About how many bytes training by a valid ``recipe`` takes at its peak, in all its processes."""
    return sum(needed_by(recipe, leads=number == 0) for number in range(recipe.workers))


def needed_by(recipe: Recipe, *, leads: bool = True) -> int:
    """About how many bytes one process of training by a valid ``recipe`` takes at its peak, itself included: the only one,
    the one that ``leads``, or another.

    Counted are the images, and the batches that are prepared; weights, gradients and what the optimizer keeps;
    copies of these for saved states, where it leads; the outputs of all operations for its part of a batch, which the
    gradients are computed from; and room for the largest operation. Libraries need more or less here and there: a
    fifth either way.
    """
    info = datasets.get(recipe.dataset)
    traced = trace_of(recipe)
    weights = traced.total_params * _FLOAT
    momenta = _OPTIMIZER_COPIES.get(recipe.optimizer, 1 if recipe.momentum else 0)
    exchanged = weights if recipe.workers > 1 else 0
    kept = weights * (2 + momenta) + exchanged  # with the gradients
    saved = 2 * weights * (1 + momenta) if leads else 0  # a copy, and its bytes
    height, width = recipe.input_shape[1:]
    tested = 2 * _largest(traced) * test_batch_size(height, width)
    working = max(_step_bytes(traced, -(-recipe.batch_size // recipe.workers)), tested)
    return PROCESS_BYTES + _image_bytes(recipe, info) + kept + saved + working


def available(device: str = "cpu") -> int | None:
    """How many bytes are free (on the GPU for ``cuda``); None if the system does not say.

    What this process's PyTorch has reserved on the GPU and does not use is free for a training in it.
    """
    if device == "cuda":
        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0]) + unused
    known = [size for size in (_of_linux(), _of_control_group(_CONTROL_GROUPS)) if size is not None]
    return min(known) if known else _of_unix()


def check(recipe: Recipe) -> None:
    """Check that training by a valid ``recipe`` fits into the memory that is free now.

    Raises:
        TooLargeError: it does not; the message has the numbers.
    """
    on_gpu = recipe.device != "cpu" and torch.cuda.is_available()
    there = available("cuda" if on_gpu else "cpu")
    wanted, processes = needed(recipe), recipe.workers
    if on_gpu:  # of which each process has its own
        wanted, processes = needed_by(recipe), 1
    if there is not None and wanted > there:
        raise TooLargeError(wanted, there, recipe, processes)


def trace_of(recipe: Recipe) -> Trace:
    """The trace of the recipe's network for images of the size that it gets."""
    return traced(recipe.architecture, recipe.options, recipe.input_shape)


def _image_bytes(recipe: Recipe, info: datasets.DatasetInfo) -> int:
    """Bytes of the loaded data set, of the reordered copy that training keeps, and of prepared batches."""
    chosen = recipe.train_images or info.train_images
    is_grey = info.input_shape[0] == 1  # which lies in memory as it would with the channels last
    copied = (recipe.train_images or 0) if is_grey else chosen + info.test_images
    kept = (info.train_images + info.test_images + copied) * math.prod(info.input_shape)
    ahead = min(chosen, recipe.batch_size * batches_ahead(recipe, info.input_shape))
    at_once = 2 * ahead  # those in use, while the next ones are prepared
    return kept + at_once * math.prod(recipe.input_shape) * _FLOAT


def _step_bytes(traced: Trace, batch_size: int) -> int:
    """What one step holds at its peak, for the whole batch."""
    kept = 0
    for op in traced.ops:
        if op.kind == "reshape":  # another view of the same numbers
            continue
        remembers = operation_of(op).remembers_places
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


def _of_control_group(root: Path) -> int | None:
    """What a container may still take (version 2 of the control groups, then version 1).

    Files that were read or written lately count as used there, yet the system forgets those that nobody uses any
    more as soon as a process wants their memory.
    """
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError):
            free = int((root / limit).read_text()) - int((root / used).read_text())
            return max(0, free + _statistic((root / used).with_name("memory.stat"), cached))
    return None


def _statistic(path: Path, name: str) -> int:
    """The bytes that ``name`` has in a control group's statistics; 0 where they do not tell."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def _of_unix() -> int | None:
    """All the memory of the machine, where nothing says how much of it is free."""
    read: Callable[[str], int] | None = getattr(os, "sysconf", None)
    with contextlib.suppress(OSError, ValueError):
        return None if read is None else read("SC_PAGE_SIZE") * read("SC_PHYS_PAGES")
    return None
