"""Which registered networks a test goes through: all on the meta device, real passes only of cheap ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.architectures import Architecture

ALL = architectures.registered()
NETWORKS = architectures.registered("network")

CHEAP = tuple(known for known in ALL if known.input_shape[1] <= 56 and known.key != "vgg-cifar")
"""A real pass of each takes milliseconds."""

MNIST = tuple(known for known in CHEAP if known.dataset == "mnist")
"""Those that read digits of 28 x 28."""

MINI = tuple(architectures.get(key) for key in ("basic-cnn", "inception-mini", "resnet-mini"))
"""The three that the course begins with; each ends in one Linear called ``fc``."""


def each(networks: tuple[Architecture, ...]) -> pytest.MarkDecorator:
    """Run a test with ``architecture`` being each of ``networks``."""
    return pytest.mark.parametrize("architecture", networks, ids=lambda known: known.key)


def on_meta(architecture: Architecture, **options: object) -> nn.Module:
    """The network without memory or weights."""
    with torch.device("meta"):
        return architecture.build(**options)
