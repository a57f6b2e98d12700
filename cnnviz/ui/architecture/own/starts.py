"""Networks as text to begin with: an example with a mistake, and the course's own."""

from __future__ import annotations

import json
from functools import cache

from cnnviz import architectures
from cnnviz.own.definition import Definition

_EXAMPLE = """\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.flatten(1)
        return self.fc(x)
"""
"""Whoever wrote it forgot the second pooling: 16 x 8 x 8 values where 16 x 4 x 4 arrive."""


def example() -> Definition:
    """A small network whose last layer expects the wrong number of values."""
    return Definition(_EXAMPLE)


def offered() -> dict[str, str]:
    """The course's networks to begin with: their titles by key."""
    return {known.key: known.title for known in architectures.registered()}


@cache
def course_network(key: str) -> Definition:
    """The network registered under ``key`` as text, with the input and the arguments of its constructor."""
    from cnnviz.standalone import excerpt

    architecture = architectures.get(key)
    written = excerpt(key, {})
    values = {**architecture.arguments, **architecture.defaults}
    return Definition(
        f"{written.imports}\n\n\n{written.definitions}\n",
        architecture.builder.partition(":")[2],
        tuple(sorted((name, json.dumps(value)) for name, value in values.items())),
        architecture.input_shape,
    )
