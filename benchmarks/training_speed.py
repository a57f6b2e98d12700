"""Images per second of the course's own training loop and of cnnviz, compared in one process.

Usage: CNNVIZ_DATA_DIR=... python -m benchmarks.training_speed [KEY ...] [--images N] [--rounds N]

Three loops alternate on the same images in the same order, with batch size 64 and the same initial weights: the
course's (a DataLoader over torchvision's images with ToTensor and Normalize), cnnviz's as a worker runs it (with
metrics, snapshots, saved states and control), and a bare loop that repeats one batch, the upper limit. Prints
medians, the share of cnnviz's time spent on metrics, snapshots and control, and the accuracy on 2,000 test images
after the first epoch. Exit status 1 if a network misses a target or learns less.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker, for all four
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.accounting import Account
from cnnviz import datasets
from cnnviz.datasets import Dataset
from cnnviz.errors import CnnvizError
from cnnviz.settings import settings
from cnnviz.training.loop.batches import Batches
from cnnviz.training.loop.evaluate import evaluate
from cnnviz.training.loop.loop import Observer, TrainingResult, train
from cnnviz.training.loop.optimisation import initial_network, make_optimizer, memory_format
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import open_store
from cnnviz.training.transforms.batch_preparer import BatchPreparer
from cnnviz.training.worker.heartbeat import Heartbeat
from cnnviz.training.worker.worker import supervised

TARGETS = {
    "mlp": 10.0,
    "basic-cnn": 2.4,
    "inception-mini": 1.5,
    "resnet-mini": 2.0,
    "lenet-cifar": 2.0,
    "lenet-bn": 2.4,
}
IMAGES = {"mlp": 60_000, "inception-mini": 12_800, "resnet-mini": 19_200}
USUAL_IMAGES = 32_000
EPOCHS = {"mlp": 8}
USUAL_EPOCHS = 2
"""Our loop and the bare one go on for some six seconds, so that the snapshots of the first steps do not count for
much more than they do in a real training; the course's makes one epoch."""
PAIRS = 3  # of our loop and the bare one, to each turn of the course's
BATCH_SIZE = 64
LONG_STEP_SECONDS = 0.005
OF_THE_LIMIT = {"mlp": 0.8}
OF_THE_LIMIT_WHERE_STEPS_ARE_LONG = 0.95
HIGHEST_COST = 0.03
ACCURACY_TOLERANCE = 0.02  # 40 of 2,000 test images
TEST_IMAGES = 2_000
WORKER = "benchmark"
CPU = torch.device("cpu")


def course(recipe: Recipe, data: Dataset) -> tuple[float, float]:
    """Images per second of one pass of the course's loop, and the accuracy after it."""
    info = datasets.get(recipe.dataset)
    prepare = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(recipe.preparation.mean, recipe.preparation.deviation)]
    )
    source = getattr(torchvision.datasets, str(info.torchvision))(str(settings().data_dir), transform=prepare)
    images = len(data.train_labels)
    order = torch.randperm(images, generator=torch.Generator().manual_seed(recipe.seed))
    loader = DataLoader(source, batch_size=recipe.batch_size, sampler=order.tolist())
    model = initial_network(recipe).train()
    optimizer = courses_optimizer(recipe, model)
    running_loss = 0.0
    start = time.perf_counter()
    for x, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return images / (time.perf_counter() - start), tested(recipe, model, data)


def courses_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The course's optimizer."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    return torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)


def tested(recipe: Recipe, model: nn.Module, data: Dataset) -> float:
    """Accuracy on the test images, 0 to 1."""
    channels, height, width = data.test_images.shape[1:]
    prepare = BatchPreparer(recipe.preparation, (channels, height, width), CPU)
    return evaluate(model.eval(), Batches(data.test_images, data.test_labels, prepare.test, 256)).accuracy


def watched(
    recipe: Recipe,
    data: Dataset,
    folder: Path,
    audience: Observer | None = None,
    account: Account | None = None,
) -> TrainingResult:
    """Our loop as a worker runs it, with its runs in ``folder``; ``audience`` observes it, too. The cost of
    monitoring is charged to ``account``.
    """
    account = account or Account()
    place = dataclasses.replace(
        settings(), runs_dir=folder, database_url=f"sqlite:///{folder / 'runs.sqlite3'}"
    )
    store = open_store(place)
    run_id = store.create(recipe, WORKER)
    with (
        Heartbeat(store, run_id, WORKER) as heartbeat,
        supervised(heartbeat, store.folder(run_id), recipe.epochs, audience) as (recorder, steering),
        account.threads(),
    ):
        return train(recipe, data, account.charged(recorder), account.charged(steering))


