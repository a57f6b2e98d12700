"""Images kept in memory as bytes and prepared a batch at a time.

A DataLoader that turns images into tensors one by one spends more time on them than the small networks
of the course spend on training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cnnviz.training.parallel.part import WHOLE, Part
from cnnviz.training.transforms.batch_preparer import as_rows

if TYPE_CHECKING:
    from cnnviz.training.recipe.recipe import Recipe

BATCH_SIZE = 256  # larger ones leave the processor's caches and are slower
_BATCH_PIXELS = 256 * 32 * 32
_LEAST_BATCH_SIZE = 16
_AHEAD = 8  # batches of small images that are prepared at once
_AHEAD_BYTES = 8 * 2**20  # large blocks come from the system anew each time, which takes four times as long
_FLOAT = 4


def test_batch_size(height: int, width: int) -> int:
    """How many images of this size are tested at once: the larger they are, the fewer, to save memory."""
    return max(_LEAST_BATCH_SIZE, min(BATCH_SIZE, _BATCH_PIXELS // (height * width)))


def batches_ahead(recipe: Recipe, shape: tuple[int, int, int]) -> int:
    """How many batches of images of ``shape`` (C, H, W) are prepared at once: several small ones, which saves
    calls, or a single large one.
    """
    if recipe.preparation.augmentation or recipe.preparation.resize:
        return 1
    return max(1, min(_AHEAD, _AHEAD_BYTES // (recipe.batch_size * math.prod(shape) * _FLOAT)))


def memory_order(recipe: Recipe) -> torch.memory_format:
    """The order in memory that suits networks like the recipe's, for weights and images.

    Convolutions are quicker with the channels last. Yet a person's own code may say ``x.view(-1, 320)``, which PyTorch
    refuses of maps that lie like this.
    """
    return torch.channels_last if recipe.own is None else torch.contiguous_format


class Batches:
    """A set of images and labels, handed out in batches."""

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        prepare: Callable[[Tensor], Tensor],
        batch_size: int,
        *,
        leave_single: bool = False,
        ahead: int = 1,
        memory_format: torch.memory_format = torch.channels_last,
        part: Part = WHOLE,
        random: bool = False,
    ) -> None:
        """images: (N, C, H, W) uint8; labels: (N,) int64; ``prepare`` makes of a batch of such images what
        the network gets. With ``leave_single`` a last batch of one image is left out. ``ahead`` batches
        are prepared at once, which is quicker; ``prepare`` must not be random then. The network gets its
        batches in ``memory_format``. Images with the channels last are not copied. Of each batch this process
        gets its ``part``; where ``prepare`` is ``random``, it draws for the whole batch, the same in all processes.
        """
        self._images = images.contiguous(memory_format=torch.channels_last)
        self._labels = labels
        self._prepare = prepare
        self._batch_size = batch_size
        self._ahead = ahead
        self._memory_format = memory_format
        self._part, self._random = part, random
        self._prepared: tuple[Tensor, int, list[tuple[Tensor, Tensor]]] | None = None
        left = leave_single and len(labels) % batch_size == 1
        self.images = len(labels) - 1 if left else len(labels)
        """Images in one pass."""

    def __len__(self) -> int:
        """Batches in one pass; the last one may be smaller."""
        return -(-self.images // self._batch_size)

    def order(self, generator: torch.Generator) -> Tensor:
        """The order of one pass, (N,) int64, drawn from ``generator`` (on the CPU)."""
        return torch.randperm(len(self._labels), generator=generator).to(self._labels.device)

    def size(self, number: int) -> int:
        """How many images batch ``number``, from 0, has."""
        return min(self._batch_size, self.images - number * self._batch_size)

    def share(self, number: int) -> float:
        """Which part (0 to 1) of the images of batch ``number`` is this process's."""
        size = self.size(number)
        own = self._part.of(size)
        return float(own.stop - own.start) / size

    def take(self, order: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Batch ``number``, from 0, of a pass in ``order``: (x, labels), as far as it is this process's.

        Where nothing of it is, that is one image, so that the network has something to compute; it must count nothing.
        """
        group, member = divmod(number, self._ahead)
        if self._prepared is None or self._prepared[0] is not order or self._prepared[1] != group:
            self._prepared = order, group, self._take(order, group * self._ahead, self._ahead)
        return self._prepared[2][member]

    def _take(self, order: Tensor, number: int, count: int) -> list[tuple[Tensor, Tensor]]:
        """``count`` batches, or as many as there are left, from ``number`` on, prepared in one."""
        start = number * self._batch_size
        chosen = order[start : min(start + count * self._batch_size, self.images)]
        if self._part == WHOLE or self._random:
            sizes = [len(batch) for batch in torch.split(chosen, self._batch_size)]
        else:
            own = [batch[self._own(len(batch))] for batch in torch.split(chosen, self._batch_size)]
            chosen, sizes = torch.cat(own), [len(batch) for batch in own]
        # index_select is ten times faster than indexing, above all on rows that lie together in memory
        rows = as_rows(self._images).index_select(0, chosen)
        channels, height, width = self._images.shape[1:]
        images = rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
        x, labels = self._ready(images), self._labels.index_select(0, chosen)
        batches = list(zip(torch.split(x, sizes), torch.split(labels, sizes), strict=True))
        if self._part != WHOLE and self._random:
            batches = [(x[self._own(len(x))], labels[self._own(len(x))]) for x, labels in batches]
        return batches

    def _own(self, size: int) -> slice:
        own = self._part.of(size)
        return own if own.stop > own.start else slice(0, 1)

    def in_order(self, part: Part = WHOLE) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in the order of the data: (x, labels) of each batch, or of a ``part`` of all batches."""
        for start in range(part.number * self._batch_size, self.images, part.count * self._batch_size):
            batch = slice(start, min(start + self._batch_size, self.images))
            yield self._ready(self._images[batch]), self._labels[batch]

    def _ready(self, images: Tensor) -> Tensor:
        return self._prepare(images).to(memory_format=self._memory_format)


def balanced_subset(labels: Tensor, count: int, seed: int) -> Tensor:
    """Which ``count`` of the images with these labels are used: (count,) int64, in rising order.

    Drawn with ``seed``, as many of each class as of any other, give or take one, while there are enough.

    labels: (N,) int64, N >= count.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    classes = torch.nn.functional.one_hot(labels[order])  # (N, classes)
    rank = classes.cumsum(0).mul_(classes).sum(1)  # how many of its class have been drawn up to each image
    return order[rank.argsort(stable=True)[:count]].sort().values
