"""The networks that can be inspected, each identified by plain strings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cnnviz import architectures
from cnnviz.interpret import pretrained
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots

if TYPE_CHECKING:
    from torch import nn


def load(key: tuple[str, ...]) -> nn.Module:
    """The network that ``key`` names, in eval mode and without gradients, on the CPU.

    Args:
        key: ``("checkpoint", id, sha256)``; ``("untrained", architecture, options as JSON, seed,
            initialisation)`` for the weights that training starts from; ``("pretrained", name)`` for a model of
            torchvision with its ImageNet weights, ``("random", name, seed)`` without them; ``("snapshot", run,
            step, stamp, recipe as JSON)`` for a run in progress.

    Raises:
        CnnvizError: it is missing or damaged.
    """
    kind, *rest = key
    if kind == "checkpoint":
        return checkpoints.load_model(checkpoints.get(rest[0]))
    if kind == "pretrained":
        return pretrained.load(rest[0])
    if kind == "snapshot":
        return _snapshot(*rest)
    if kind == "random":
        return pretrained.untrained(rest[0], int(rest[1]))
    return _untrained(*rest)


def start_of(recipe: Recipe) -> tuple[str, ...]:
    """The key of the initial weights of a training by ``recipe``."""
    options = json.dumps(dict(recipe.options), sort_keys=True)
    return "untrained", recipe.architecture, options, str(recipe.seed), recipe.initialisation


def nbytes(network: nn.Module) -> int:
    """Bytes of the network's weights and buffers, each counted once."""
    return sum(tensor.nbytes for tensor in {*network.parameters(), *network.buffers()})


def _untrained(architecture: str, options: str, seed: str, initialisation: str) -> nn.Module:
    from cnnviz.training.loop.optimisation import initial_network

    recipe = Recipe.default(
        architecture, options=json.loads(options), seed=int(seed), initialisation=initialisation
    )
    return initial_network(recipe).requires_grad_(False).eval()


def _snapshot(run_id: str, step: str, _stamp: str, recipe: str) -> nn.Module:
    import torch

    from cnnviz.training.checkpoints.weights import check_fit

    known = Recipe.from_dict(json.loads(recipe))
    tensors = snapshots.load(run_id, int(step))
    with torch.device("meta"):
        model = architectures.get(known.architecture).build(**known.options)
    check_fit(run_id, known.architecture, tensors, model.state_dict())
    model.load_state_dict(tensors, assign=True)
    return model.requires_grad_(False).eval()
