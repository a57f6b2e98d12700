"""How near the Train page's estimate of the images a second comes to what training then reaches.

Usage: python -m benchmarks.estimates [--rounds N]

Each network is measured and trained in turns, small and large ones, with one process and with two, a thread each. Printed are
medians and the ratio. Exit status 1 where an estimate is off by more than half.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Mapping
from types import MappingProxyType

from cnnviz.training.worker.worker import wait_without_spinning

wait_without_spinning()

from benchmarks.parallel_training import measured  # noqa: E402  torch's threads read the environment as it loads
from cnnviz.training.loop.estimating import measure  # noqa: E402
from cnnviz.training.recipe.recipe import Recipe  # noqa: E402

NETWORKS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "basic-cnn": {"epochs": 3, "batch_size": 256},
        "lenet-bn": {"epochs": 3, "batch_size": 256},
        "resnet-deep": {"epochs": 2, "train_images": 2048, "batch_size": 256},
        "resnet18": {"epochs": 1, "train_images": 256, "batch_size": 64},
        "googlenet": {"epochs": 1, "train_images": 256, "batch_size": 64},
        "vgg11": {"epochs": 1, "train_images": 128, "batch_size": 64},
        "alexnet": {"epochs": 1, "train_images": 256, "batch_size": 64},
    }
)
MOST_OFF = 1.5


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    good = True
    for key, changes in NETWORKS.items():
        for workers in (1, 2):
            recipe = Recipe.default(
                key, dataset="mnist-sample", threads=1, device="cpu", workers=workers, **changes
            )
            pairs = [
                (measure(recipe).images_per_second, measured(key, changes, workers).speed)
                for _round in range(rounds)
            ]
            said, reached = (statistics.median(column) for column in zip(*pairs, strict=True))
            good &= 1 / MOST_OFF <= said / reached <= MOST_OFF
            print(
                f"{key:<12} {workers} process(es): estimated {said:>8,.0f} images/s, reached {reached:>8,.0f}, "
                f"{said / reached:.2f} times",
                flush=True,
            )
    print("reached" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
