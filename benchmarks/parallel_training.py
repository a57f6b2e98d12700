"""How much faster two processes train one network than one does, each with one thread.

Usage: python -m benchmarks.parallel_training [--rounds N] [--processes N]

Each round trains every network with one process and with several, in turns, on the MNIST sample. Printed are the median
images per second of the training passes, and the median of the rounds' ratios with its range. The ratio needs as many idle
cores as processes: where others use them, each process waits for the other's turn. So the load of the machine is printed,
too, and how many times less of the processor each process needs, which is what the ratio comes to where nobody waits. What
starting the processes takes is printed once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cnnviz.training.worker.worker import wait_without_spinning

wait_without_spinning()

from torch import nn  # noqa: E402  torch's threads read the environment as it loads

from cnnviz import datasets  # noqa: E402
from cnnviz.training.loop.loop import train  # noqa: E402
from cnnviz.training.recipe.recipe import Recipe  # noqa: E402
from cnnviz.training.records.figures import EpochMetrics  # noqa: E402
from cnnviz.training.worker.together import together  # noqa: E402

NETWORKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "basic-cnn": {"epochs": 3, "batch_size": 256},
        "lenet-bn": {"epochs": 3},
        "resnet-deep": {"epochs": 2, "train_images": 2048, "batch_size": 256},
        "resnet18": {"epochs": 1, "train_images": 256, "batch_size": 64},
    }
)


@dataclass(frozen=True)
class Measured:
    """Images per second of a training's last epoch, and the seconds of processor time that its first process took."""

    speed: float
    processor_seconds: float


class Speed:
    """Keeps the images per second of the last epoch."""

    images_per_second = 0.0

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """See :class:`cnnviz.training.loop.loop.Observer`."""
        self.images_per_second = metrics.images_per_second


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    starts = list[float]()
    for key, changes in NETWORKS.items():
        pairs = [
            (measured(key, changes, 1), measured(key, changes, options.processes, starts))
            for _round in range(options.rounds)
        ]
        alone, several = (
            statistics.median(one.speed for one in column) for column in zip(*pairs, strict=True)
        )
        ratios = sorted(one.speed / other.speed for other, one in pairs)
        work = statistics.median(other.processor_seconds / one.processor_seconds for other, one in pairs)
        print(
            f"{key:<12} 1 process {alone:>8,.0f} images/s, {options.processes} processes {several:>8,.0f} images/s: "
            f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f}); by the processor time of "
            f"the first process {work:.2f} times",
            flush=True,
        )
    print(f"starting the processes: {statistics.median(starts):.1f} s")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    return 0


def measured(
    key: str, changes: Mapping[str, Any], workers: int, starts: list[float] | None = None
) -> Measured:
    """A training; the seconds until it begins go into ``starts``."""
    recipe = Recipe.default(key, dataset="mnist-sample", threads=1, device="cpu", workers=workers, **changes)
    dataset, speed = datasets.load(recipe.dataset), Speed()
    begin = time.perf_counter()
    with together(recipe, dataset.digest, None) as group:
        if starts is not None:
            starts.append(time.perf_counter() - begin)
        used = time.process_time()
        train(recipe, dataset, speed, group=group)
        used = time.process_time() - used
    return Measured(speed.images_per_second, used)


if __name__ == "__main__":
    sys.exit(main())
