"""Files whose bytes are damaged at random places, and how many of them are refused.

``benchmarks.damaged_files`` prints the numbers.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from cnnviz import datasets
from cnnviz.datasets import reading
from cnnviz.datasets.reading import Arrays
from cnnviz.datasets.registry import DatasetInfo
from cnnviz.errors import CnnvizError
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.loop.optimisation import initial_network
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import RATES_FILE, RateChange, read_rate_changes, write_rate_changes
from cnnviz.training.records.snapshots import STATE_NAME, State
from tests.datasets import cifar_files, idx_files

RUN = "20260101-abcdef"
RECIPE = Recipe.default("basic-cnn", dataset="mnist-sample")


@dataclass(frozen=True)
class Kind:
    """A kind of file: one of them at ``path``, and what reads it.

    What is read says whether the damage matters: of a data set it is the digest of what networks see.
    """

    title: str
    path: Path
    read: Callable[[], object]


def state(step: int) -> State:
    """What a worker saves after ``step`` steps."""
    facts = {
        "epoch": 1, "batch": step, "step": step, "seconds": 1.5, "base_rate": 0.01, "base_epoch": 1,
        "recipe": RECIPE.to_dict(), "tally": {}, "rate_changes": [], "finished": [],
    }  # fmt: skip
    weights = initial_network(RECIPE).state_dict()
    momentum = {
        f"{number}.momentum_buffer": torch.ones_like(one) for number, one in enumerate(weights.values())
    }
    return State(facts, weights, momentum, {"cpu": torch.get_rng_state()})


def damaged(data: bytes, chance: random.Random) -> bytes:
    """``data`` with one to eight other bytes somewhere, a hole of zeros, or an end that is missing."""
    spoiled = bytearray(data)
    kind = chance.randrange(4)
    # Half of the time at the beginning: there stand the names and the facts, among a lot of weights.
    place = chance.randrange(min(len(data), 4096) if chance.random() < 0.5 else len(data))
    if kind == 0:
        del spoiled[place:]
    elif kind == 1:
        spoiled[place : place + 512] = bytes(len(spoiled[place : place + 512]))
    else:
        for _ in range(kind == 2 or chance.randrange(2, 9)):
            spoiled[place] ^= 1 << chance.randrange(8)
            place = chance.randrange(len(data))
    return bytes(spoiled)


def refused(kind: Kind, rounds: int) -> int:
    """How many of all ``rounds`` end in a sentence, each of which damages the file otherwise.

    A damage that changes nothing that is read, such as zeros where there were zeros, counts as well.
    """
    usual, chance, count = kind.read(), random.Random(18), 0
    whole = kind.path.read_bytes()
    for _ in range(rounds):
        spoiled = damaged(whole, chance)
        kind.path.write_bytes(spoiled)
        try:
            count += kind.read() == usual or spoiled == whole
        except CnnvizError:
            count += 1
    kind.path.write_bytes(whole)
    kind.read()
    return count


def of_a_run(folder: Path) -> Iterator[Kind]:
    """Each kind of file that a run writes and something reads again, in the ``folder`` of the run :data:`RUN`."""
    snapshot = snapshots.path(folder, 4, 1)
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(state(4).to_bytes())
    yield Kind("snapshots", snapshot, lambda: snapshots.load(RUN, 4))

    latest = folder / STATE_NAME
    latest.write_bytes(state(8).to_bytes())
    yield Kind("states", latest, lambda: State.from_bytes(latest.read_bytes()))

    result = TrainingResult(initial_network(RECIPE), RECIPE, (), 1, 0.9, 0.3, stopped=False)
    checkpoints.save(folder, RUN, result, dataset_digest="0", run_id=RUN)
    facts = folder / f"{RUN}.json"
    yield Kind("checkpoints' JSON", facts, load_checkpoint)
    yield Kind("checkpoints' weights", facts.with_suffix(".safetensors"), load_checkpoint)

    write_rate_changes(folder, [RateChange(step, step / 1000) for step in range(1, 30)])
    yield Kind("learning rates", folder / RATES_FILE, lambda: read_rate_changes(folder / RATES_FILE))


def load_checkpoint() -> object:
    """The network of the checkpoint of :data:`RUN`."""
    checkpoints._read.cache_clear()  # it tells changed files by their times, and these change faster
    return checkpoints.load_model(checkpoints.get(RUN))


def of_data_sets(folder: Path) -> Iterator[Kind]:
    """Each file of small data sets that take the place of MNIST and CIFAR-10."""
    for key, write in (("mnist", idx_files.write), ("cifar10", cifar_files.write)):
        place = write(folder / key)
        info = as_published(key, place)
        for name in reading.FORMATS[info.file_format].files:
            read = partial(reading.read_folder, info, place)
            yield Kind(f"{info.title}: {name}", place / name, partial(_digest, read))


def _digest(read: Callable[[], Arrays]) -> str:
    return read().digest


def as_published(key: str, place: Path) -> DatasetInfo:
    """The data set of that key, as if the small files in ``place`` were the published ones."""
    info = datasets.get(key)
    arrays = reading.read_folder(info, place)
    return dataclasses.replace(
        info,
        digest=arrays.digest,
        train_images=len(arrays.train_labels),
        test_images=len(arrays.test_labels),
    )
