"""The training loop: recipe and data in, trained network and its figures out."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.datasets import Dataset
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.training.batches import Batches, Normaliser
from cnnviz.training.evaluate import BATCH_SIZE, Evaluation, evaluate
from cnnviz.training.observer import EpochMetrics, Observer, TrainingResult
from cnnviz.training.recipe import Recipe

__all__ = ["EpochMetrics", "Observer", "TrainingDivergedError", "TrainingResult", "train"]


class TrainingDivergedError(CnnvizError):
    """The loss is no number any more."""

    def __init__(self, step: int, epoch: int, recipe: Recipe) -> None:
        super().__init__(
            Message(
                "The loss is not a finite number any more at step {step:,} (epoch {epoch}): training has "
                "diverged. Try a smaller learning rate, {smaller:g} instead of {rate:g}.",
                step=step,
                epoch=epoch,
                smaller=recipe.learning_rate / 10,
                rate=recipe.learning_rate,
            )
        )
        self.step = step


@dataclass
class _Run:
    """What a run works with, and how far it is."""

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    train: Batches
    test: Batches
    step: int = 0
    seconds: float = 0.0


@dataclass
class _Pass:
    """The sums of one training pass."""

    images: int = 0
    correct: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    complete: bool = False


def train(
    recipe: Recipe, dataset: Dataset, observer: Observer, *, stop: Callable[[], bool] = lambda: False
) -> TrainingResult:
    """Train the network of ``recipe`` on ``dataset``, and test it after every epoch.

    ``stop`` is asked before every step; once it says true, the run ends with the weights it has.

    Raises:
        UsageError: the recipe is invalid, or asks for a GPU where there is none.
        TrainingDivergedError: the loss became infinite or not a number.
    """
    recipe.validate()
    device = _device(recipe.device)
    recipe = dataclasses.replace(recipe, device=device.type)
    with _settled(recipe, device):
        run = _prepare(recipe, dataset, device)
        epochs, tested = _train_all(run, observer, stop)
    return TrainingResult(
        model=run.model.to("cpu").to(memory_format=torch.contiguous_format).eval(),
        recipe=recipe,
        epochs=tuple(epochs),
        steps=run.step,
        test_accuracy=tested.accuracy,
        test_loss=tested.loss,
        stopped=len(epochs) < recipe.epochs,
    )


def _device(name: str) -> torch.device:
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError(Message("The device is cuda, but PyTorch finds no GPU here; take auto or cpu."))
    return torch.device("cuda" if there and name != "cpu" else "cpu")


@contextmanager
def _settled(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """The recipe's threads and seed (for dropout and the like), as they were before when it is over."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(recipe.seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _prepare(recipe: Recipe, dataset: Dataset, device: torch.device) -> _Run:
    model = architectures.get(recipe.architecture).build_seeded(recipe.seed, **recipe.options)
    model = model.to(device).to(memory_format=torch.channels_last)
    normalise = Normaliser(recipe.mean, recipe.deviation, device)
    images, labels = dataset.train_images.to(device), dataset.train_labels.to(device)
    test_images, test_labels = dataset.test_images.to(device), dataset.test_labels.to(device)
    return _Run(
        recipe=recipe,
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum),
        generator=torch.Generator().manual_seed(recipe.seed),
        train=Batches(images, labels, normalise, recipe.batch_size),
        test=Batches(test_images, test_labels, normalise, BATCH_SIZE),
    )


def _train_all(
    run: _Run, observer: Observer, stop: Callable[[], bool]
) -> tuple[list[EpochMetrics], Evaluation]:
    """All epochs, or as many as ``stop`` allows; the evaluation is that of the weights at the end."""
    observer.on_start(run.model, len(run.train))
    epochs: list[EpochMetrics] = []
    tested: Evaluation | None = None
    for epoch in range(1, run.recipe.epochs + 1):
        done = _train_epoch(run, epoch, observer, stop)
        if tested is None or done.images:
            tested = _test(run)
        if not done.complete:
            break
        epochs.append(_metrics(epoch, done, tested))
        observer.on_epoch(epochs[-1], run.model)
    assert tested is not None  # a valid recipe has at least one epoch
    return epochs, tested


def _train_epoch(run: _Run, epoch: int, observer: Observer, stop: Callable[[], bool]) -> _Pass:
    done = _Pass()
    run.model.train()
    start = time.perf_counter()
    for x, labels in run.train.shuffled(run.generator):
        if stop():
            break
        loss, correct = _step(run, x, labels)
        run.step += 1
        if not math.isfinite(loss):
            raise TrainingDivergedError(run.step, epoch, run.recipe)
        done.images += len(labels)
        done.correct += correct
        done.loss += loss * len(labels)
        done.seconds = time.perf_counter() - start
        observer.on_step(run.step, epoch, loss, correct / len(labels), run.seconds + done.seconds)
    run.seconds += done.seconds
    done.complete = done.images == run.train.images
    return done


def _step(run: _Run, x: Tensor, labels: Tensor) -> tuple[float, int]:
    """One update of the weights from one batch: the batch's mean loss and right answers before it."""
    run.optimizer.zero_grad()
    scores = run.model(x)
    loss = F.cross_entropy(scores, labels)
    torch.autograd.backward(loss)
    run.optimizer.step()
    return loss.item(), int((scores.detach().argmax(1) == labels).sum())


def _test(run: _Run) -> Evaluation:
    run.model.eval()
    return evaluate(run.model, run.test)


def _metrics(epoch: int, done: _Pass, tested: Evaluation) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        train_loss=done.loss / done.images,
        train_accuracy=done.correct / done.images,
        test_loss=tested.loss,
        test_accuracy=tested.accuracy,
        seconds=done.seconds,
        images_per_second=done.images / done.seconds,
    )
