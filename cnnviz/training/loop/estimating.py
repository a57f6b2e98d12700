"""How long a training will take on this machine, and how much memory: from a few batches, before it starts."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz import datasets
from cnnviz.settings import usable_cores
from cnnviz.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from cnnviz.training.loop.session import Session

_ENOUGH_SECONDS = 0.6
_MOST_STEPS = 30
_FLOAT = 4
_STEP_MACS = 3e10  # of the first step: a large network is measured with a part of its batch


@dataclass(frozen=True)
class Estimate:
    """What a training will take, as the machine is at this moment.

    ``seconds`` is the whole run, tests after each epoch included; ``epoch_seconds`` one pass over the training
    images, ``test_seconds`` one test. ``memory`` and ``available`` are bytes, the latter None where the system
    does not tell; they are the GPU's where ``device`` is ``cuda``, whose name is ``gpu``. Where several processes train,
    ``alone`` is about how many images a second one of them would by itself, with a part of the batch.
    """

    seconds: float
    epoch_seconds: float
    test_seconds: float
    images_per_second: float
    memory: int
    available: int | None
    device: str
    gpu: str | None = None
    alone: float | None = None

    @property
    def fits(self) -> bool:
        """Whether there is enough memory."""
        return self.available is None or self.memory <= self.available


class CutShortError(Exception):
    """A measurement ends before its time: something else is more urgent."""


def measure(recipe: Recipe, cut_short: Callable[[], bool] = lambda: False) -> Estimate:
    """Measure a few batches of random images in this process, with the recipe's number of threads; imports torch.

    Where the memory would not be enough nothing is measured, and the times are 0.
    :func:`cnnviz.training.worker.processes.estimate` does so in a process of its own.

    Raises:
        CutShortError: ``cut_short``, which is asked again and again, has become true.
    """
    import torch

    from cnnviz.training.loop import memory
    from cnnviz.training.loop.loop import check_devices, device_of

    device = device_of(recipe.device)
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    check_devices(dataclasses.replace(recipe, device=device.type))
    needed = memory.needed_by(recipe) if device.type == "cuda" else memory.needed(recipe)
    available = memory.available(device.type)
    if available is not None and needed > available:
        return Estimate(0.0, 0.0, 0.0, 0.0, needed, available, device.type, gpu)
    info = datasets.get(recipe.dataset)
    images = recipe.train_images or info.train_images
    at_once = _at_once(recipe, device.type)
    each, each_tested = _seconds_per_image(recipe, device, cut_short)
    per_image, per_tested = each / at_once, each_tested / at_once
    if device.type == "cpu" and recipe.workers > 1:
        _go_on_unless(cut_short)
        per_image += _exchange_seconds(recipe) / recipe.batch_size
    if device.type == "cuda":
        torch.cuda.empty_cache()  # this process may wait for long, and other runs need the memory
    epoch, test = images * per_image, info.test_images * per_tested
    again = images * per_tested if recipe.train_accuracy == "second-pass" else 0.0
    whole = recipe.epochs * (epoch + test + again)
    alone = 1 / each if recipe.workers > 1 else None
    return Estimate(whole, epoch, test, 1 / per_image, needed, available, device.type, gpu, alone)


def _at_once(recipe: Recipe, device: str) -> float:
    """How many processes' work is done at once: all of it, as far as there are cores."""
    if device == "cuda" or recipe.workers == 1:
        return float(recipe.workers)
    return min(recipe.workers, max(1.0, usable_cores() / recipe.threads))


def _exchange_seconds(recipe: Recipe) -> float:
    """About how long processes on this machine's CPUs tell each other what they must know, in one step."""
    from cnnviz.training.loop.memory import trace_of
    from cnnviz.training.parallel import exchange

    traced = trace_of(recipe)
    layers = sum("batchnorm" in op.type.lower() for op in traced.ops)
    # Each of these layers asks once forward and once backward.
    return exchange.measured().seconds(1 + 2 * layers, traced.total_params * _FLOAT, recipe.workers)


def _seconds_per_image(
    recipe: Recipe, device: torch.device, cut_short: Callable[[], bool]
) -> tuple[float, float]:
    """Of training, and of a test, on random images, in one process, with its part of a batch."""
    from cnnviz.training.loop.evaluate import evaluate
    from cnnviz.training.loop.loop import settled, step

    with settled(recipe, device):
        session = _tiny_session(recipe, device)
        session.model.train()
        seconds = list[float]()
        while len(seconds) < 2 or (len(seconds) < _MOST_STEPS and sum(seconds) < _ENOUGH_SECONDS):
            _go_on_unless(cut_short)
            order = session.next_order()  # a batch of the same order would not be prepared again
            begin = time.perf_counter()
            step(session, *session.train.take(order, 0))
            seconds.append(time.perf_counter() - begin)
        _go_on_unless(cut_short)
        evaluate(session.model.eval(), session.test)
        _go_on_unless(cut_short)
        begin = time.perf_counter()
        evaluate(session.model, session.test)
        tested = time.perf_counter() - begin
    trained = statistics.median(seconds[1:])  # the first step prepares the later ones
    return trained / session.train.images, tested / session.test.images


def _go_on_unless(cut_short: Callable[[], bool]) -> None:
    if cut_short():
        raise CutShortError


def _tiny_session(recipe: Recipe, device: torch.device) -> Session:
    """A training and a test on one batch of random images each, or on a part of one where the network is large, or
    several processes share it.

    At least two images are trained on, for the sake of batch normalisation, unless the recipe's own batches are
    of one.
    """
    import torch

    from cnnviz.training.loop.batches import test_batch_size
    from cnnviz.training.loop.memory import trace_of
    from cnnviz.training.loop.session import new_session

    info = datasets.get(recipe.dataset)
    forward = max(1, trace_of(recipe).macs)
    batch_size = -(-recipe.batch_size // recipe.workers)
    count = max(min(batch_size, 2), min(batch_size, int(_STEP_MACS / (3 * forward))))
    at_once = test_batch_size(*recipe.input_shape[1:])
    tested = max(1, min(at_once, info.test_images, int(_STEP_MACS / forward)))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(
        0, 256, (max(count, tested), *info.input_shape), generator=generator, dtype=torch.uint8
    )
    labels = torch.arange(len(images)) % len(info.classes)
    training, testing = (images[:count], labels[:count]), (images[:tested], labels[:tested])
    data = datasets.Dataset(info.key, info.classes, *training, *testing, digest="")
    small = dataclasses.replace(recipe, batch_size=count, train_images=None, workers=1)
    return new_session(small, data, device)
