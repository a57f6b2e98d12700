"""Checkpoints of networks that say the same whatever they see: quick to make, and known beforehand."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnviz import architectures
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe


def save_constant(
    folder: Path, key: str, says: int, dataset: str = "mnist", checkpoint_id: str | None = None
) -> Checkpoint:
    """Save a network of the architecture ``key`` that answers every image with the class ``says``."""
    model = architectures.get(key).build_seeded(1).eval()
    last = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.bias.copy_(torch.nn.functional.one_hot(torch.tensor(says), 10) * 50.0)
    result = TrainingResult(
        model=model,
        recipe=Recipe.default(key, dataset=dataset),
        epochs=(),
        steps=1,
        test_accuracy=0.1,
        test_loss=1.0,
        stopped=True,
    )
    return checkpoints.save(
        folder, checkpoint_id or f"{key}-{dataset}", result, dataset_digest="0" * 64, run_id="trial"
    )
