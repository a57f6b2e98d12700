"""Everything that a training needs before its first step."""

from __future__ import annotations

import math
from functools import partial

import torch

from cnnviz.datasets import Dataset
from cnnviz.training.loop.batches import Batches, balanced_subset
from cnnviz.training.loop.evaluate import test_batch_size
from cnnviz.training.loop.memory_format import memory_format
from cnnviz.training.loop.optimising import initial_network, loss_function, make_optimizer
from cnnviz.training.loop.session import Generators, Session
from cnnviz.training.recipe.fitting import has_batch_norm
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.transforms.batch_preparer import BatchPreparer

OTHER_STREAM = 2**31
"""Added to a recipe's seed, it gives a seed that no recipe has."""

_AHEAD = 8  # batches of small images that are prepared at once
_AHEAD_BYTES = 8 * 2**20  # large blocks come from the system anew each time, which takes four times as long
_FLOAT = 4


def batches_ahead(recipe: Recipe, shape: tuple[int, int, int]) -> int:
    """How many batches of images of ``shape`` (C, H, W) are prepared at once: several small ones, which saves
    calls, but of large ones one.
    """
    if recipe.preparation.augmentation or recipe.preparation.resize:
        return 1
    return max(1, min(_AHEAD, _AHEAD_BYTES // (recipe.batch_size * math.prod(shape) * _FLOAT)))


def new_session(recipe: Recipe, dataset: Dataset, device: torch.device) -> Session:
    """A training by a valid ``recipe`` that stands before its first step."""
    model = initial_network(recipe).to(device)
    layout = memory_format(model)
    model = model.to(memory_format=layout)
    images, labels = dataset.train_images, dataset.train_labels
    if recipe.train_images is not None:
        chosen = balanced_subset(labels, recipe.train_images, recipe.seed)
        images, labels = images[chosen], labels[chosen]
    # The order that Batches need: so the two of the training set share one copy, of grey images the original.
    images, labels = images.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)
    channels, height, width = dataset.train_images.shape[1:]
    shape = channels, height, width
    prepare = BatchPreparer(recipe.preparation, shape, device)
    order = torch.Generator().manual_seed(recipe.seed)
    changes = torch.Generator().manual_seed(recipe.seed + OTHER_STREAM)
    training = partial(prepare.training, generator=changes)
    test = (dataset.test_images.to(device), dataset.test_labels.to(device))
    at_once = test_batch_size(*recipe.preparation.input_shape(shape)[1:])
    return Session(
        recipe=recipe,
        device=device,
        model=model,
        optimizer=make_optimizer(recipe, model.parameters()),
        loss=loss_function(recipe),
        train=Batches(
            images,
            labels,
            training,
            recipe.batch_size,
            leave_single=has_batch_norm(model),
            ahead=batches_ahead(recipe, shape),
            memory_format=layout,
        ),
        known=Batches(images, labels, prepare.test, at_once, memory_format=layout),
        test=Batches(*test, prepare.test, at_once, memory_format=layout),
        generators=Generators(order, changes, order.get_state()),
        base_rate=recipe.learning_rate,
    )
