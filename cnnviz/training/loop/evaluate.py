"""Measuring a network's accuracy and loss on labelled images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.tracing.inputs import as_taken
from cnnviz.training.loop.batches import Batches, memory_order, test_batch_size
from cnnviz.training.parallel.part import WHOLE
from cnnviz.training.transforms.batch_preparer import BatchPreparer

if TYPE_CHECKING:
    from cnnviz.training.parallel.group import Group
    from cnnviz.training.recipe.recipe import Recipe


def test_batches(recipe: Recipe, images: Tensor, labels: Tensor) -> Batches:
    """Images (N, C, H, W) uint8 and labels (N,) as a network of ``recipe`` is tested on them, on the CPU."""
    channels, height, width = images.shape[1:]
    shape = channels, height, width
    at_once = test_batch_size(*recipe.preparation.input_shape(shape)[1:])
    prepare = BatchPreparer(recipe.preparation, shape).test
    return Batches(images, labels, prepare, at_once, memory_format=memory_order(recipe))


@dataclass(frozen=True)
class Evaluation:
    """Over ``images`` images: ``accuracy`` (0..1) and the mean ``loss``."""

    images: int
    accuracy: float
    loss: float


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Batches,
    progress: Callable[[float], None] | None = None,
    loss_function: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    group: Group | None = None,
) -> Evaluation:
    """Accuracy and mean loss of ``model`` on all of ``batches``.

    ``model`` must be in eval mode, and is not changed; ``progress`` is called with 0..1 after each batch;
    ``loss_function`` takes scores (B, classes) and labels (B,) and averages over the batch. The processes of a
    ``group``, all of which call this, share the batches out among themselves.

    Raises:
        ValueError: the model is in training mode, in which dropout and batch statistics spoil the figures.
    """
    if model.training:
        raise ValueError("the model is in training mode; evaluate a copy in eval mode")
    loss, correct = 0.0, 0
    part = WHOLE if group is None else group.part
    for number, (x, labels) in enumerate(batches.in_order(part), start=1):
        scores = model(as_taken(model, x))
        loss += float(loss_function(scores, labels)) * len(labels)
        correct += int((scores.argmax(1) == labels).sum())
        if progress is not None:
            progress(number / len(batches))
    if group is not None:
        loss, right = group.summed((loss, correct))
        correct = int(right)
    return Evaluation(batches.images, correct / batches.images, loss / batches.images)
