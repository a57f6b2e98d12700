"""Which registered networks a test goes through: all on the meta device, real passes only of cheap ones."""

from __future__ import annotations

import os

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.models import torchvision_names

ALL = architectures.registered()
NETWORKS = architectures.registered("network")

CHEAP = tuple(known for known in ALL if known.input_shape[1] <= 56 and known.key != "vgg-cifar")
"""A real pass of each takes milliseconds."""

MNIST = tuple(known for known in CHEAP if known.dataset == "mnist")
"""Those that read digits of 28 x 28."""

MINI = tuple(architectures.get(key) for key in ("basic-cnn", "inception-mini", "resnet-mini"))
"""The three that the course begins with; each ends in one Linear called ``fc``."""

_SMALL = tuple(
    "alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 "
    "mobilenet_v2 mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnext50_32x4d wide_resnet50_2 "
    "shufflenet_v2_x0_5 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11 vgg11_bn vit_b_32".split()
)
TORCHVISION = torchvision_names() if os.environ.get("CNNVIZ_TEST_ALL_NETWORKS") else _SMALL
"""The smallest of each of torchvision's families, whose other members repeat its blocks; with
``CNNVIZ_TEST_ALL_NETWORKS=1`` all of them.
"""


def each(networks: tuple[Architecture, ...]) -> pytest.MarkDecorator:
    """Run a test with ``architecture`` being each of ``networks``."""
    return pytest.mark.parametrize("architecture", networks, ids=lambda known: known.key)


def on_meta(architecture: Architecture, **options: object) -> nn.Module:
    """The network without memory or weights."""
    with torch.device("meta"):
        return architecture.build(**options)
