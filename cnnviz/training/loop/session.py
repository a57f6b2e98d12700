"""A training run in progress: how it is set up, what it works with, how far it is, and how it resumes from a state."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from cnnviz.datasets import Dataset
from cnnviz.training.loop.batches import Batches, balanced_subset, batches_ahead, test_batch_size
from cnnviz.training.loop.optimisation import (
    Loss,
    initial_network,
    loss_function,
    make_optimizer,
    memory_format,
)
from cnnviz.training.parallel.group import Group
from cnnviz.training.parallel.part import WHOLE
from cnnviz.training.recipe.recipe import Recipe, has_batch_norm
from cnnviz.training.records.figures import EpochMetrics, RateChange
from cnnviz.training.records.snapshots import State, StateError
from cnnviz.training.transforms.batch_preparer import BatchPreparer

OTHER_STREAM = 2**31
"""Added to a recipe's seed, it gives a seed that no recipe can have."""

_ADDED = {"base_epoch": 1}  # what states of earlier versions, which lack it, meant by their silence
_POSITION = ("epoch", "batch", "step", "seconds", "base_rate", "base_epoch")


@dataclass
class Tally:
    """Running totals of the current epoch: sums over its images so far, and its seconds."""

    images: int = 0
    correct: int = 0
    loss: float = 0.0
    seconds: float = 0.0