def bare(recipe: Recipe, data: Dataset) -> float:
    """Images per second of a loop with nothing but the network, repeating one batch."""
    torch.set_num_threads(recipe.threads)
    channels, height, width = data.train_images.shape[1:]
    prepare = BatchPreparer(recipe.preparation, (channels, height, width), CPU)
    model = initial_network(recipe).train()
    layout = memory_format(recipe, model)
    model.to(memory_format=layout)
    optimizer = make_optimizer(recipe, model.parameters())
    x, labels = prepare.test(data.train_images[: recipe.batch_size]), data.train_labels[: recipe.batch_size]
    x = x.to(memory_format=layout)
    steps = len(data.train_labels) // recipe.batch_size * recipe.epochs
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
    return steps * recipe.batch_size / (time.perf_counter() - start)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Images per second of cnnviz's loop and of the bare one, run back to back; ``cost`` is the share of cnnviz's time
    spent on metrics, snapshots and control.
    """

    ours: float
    bare: float
    cost: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Round:
    """Images per second and accuracy of the course's loop, with the pairs measured next to it."""

    course: float
    accuracy: float
    pairs: list[Pair]

    @property
    def ours(self) -> float:
        """Images per second of cnnviz's loop."""
        return statistics.median(pair.ours for pair in self.pairs)


def one_pair(recipe: Recipe, data: Dataset, folder: Path, bare_first: bool) -> Pair:
    """Run cnnviz's loop and the bare one."""
    limit = bare(recipe, data) if bare_first else 0.0
    account = Account()
    begin = time.perf_counter()
    result = watched(recipe, data, folder, account=account)
    seconds = time.perf_counter() - begin
    trained = sum(epoch.seconds for epoch in result.epochs)
    return Pair(
        ours=len(data.train_labels) * recipe.epochs / trained,
        bare=limit or bare(recipe, data),
        cost=account.seconds / seconds,
        accuracy=result.epochs[0].test_accuracy,
    )


def one_round(recipe: Recipe, data: Dataset, folder: Path) -> Round:
    """Run all loops, one after the other."""
    theirs, accuracy = course(recipe, data)
    return Round(
        theirs, accuracy, [one_pair(recipe, data, folder, bool(number % 2)) for number in range(PAIRS)]
    )


def report(key: str, rounds: list[Round]) -> bool:
    """Print one network's figures; returns whether it reaches its targets."""
    pairs = [pair for entry in rounds for pair in entry.pairs]
    # ratios of neighbours in time: the machine may be busier in one round than in another
    ratio = statistics.median(entry.ours / entry.course for entry in rounds)
    of_limit = statistics.median(pair.ours / pair.bare for pair in pairs)
    cost = statistics.median(pair.cost for pair in pairs)
    course_, ours = (
        statistics.median(getattr(entry, name) for entry in rounds) for name in ("course", "ours")
    )
    limit = statistics.median(pair.bare for pair in pairs)
    long_steps = BATCH_SIZE / limit > LONG_STEP_SECONDS
    least = OF_THE_LIMIT.get(key, OF_THE_LIMIT_WHERE_STEPS_ARE_LONG if long_steps else 0.0)
    theirs = statistics.median(entry.accuracy for entry in rounds)
    accuracy = statistics.median(pair.accuracy for pair in pairs)
    quick = ratio >= TARGETS[key] and of_limit >= least and cost <= HIGHEST_COST
    good = quick and accuracy >= theirs - ACCURACY_TOLERANCE
    print(
        f"{key:16}{course_:9,.0f}{ours:9,.0f}{ratio:7.2f}{TARGETS[key]:7.1f}{limit:10,.0f}{of_limit:7.2f}"
        f"{least:7.2f}{cost:8.1%}{theirs:10.1%}{accuracy:7.1%}"
        f"  {'ok' if good else 'MISSED'}",
        flush=True,
    )
    return good


def compare(key: str, images: int, rounds: int) -> bool:
    """Measure one network; returns whether it reaches its targets."""
    recipe = Recipe.default(key, epochs=EPOCHS.get(key, USUAL_EPOCHS), batch_size=BATCH_SIZE, device="cpu")
    data = datasets.load(recipe.dataset)
    part = dataclasses.replace(
        data,
        train_images=data.train_images[:images],
        train_labels=data.train_labels[:images],
        test_images=data.test_images[:TEST_IMAGES],
        test_labels=data.test_labels[:TEST_IMAGES],
    )
    torch.set_num_threads(recipe.threads)
    with tempfile.TemporaryDirectory() as folder:
        measured = [one_round(recipe, part, Path(folder)) for _ in range(rounds + 1)]
    return report(key, measured[1:])  # the first one warms up


def main() -> int:
    """Compare the networks named on the command line, or all that have a target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", default=list(TARGETS))
    parser.add_argument("--images", type=int, help="images a pass (default: some seconds' worth)")
    parser.add_argument("--rounds", type=int, default=6, help="turns that count (default: 6)")
    options = parser.parse_args()
    if unknown := set(options.keys) - set(TARGETS):
        parser.error(f"no target for {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    try:
        for key in options.keys:
            datasets.load(Recipe.default(key).dataset)
    except CnnvizError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{'images per second':16}{'course':>9}{'cnnviz':>9}{'ratio':>7}{'least':>7}{'one batch':>10}{'ratio':>7}"
        f"{'least':>7}{'costs':>8}{'accuracy':>10}{'ours':>7}"
    )
    slow = [
        key
        for key in options.keys
        if not compare(key, options.images or IMAGES.get(key, USUAL_IMAGES), options.rounds)
    ]
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
