"""The training loop: recipe and data in, trained network and its figures out."""

from __future__ import annotations

import dataclasses
import math
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from cnnviz.datasets import Dataset
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.tracing.inputs import as_taken
from cnnviz.training.loop.evaluate import Evaluation, evaluate
from cnnviz.training.loop.optimisation import with_auxiliaries
from cnnviz.training.loop.session import Session, new_session
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.snapshots import State

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.parallel.group import Group
    from cnnviz.training.recipe.recipe import Recipe
    from cnnviz.training.records.figures import RateChange


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a run leaves: ``model`` in eval mode on the CPU, and figures that belong to exactly its weights.

    ``epochs`` holds the completed epochs. Where ``stopped`` is true the run was asked to end early;
    ``test_accuracy`` (0..1) and ``test_loss`` are then measured after the last step all the same.
    ``recipe`` names the device that was really used; ``rate_changes`` are where people changed its learning
    rate on the way.
    """

    model: nn.Module
    recipe: Recipe
    epochs: tuple[EpochMetrics, ...]
    steps: int
    test_accuracy: float
    test_loss: float
    stopped: bool
    rate_changes: tuple[RateChange, ...] = ()


class Observer(Protocol):
    """Whoever watches a run. The calls come from the training thread and hold it up."""

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """Training is about to begin with ``model``'s initial weights."""

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """A batch is done. Must cost microseconds.

        ``step`` counts from 1 over the whole run, ``epoch`` from 1; ``loss`` and ``accuracy`` (0..1) are
        the batch's, before its weights were updated; ``seconds`` is the time spent in training passes.
        """

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """An epoch and its test pass are done; ``model`` may be read, and must not be changed."""


class TrainingDivergedError(CnnvizError):
    """The loss is no longer a finite number."""

    def __init__(self, step: int, epoch: int, rate: float) -> None:
        super().__init__(
            Message(
                "The loss became infinite or NaN at step {step:,} (epoch {epoch}): training has "
                "diverged. Try a smaller learning rate, {smaller:g} instead of {rate:g}.",
                step=step,
                epoch=epoch,
                smaller=rate / 10,
                rate=rate,
            )
        )
        self.step = step


class Supervisor(Protocol):
    """Controls a training run and saves its state. All calls come from the training thread.

    Both may change the session's learning rate, take its :meth:`~Session.state`, and wait, with its watch
    standing still.
    """

    def before_step(self, session: Session) -> bool:
        """Whether to continue. Must take only microseconds when there is nothing to do."""

    def after_epoch(self, session: Session) -> None:
        """An epoch has ended, and ``session`` is about to start the next one."""


class _Nobody:
    """Never interrupts a training run, and looks at nothing."""

    def before_step(self, session: Session) -> bool:
        return True

    def after_epoch(self, session: Session) -> None:
        pass

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        pass

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        pass

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        pass


class _OwnChance(_Nobody):
    """Gives each process of a group that does not lead its own draws for dropout, the same ones after a run is resumed."""

    def before_step(self, session: Session) -> bool:
        assert session.group is not None
        number = session.group.part.number
        # a generator takes 32 bits of its seed, and gives something else for each of them
        torch.manual_seed(zlib.crc32(f"{session.recipe.seed} {number} {session.step}".encode()))
        return True


def train(
    recipe: Recipe,
    dataset: Dataset,
    observer: Observer,
    supervisor: Supervisor | None = None,
    start: State | None = None,
    group: Group | None = None,
) -> TrainingResult:
    """Train the network of ``recipe`` on ``dataset``, and test it after every epoch.

    ``supervisor`` is asked before every step; once it says no, the run ends with its current weights. Given
    ``start``, training resumes from that state instead of beginning with the seed's initial weights. This process
    leads the ``group``, whose other processes are at :func:`follow`; without one it trains alone, whatever the recipe
    says of processes, which makes no difference but rounding.

    Raises:
        UsageError: the recipe is invalid, or asks for a GPU where there is none.
        StateError: ``start`` is the state of another network.
        TrainingDivergedError: the loss became infinite or not a number.
    """
    recipe.validate()
    device = device_of(recipe.device)
    recipe = dataclasses.replace(recipe, device=device.type)
    with settled(recipe, device):
        session = new_session(recipe, dataset, device, group)
        if start is not None:
            session.restore(start)
        tested = _train_all(session, observer, supervisor or _Nobody())
    return TrainingResult(
        model=session.model.to("cpu").to(memory_format=torch.contiguous_format).eval(),
        recipe=recipe,
        epochs=tuple(session.finished),
        steps=session.step,
        test_accuracy=tested.accuracy,
        test_loss=tested.loss,
        stopped=len(session.finished) < recipe.epochs,
        rate_changes=session.rate_changes,
    )


def follow(recipe: Recipe, dataset: Dataset, group: Group, start: State | None) -> None:
    """Train along with the process that leads ``group``, which is at :func:`train`; nothing is recorded here.

    ``recipe`` names the device that is really used.
    """
    device = torch.device(recipe.device, group.part.number if recipe.device == "cuda" else 0)
    with settled(recipe, device):
        session = new_session(recipe, dataset, device, group)
        if start is not None:
            session.restore(start)
        _train_all(session, _Nobody(), _OwnChance())