class Stopwatch:
    """The seconds of a training pass."""

    def __init__(self) -> None:
        self._zero = time.perf_counter()

    def begin(self, seconds: float) -> None:
        """Go on from ``seconds``."""
        self._zero = time.perf_counter() - seconds

    def read(self) -> float:
        """Seconds of this pass so far."""
        return time.perf_counter() - self._zero

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Stop the clock for the length of the block: time spent paused does not count."""
        seconds = self.read()
        try:
            yield
        finally:
            self.begin(seconds)


@dataclass
class Generators:
    """Where a training's chance comes from, PyTorch's global generator (for dropout) aside.

    ``order`` draws the order of the images once an epoch, ``epoch_start`` is its state before it drew that of
    the present epoch, and ``changes`` draws the augmentation. Both are on the CPU.
    """

    order: torch.Generator
    changes: torch.Generator
    epoch_start: Tensor


@dataclass
class Session:
    """Everything that a training works with, and how far it is.

    ``epoch`` counts from 1 and is the one that goes on, ``batch`` counts its finished batches, ``step`` those
    of all epochs; ``seconds`` are those of the passes before this one. ``base_rate`` is the learning rate
    of ``base_epoch``, from which the schedule goes on; ``rate_changes`` is where people changed it.
    ``finished`` holds the completed epochs. ``known`` is the training set as it is tested, for a second pass.
    ``test_seconds`` is how long the last test took. ``group`` is that of the processes that train together; None
    where this one trains alone.
    """

    recipe: Recipe
    device: torch.device
    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Loss
    train: Batches
    known: Batches
    test: Batches
    generators: Generators
    base_rate: float
    group: Group | None = None
    base_epoch: int = 1
    rate_changes: tuple[RateChange, ...] = ()
    epoch: int = 1
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    finished: list[EpochMetrics] = field(default_factory=list)
    watch: Stopwatch = field(default_factory=Stopwatch)
    latest_loss: float = 0.0
    latest_accuracy: float = 0.0
    test_seconds: float = 0.0

    @property
    def learning_rate(self) -> float:
        """The learning rate of the current epoch."""
        return self.recipe.rate(self.epoch, self.base_rate, self.base_epoch)

    @property
    def total_steps(self) -> int:
        """Steps of the whole recipe."""
        return len(self.train) * self.recipe.epochs

    def change_learning_rate(self, rate: float) -> None:
        """Set this epoch's learning rate to ``rate``; the schedule continues from there."""
        if rate == self.learning_rate:
            return
        self.base_rate, self.base_epoch = rate, self.epoch
        earlier = tuple(change for change in self.rate_changes if change.step < self.step)
        self.rate_changes = (*earlier, RateChange(self.step, rate))
        self.apply_learning_rate()

    def apply_learning_rate(self) -> None:
        """Hand the learning rate of the current epoch to the optimizer."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate

    def next_order(self) -> Tensor:
        """The order of the images in the current epoch."""
        self.generators.epoch_start = self.generators.order.get_state()
        return self.train.order(self.generators.order)

    def end_epoch(self, metrics: EpochMetrics) -> None:
        """Close the current epoch and move on to the next one."""
        self.finished.append(metrics)
        self.epoch, self.batch, self.tally = self.epoch + 1, 0, Tally()
        self.generators.epoch_start = self.generators.order.get_state()

    def state(self) -> State:
        """A copy, on the CPU, of all that is needed to resume from here; take it between two steps."""
        facts = {name: getattr(self, name) for name in _POSITION}
        facts["recipe"] = self.recipe.to_dict()
        facts["tally"] = dataclasses.asdict(self.tally)
        facts["rate_changes"] = [dataclasses.asdict(change) for change in self.rate_changes]
        facts["finished"] = [dataclasses.asdict(metrics) for metrics in self.finished]
        generators = {
            "order": self.generators.epoch_start.clone(),
            "changes": self.generators.changes.get_state(),
            "cpu": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(self.device)
        weights = {name: _copied(tensor) for name, tensor in self.model.state_dict().items()}
        return State(facts, weights, self._optimizer_tensors(), generators)

    def restore(self, state: State) -> None:
        """Resume from ``state``; if it holds only weights, the optimizer and the random generators start afresh.

        Raises:
            StateError: it is that of another network.
        """
        try:
            self.model.load_state_dict(dict(state.weights))
            facts = {**_ADDED, **state.facts}
            for name in _POSITION:
                setattr(self, name, type(getattr(self, name))(facts[name]))
            self.tally = Tally(**state.facts["tally"])
            self.finished, self.rate_changes = state.finished, state.rate_changes
            self._restore_optimizer(state)
            self._restore_generators(state)
        except (RuntimeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise StateError(str(error).splitlines()[0]) from error

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{number}.{name}": _copied(value)
            for number, parameter in enumerate(self.model.parameters())
            for name, value in self.optimizer.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def _restore_optimizer(self, state: State) -> None:
        parameters = list(self.model.parameters())
        for key, tensor in state.optimizer.items():
            number, _, name = key.partition(".")
            parameter = parameters[int(number)]
            if tensor.shape == parameter.shape:  # in the parameter's own memory layout, as PyTorch made it
                value = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
            else:
                value = tensor.clone().to(parameter.device)
            self.optimizer.state[parameter][name] = value

    def _restore_generators(self, state: State) -> None:
        own = self.generators
        if not state.generators:
            for _ in range(1, self.epoch):
                self.train.order(own.order)  # the order of an epoch depends on how many were before it
            torch.manual_seed(self.recipe.seed + self.step)
            own.changes.manual_seed(self.recipe.seed + self.step)
            return
        own.order.set_state(state.generators["order"])
        own.changes.set_state(state.generators["changes"])
        torch.set_rng_state(state.generators["cpu"])
        if self.device.type == "cuda" and "cuda" in state.generators:
            torch.cuda.set_rng_state(state.generators["cuda"], self.device)


def new_session(
    recipe: Recipe, dataset: Dataset, device: torch.device, group: Group | None = None
) -> Session:
    """A training run by a valid ``recipe``, about to make its first step; in a ``group``, all of whose processes begin
    alike.
    """
    model = initial_network(recipe).to(device)
    in_memory = memory_format(recipe, model)
    model = model.to(memory_format=in_memory)
    leave_single = has_batch_norm(model)
    if group is not None:
        group.adopt(model)
    images, labels = dataset.train_images, dataset.train_labels
    if recipe.train_images is not None:
        chosen = balanced_subset(labels, recipe.train_images, recipe.seed)
        images, labels = images[chosen], labels[chosen]
    # The order that Batches need: so the two of the training set share one copy, of grey images the original.
    images, labels = images.to(device).contiguous(memory_format=torch.channels_last), labels.to(device)
    channels, height, width = dataset.train_images.shape[1:]
    shape = channels, height, width
    prepare = BatchPreparer(recipe.preparation, shape, device)
    order = torch.Generator().manual_seed(recipe.seed)
    changes = torch.Generator().manual_seed(recipe.seed + OTHER_STREAM)
    training = partial(prepare.training, generator=changes)
    test = (dataset.test_images.to(device), dataset.test_labels.to(device))
    at_once = test_batch_size(*recipe.preparation.input_shape(shape)[1:])
    return Session(
        recipe=recipe,
        device=device,
        model=model,
        optimizer=make_optimizer(recipe, model.parameters()),
        loss=loss_function(recipe),
        train=Batches(
            images,
            labels,
            training,
            recipe.batch_size,
            leave_single=leave_single,
            ahead=batches_ahead(recipe, shape),
            memory_format=in_memory,
            part=WHOLE if group is None else group.part,
            random=bool(recipe.preparation.augmentation),
        ),
        known=Batches(images, labels, prepare.test, at_once, memory_format=in_memory),
        test=Batches(*test, prepare.test, at_once, memory_format=in_memory),
        generators=Generators(order, changes, order.get_state()),
        base_rate=recipe.learning_rate,
        group=group,
    )


def _copied(tensor: Tensor) -> Tensor:
    # In rows here and now, so that the thread that writes it down has nothing to compute: PyTorch would give that one a
    # team of threads of its own, and where there are more threads than cores, all wait for each other less eagerly.
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
