"""What PyTorch trains with, from a recipe's words: initial weights and their order in memory, loss, optimizer.

The optimizers are PyTorch's own, without what only ``torch.compile`` needs of them. Their numbers are the same; but
PyTorch's own load the compiler as soon as the first one is made or makes a step: two seconds before the first step of
a training, and a hundred megabytes, for nothing where nothing is compiled.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.randomness import untouched_generator
from cnnviz.tracing.inputs import give_sizes
from cnnviz.training.loop.batches import memory_order
from cnnviz.training.recipe.recipe import Recipe

AUXILIARY_WEIGHT = 0.3
"""How much an auxiliary classifier counts in the loss (Szegedy et al. 2015, section 5)."""

_FEWEST_CHANNELS = 16
"""PyTorch's batch normalisation of images with the channels last takes this many channels, or a multiple, at once on
a CPU; over 6 channels it takes up to seven times as long as with the channels first."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes a network's outputs (B, classes) and labels (B,) int64, and gives the mean over the batch."""


def initial_network(recipe: Recipe) -> nn.Module:
    """The network of ``recipe`` with the weights that its training starts from, on the CPU.

    The same seed gives the same weights; the global generator is left as it was.
    """
    with untouched_generator(recipe.seed):
        model = architectures.get(recipe.architecture).build(**recipe.options)
        give_sizes(model, recipe.input_shape)
        if recipe.initialisation == "xavier":
            model.apply(_xavier)
    return model


def _xavier(module: nn.Module) -> None:
    """Uniform weights whose deviation keeps values and gradients alike in size (Glorot and Bengio 2010,
    equation 16); biases stay as PyTorch draws them.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def memory_format(recipe: Recipe, model: nn.Module) -> torch.memory_format:
    """The order in which ``model`` is trained by ``recipe``, for its weights and the images that it gets.

    It is that of :func:`cnnviz.training.loop.batches.memory_order`, but for batch normalisation over few channels.
    """
    narrow = any(
        isinstance(module, nn.BatchNorm2d) and module.num_features < _FEWEST_CHANNELS
        for module in model.modules()
    )
    return torch.contiguous_format if narrow else memory_order(recipe)


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


class _WithoutCompiler(torch.optim.Optimizer):
    """Makes its steps without a gradient being recorded, as PyTorch's own do after a word to the compiler."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Change the parameters by their gradients; see the class of the same name in ``torch.optim``."""
        loss: Tensor | None = _undecorated(super().step)(self, closure)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        _undecorated(super().zero_grad)(self, set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take further parameters."""
        _undecorated(super().add_param_group)(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        """The state as plain values and tensors."""
        return dict(_undecorated(super().state_dict)(self))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a state that :meth:`state_dict` gave."""
        _undecorated(super().load_state_dict)(self, state_dict)


class SGD(_WithoutCompiler, torch.optim.SGD):
    """See :class:`torch.optim.SGD`."""


class Adam(_WithoutCompiler, torch.optim.Adam):
    """See :class:`torch.optim.Adam`."""


class AdamW(_WithoutCompiler, torch.optim.AdamW):
    """See :class:`torch.optim.AdamW`."""


def _undecorated(method: Callable[..., Any]) -> Callable[..., Any]:
    """The function below a method's decorators, without ``self``'s being bound."""
    function: Callable[..., Any] = inspect.unwrap(getattr(method, "__func__", method))
    return function


def make_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that ``recipe`` names, for these parameters."""
    # fused: one pass over the memory instead of ten, which takes half of the time or less
    common: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "fused": True,
    }
    if recipe.optimizer == "sgd":
        return SGD(parameters, momentum=recipe.momentum, **common)
    kind = Adam if recipe.optimizer == "adam" else AdamW
    return kind(parameters, **common)