def device_of(name: str) -> torch.device:
    """The device that a recipe's ``device`` means on this machine.

    Raises:
        UsageError: it asks for a GPU where there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError(Message("The device is cuda, but PyTorch finds no GPU here; choose auto or cpu."))
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def check_devices(recipe: Recipe) -> None:
    """Check that each process of ``recipe``, whose ``device`` is the one that is really used, gets a GPU of its own.

    Raises:
        UsageError: it trains on GPUs, and there are fewer than processes.
    """
    there = torch.cuda.device_count()
    if recipe.device == "cuda" and recipe.workers > max(1, there):
        raise UsageError(
            Message(
                "The recipe asks for {workers} processes on GPUs, one each, but PyTorch finds {gpus} here; choose at most "
                "{gpus}, or the device cpu.",
                workers=recipe.workers,
                gpus=there,
            )
        )


@contextmanager
def settled(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Use the recipe's threads and seed (for dropout and the like); afterwards both are restored."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(recipe.seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _train_all(session: Session, observer: Observer, supervisor: Supervisor) -> Evaluation:
    """Run all epochs, or as many as ``supervisor`` allows. Returns the evaluation of the final weights."""
    observer.on_start(session.model, len(session.train))
    tested: Evaluation | None = None
    while session.epoch <= session.recipe.epochs:
        before = session.step
        complete = _train_epoch(session, observer, supervisor)
        if not complete:
            session.group = None  # the others are at the next step already, and end with the training
        if tested is None or session.step > before:
            tested = _test(session)
        if not complete:
            break
        session.end_epoch(_metrics(session, tested))
        observer.on_epoch(session.finished[-1], session.model)
        supervisor.after_epoch(session)
    return tested or _test(session)


def _train_epoch(session: Session, observer: Observer, supervisor: Supervisor) -> bool:
    """One pass over the training images, or the rest of one. Returns whether it was completed."""
    session.model.train()
    session.apply_learning_rate()
    order, train, tally = session.next_order(), session.train, session.tally
    session.watch.begin(tally.seconds)
    for number in range(session.batch, len(train)):
        if not supervisor.before_step(session):
            break
        x, labels = train.take(order, number)
        loss, correct = step(session, x, labels, train.share(number))
        if not math.isfinite(loss):
            raise TrainingDivergedError(session.step + 1, session.epoch, session.learning_rate)
        size = train.size(number)
        session.step += 1
        session.batch += 1
        tally.images += size
        tally.correct += correct
        tally.loss += loss * size
        tally.seconds = session.watch.read()
        seconds = session.seconds + tally.seconds
        session.latest_loss, session.latest_accuracy = loss, correct / size
        observer.on_step(session.step, session.epoch, loss, session.latest_accuracy, seconds)
    return session.batch == len(train)


def step(session: Session, x: Tensor, labels: Tensor, share: float = 1.0) -> tuple[float, int]:
    """Update the weights from one batch. Returns its mean loss and number of correct answers before the update.

    Where several processes train, ``x`` and ``labels`` are this one's ``share`` (0 to 1) of the batch; what is returned is
    that of the whole batch.
    """
    session.optimizer.zero_grad()
    if session.group is not None:
        session.group.begin_step(share)
    scores = session.model(as_taken(session.model, x))
    if isinstance(scores, tuple):
        loss = with_auxiliaries(session.loss, scores, labels)
        scores = scores[0]
    else:
        loss = session.loss(scores, labels)
    # Before the long way back, while the scores are in the caches; and a sum would be one more pass.
    correct = (scores.argmax(1) == labels).count_nonzero()
    if session.group is None:
        torch.autograd.backward(loss)
        session.optimizer.step()
        return loss.item(), int(correct)
    whole_loss, right, rate = session.group.backward(loss, correct, share, session.learning_rate)
    session.change_learning_rate(rate)
    session.optimizer.step()
    return whole_loss, right


def _test(session: Session) -> Evaluation:
    begin = time.perf_counter()
    if session.group is not None:
        session.group.take_from_leader(session.model)
    tested = evaluate(session.model.eval(), session.test, loss_function=session.loss, group=session.group)
    session.test_seconds = time.perf_counter() - begin
    if not math.isfinite(tested.loss):  # it was the last step that spoilt the weights
        raise TrainingDivergedError(session.step, session.epoch, session.learning_rate)
    return tested


def _metrics(session: Session, tested: Evaluation) -> EpochMetrics:
    tally = session.tally
    session.seconds += tally.seconds
    accuracy = tally.correct / tally.images
    if session.recipe.train_accuracy == "second-pass":
        accuracy = evaluate(session.model, session.known, group=session.group).accuracy
    return EpochMetrics(
        epoch=session.epoch,
        train_loss=tally.loss / tally.images,
        train_accuracy=accuracy,
        test_loss=tested.loss,
        test_accuracy=tested.accuracy,
        seconds=tally.seconds,
        images_per_second=tally.images / tally.seconds,
    )
