"""What interpreting a person's own network costs in training, beside the same class executed by Python.

Usage: python -m benchmarks.own_training [--steps N]

Both make the same steps in turn, in one process with one thread; figures are medians of the ratio of a step to the one
beside it. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cnnviz.own.building import constructed
from cnnviz.own.definition import Definition

STUDENTS = Path(__file__).parent.parent / "tests" / "own" / "students"
NETWORKS = ("plain", "sequential", "residual", "blocks_in_a_loop")
TARGET = 1.10
BATCH_SIZE = 64


def side(network: nn.Module) -> Any:
    """A network with what trains it."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    return SimpleNamespace(network=network, optimizer=optimizer)


def seconds(trained: Any, x: torch.Tensor, labels: torch.Tensor) -> float:
    """How long one step takes."""
    begun = time.perf_counter()
    trained.optimizer.zero_grad()
    F.cross_entropy(trained.network(x), labels).backward()
    trained.optimizer.step()
    return time.perf_counter() - begun


def ratio(text: str, steps: int) -> tuple[float, float]:
    """How many times as long a step takes interpreted, and its seconds executed by Python."""
    names: dict[str, Any] = {}
    exec(text, names)
    ours, theirs = constructed(Definition(text)), names["Net"]()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(BATCH_SIZE, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(BATCH_SIZE) % 10
    both = side(ours), side(theirs)
    pairs = [tuple(seconds(one, x, labels) for one in both) for _ in range(steps)][2:]
    return statistics.median(a / b for a, b in pairs), statistics.median(b for _, b in pairs)


def main() -> int:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    missed = False
    for name in NETWORKS:
        found, plain = ratio((STUDENTS / f"{name}.py").read_text(), steps)
        missed |= found > TARGET
        print(f"{name:<20}{found:.3f} times the {1000 * plain:.2f} ms of Python (target: {TARGET:.2f})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
