"""All architectures that cnnviz knows.

The list imports no torch: a network's file is imported when the network is built. So pages and the
command line can offer the choice at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.randomness import untouched_generator

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """A named network, with what a person wants to know about it before it is built.

    ``input_shape`` is (C, H, W); ``recipe`` holds the fields of the training recipe in which this
    architecture differs from :class:`cnnviz.training.recipe.Recipe`'s defaults; ``builder`` is
    ``module:Class`` below ``cnnviz.architectures``.
    """

    key: str
    title: str
    family: str
    year: int
    paper: str
    idea: Message
    input_shape: tuple[int, int, int]
    classes: int
    dataset: str
    builder: str
    group: str = "network"
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    recipe: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def build(self, **options: object) -> nn.Module:
        """A new network in training mode, its weights drawn from PyTorch's global generator.

        Raises:
            UnknownKeyError: an option that this architecture does not have.
        """
        for name in options:
            if name not in self.options:
                raise UnknownKeyError(Message("The option"), name, self.options)
        module, _, name = self.builder.partition(":")
        network: nn.Module = getattr(importlib.import_module(f"cnnviz.architectures.{module}"), name)(
            **{**self.options, **options}
        )
        return network

    def build_seeded(self, seed: int, **options: object) -> nn.Module:
        """Like :meth:`build`, with the weights that ``torch.manual_seed(seed)`` gives.

        The global generator is left as it was. Safe to call from several threads.
        """
        with untouched_generator(seed):
            return self.build(**options)


_MNIST_INPUT = (1, 28, 28)

_ARCHITECTURES = (
    Architecture(
        key="basic-cnn",
        title="Basic CNN",
        family="LeNet",
        year=1998,
        paper="LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition",
        idea=Message(
            "Two 5x5 convolutions find strokes and their combinations, and a max pooling after each "
            "halves the map. What is left, 20 maps of 4 x 4, goes into one Linear."
        ),
        input_shape=_MNIST_INPUT,
        classes=10,
        dataset="mnist",
        builder="basic_cnn:BasicCNN",
    ),
    Architecture(
        key="inception-mini",
        title="Inception mini",
        family="Inception",
        year=2015,
        paper="Szegedy et al. 2015, Going Deeper with Convolutions",
        idea=Message(
            "Which kernel size is best? An Inception module runs 1x1, 3x3, 5x5 and a pooling side by "
            "side and lets training decide. The channels of all branches are concatenated: "
            "16 + 24 + 24 + 24 = 88."
        ),
        input_shape=_MNIST_INPUT,
        classes=10,
        dataset="mnist",
        builder="inception:InceptionMini",
    ),
    Architecture(
        key="resnet-mini",
        title="ResNet mini",
        family="ResNet",
        year=2016,
        paper="He et al. 2016, Deep Residual Learning for Image Recognition",
        idea=Message(
            "A residual block adds its input to its output, so it only has to learn the difference. "
            "The gradient flows back through the addition unhindered, which lets networks grow deep."
        ),
        input_shape=_MNIST_INPUT,
        classes=10,
        dataset="mnist",
        builder="resnet:ResNetMini",
    ),
)
_BY_KEY = MappingProxyType({architecture.key: architecture for architecture in _ARCHITECTURES})


def registered() -> tuple[Architecture, ...]:
    """All architectures, in the order in which a course meets them."""
    return _ARCHITECTURES


def keys() -> tuple[str, ...]:
    """The keys of all architectures, in the same order."""
    return tuple(_BY_KEY)


def get(key: str) -> Architecture:
    """The architecture registered under ``key``.

    Raises:
        UnknownKeyError: there is none; the message names the closest key.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownKeyError(Message("The architecture"), key, _BY_KEY) from None
