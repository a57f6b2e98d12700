"""Snapshots of a training that never was: quick, and each with other weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from cnnviz.training.loop.optimisation import initial_network
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.snapshots import State

RUN = "20260101-abc234"


def weights_after(recipe: Recipe, step: int) -> dict[str, Tensor]:
    """What the weights are said to be after ``step`` steps."""
    return {name: tensor * (1 + step / 4) for name, tensor in initial_network(recipe).state_dict().items()}


def snapshot(recipe: Recipe, step: int, epoch: int) -> bytes:
    """A snapshot's file."""
    facts = {"step": step, "epoch": epoch, "finished": []}
    return State(facts, weights_after(recipe, step)).to_bytes()


def keep_snapshots(runs: Path, recipe: Recipe, steps: Sequence[int], run_id: str = RUN) -> None:
    """Write snapshots into the run's folder."""
    for step in steps:
        path = snapshots.path(runs / run_id, step, min(step, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(snapshot(recipe, step, min(step, 1)))


def checkpoint_weights(recipe: Recipe) -> torch.nn.Module:
    """The network at the end."""
    model = initial_network(recipe)
    model.load_state_dict(weights_after(recipe, 16))
    return model.eval()
