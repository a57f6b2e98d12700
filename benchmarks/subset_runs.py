"""The six large networks of the course, each trained with its own recipe on part of Fashion-MNIST.

Usage: CNNVIZ_DATA_DIR=... python -m benchmarks.subset_runs [KEY ...] [--images N] [--epochs N]

Without a GPU, one epoch of such a network on all 60,000 images, resized to 96 or 224 pixels, takes from ten minutes
to two hours. This benchmark shows that the loss falls on a subset that takes a few minutes to half an hour: each
network is trained as a worker would train it, with the course's recipe on fewer images and epochs. It prints the
loss of the first batch (with the initial weights), every epoch, and finally a Markdown table.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from torch import nn

from benchmarks.training_speed import watched
from cnnviz import datasets
from cnnviz.errors import CnnvizError
from cnnviz.training.loop.batches import balanced_subset
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics

SIZES = {
    "densenet": (5_120, 4),
    "resnet18": (2_560, 3),
    "googlenet": (12_800, 8),
    "nin": (12_800, 4),
    "alexnet": (7_680, 4),
    "vgg11": (5_120, 6),
}
"""How many images of the training set, and epochs: on two cores that do nothing else some 4, 5, 22, 35, 22 and
25 minutes. The last four have no batch normalisation, and stand still for the first steps."""
TEST_IMAGES = 1_000
HEAD = """| network | images | epochs | steps | loss of the first batch | loss, last epoch | test accuracy | minutes |
|---|---|---|---|---|---|---|---|"""


class Printer:
    """Prints every epoch and keeps the loss of the first batch."""

    first_loss = float("nan")

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """Training begins."""
        self.begin = time.perf_counter()

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """A batch is done."""
        if step == 1:
            self.first_loss = loss
            print(f"  first batch: loss {loss:.3f}", flush=True)

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """An epoch is done."""
        print(
            f"  epoch {metrics.epoch}: training loss {metrics.train_loss:.3f}, "
            f"accuracy {metrics.train_accuracy:.1%}; test loss {metrics.test_loss:.3f}, "
            f"accuracy {metrics.test_accuracy:.1%}; {metrics.seconds:.0f} s",
            flush=True,
        )


def run(key: str, images: int, epochs: int) -> str:
    """Train one network and return its row of the table."""
    recipe = Recipe.default(key, train_images=images, epochs=epochs, device="cpu")
    data = datasets.load(recipe.dataset)
    tested = balanced_subset(data.test_labels, TEST_IMAGES, recipe.seed)
    part = dataclasses.replace(
        data, test_images=data.test_images[tested], test_labels=data.test_labels[tested]
    )
    print(f"{key}: {images:,} images, {epochs} epochs, batches of {recipe.batch_size}", flush=True)
    printer = Printer()
    with tempfile.TemporaryDirectory() as folder:
        result = watched(recipe, part, Path(folder), printer)
    minutes = (time.perf_counter() - printer.begin) / 60
    return (
        f"| `{key}` | {images:,} | {epochs} | {result.steps:,} | {printer.first_loss:.2f} "
        f"| {result.epochs[-1].train_loss:.2f} | {result.test_accuracy:.1%} | {minutes:.0f} |"
    )


def main() -> int:
    """Train the networks named on the command line, or all six."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", default=list(SIZES))
    parser.add_argument("--images", type=int, help="training images (default: the network's own number)")
    parser.add_argument("--epochs", type=int, help="passes over them (default: the network's own number)")
    options = parser.parse_args()
    if unknown := set(options.keys) - set(SIZES):
        parser.error(f"no such network: {', '.join(sorted(unknown))}; there are {', '.join(SIZES)}")
    lines = [HEAD]
    try:
        for key in options.keys:
            images, epochs = SIZES[key]
            lines.append(run(key, options.images or images, options.epochs or epochs))
            print("\n".join(["", *lines, ""]), flush=True)
    except CnnvizError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
