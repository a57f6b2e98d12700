"""From a recipe's words to what PyTorch trains with: initial weights, loss function, optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.randomness import untouched_generator
from cnnviz.training.loop import optimizers
from cnnviz.training.recipe.recipe import Recipe

AUXILIARY_WEIGHT = 0.3
"""How much an auxiliary classifier counts in the loss (Szegedy et al. 2015, section 5)."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes a network's outputs (B, classes) and labels (B,) int64, and gives the mean over the batch."""


def initial_network(recipe: Recipe) -> nn.Module:
    """The network of ``recipe`` with the weights that its training starts from, on the CPU.

    The same seed gives the same weights; the global generator is left as it was.
    """
    with untouched_generator(recipe.seed):
        model = architectures.get(recipe.architecture).build(**recipe.options)
        if recipe.initialisation == "xavier":
            model.apply(_xavier)
    return model


def _xavier(module: nn.Module) -> None:
    """Uniform weights whose deviation keeps values and gradients alike in size (Glorot and Bengio 2010,
    equation 16); biases stay as PyTorch draws them.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def loss_function(recipe: Recipe) -> Loss:
    """The loss that ``recipe`` names.

    Cross-entropy is computed from class scores. From the logarithms of probabilities it comes out the same,
    as their softmax is what they are the logarithms of: it is then the negative log-likelihood. The mean
    squared error is that of the scores, or of the probabilities where a network gives their logarithms.
    """
    if recipe.loss == "cross-entropy":
        return F.cross_entropy
    return _error_of_probabilities if architectures.get(recipe.architecture).log_softmax else _error_of_scores


def _error_of_scores(scores: Tensor, labels: Tensor) -> Tensor:
    return F.mse_loss(scores, F.one_hot(labels, scores.shape[1]).to(scores.dtype))


def _error_of_probabilities(logarithms: Tensor, labels: Tensor) -> Tensor:
    return _error_of_scores(logarithms.exp(), labels)


def with_auxiliaries(loss: Loss, outputs: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """The loss of a network that gives, while training, its own scores and those of auxiliary classifiers."""
    main, *auxiliary = outputs
    total = loss(main, labels)
    for scores in auxiliary:
        total = total + AUXILIARY_WEIGHT * loss(scores, labels)
    return total


def make_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that ``recipe`` names, for these parameters."""
    # fused: one pass over the memory instead of ten, which takes half of the time or less
    common: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "fused": True,
    }
    if recipe.optimizer == "sgd":
        return optimizers.SGD(parameters, momentum=recipe.momentum, **common)
    kind = optimizers.Adam if recipe.optimizer == "adam" else optimizers.AdamW
    return kind(parameters, **common)
