"""All architectures, told before they are built; here what the recipes of several have in common.

All other fields of a recipe are as in the three mini networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FASHION: Mapping[str, object] = MappingProxyType(
    {"mean": (0.0,), "deviation": (1.0,), "momentum": 0.0, "initialisation": "xavier"}
)
"""The course's networks for Fashion-MNIST: images from 0 to 1, plain SGD, Xavier initialisation."""

ADAM: Mapping[str, object] = MappingProxyType({"optimizer": "adam", "learning_rate": 0.001, "momentum": 0.0})
"""The course's networks for CIFAR-10."""

LARGE_COLOUR: Mapping[str, object] = MappingProxyType(
    {"momentum": 0.9, "weight_decay": 0.0005, "batch_size": 128}
)
"""What the papers of the large networks have in common; their recipes are no part of the course."""
