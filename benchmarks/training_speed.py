"""Images a second of the course's own training loop and of cnnviz, side by side in one process.

Usage: CNNVIZ_DATA_DIR=... python benchmarks/training_speed.py [KEY ...] [--images N] [--rounds N]

The course's loop is a DataLoader over torchvision's MNIST with ToTensor and Normalize, batch 64, SGD.
Ours is what a worker does, live metrics, lease and stop button included. The two take turns; figures are
medians. Exit status 1 where a network stays under its target.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import MNIST

from cnnviz import architectures, datasets
from cnnviz.errors import CnnvizError
from cnnviz.settings import settings
from cnnviz.training.keeper import Keeper, Recorder
from cnnviz.training.loop import train
from cnnviz.training.metrics import FILE_NAME, MetricsWriter
from cnnviz.training.recipe import Recipe
from cnnviz.training.store import open_store

TARGETS = {"basic-cnn": 2.4, "inception-mini": 1.5, "resnet-mini": 2.0}
WORKER = "benchmark"


def course(recipe: Recipe, images: int) -> float:
    """Images a second of one pass of the course's loop over the first ``images`` images."""
    prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(recipe.mean, recipe.deviation)])
    data = Subset(MNIST(str(settings().data_dir), transform=prepare), range(images))
    loader = DataLoader(data, batch_size=recipe.batch_size, shuffle=True)
    model = architectures.get(recipe.architecture).build_seeded(recipe.seed).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    running_loss = 0.0
    start = time.perf_counter()
    for x, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return images / (time.perf_counter() - start)


def ours(recipe: Recipe, images: int, folder: Path) -> float:
    """Images a second of one training pass over as many images, as a worker carries it out."""
    data = datasets.load(recipe.dataset)
    part = dataclasses.replace(
        data,
        train_images=data.train_images[:images],
        train_labels=data.train_labels[:images],
        test_images=data.test_images[:64],
        test_labels=data.test_labels[:64],
    )
    place = dataclasses.replace(
        settings(), runs_dir=folder, database_url=f"sqlite:///{folder / 'runs.sqlite3'}"
    )
    store = open_store(place)
    run_id = store.create(recipe, WORKER)
    with Keeper(store, run_id, WORKER) as keeper, MetricsWriter(store.folder(run_id) / FILE_NAME) as metrics:
        result = train(recipe, part, Recorder(keeper, metrics, recipe.epochs, None), keeper)
    return result.epochs[0].images_per_second


def compare(key: str, images: int, rounds: int) -> bool:
    """Print one network's figures; whether it reaches its target."""
    recipe = Recipe.default(key, epochs=1, device="cpu")
    torch.set_num_threads(recipe.threads)
    theirs: list[float] = []
    mine: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(rounds + 1):
            pair = course(recipe, images), ours(recipe, images, Path(folder))
            if round_number > 0:  # the first one warms up
                theirs.append(pair[0])
                mine.append(pair[1])
    ratio = statistics.median(mine) / statistics.median(theirs)
    good = ratio >= TARGETS[key]
    print(
        f"{key:16}{statistics.median(theirs):12,.0f}{statistics.median(mine):12,.0f}"
        f"{ratio:8.2f}{TARGETS[key]:8.1f}  {'ok' if good else 'TOO SLOW'}",
        flush=True,
    )
    return good


def main() -> int:
    """Compare the networks named on the command line, or all that have a target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", default=list(TARGETS))
    parser.add_argument("--images", type=int, default=9_600, help="images a pass (default: 9,600)")
    parser.add_argument("--rounds", type=int, default=5, help="turns that count (default: 5)")
    options = parser.parse_args()
    if unknown := set(options.keys) - set(TARGETS):
        parser.error(f"no target for {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    try:
        datasets.load("mnist")
    except CnnvizError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'images a second':16}{'course':>12}{'cnnviz':>12}{'ratio':>8}{'target':>8}")
    slow = [key for key in options.keys if not compare(key, options.images, options.rounds)]
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
