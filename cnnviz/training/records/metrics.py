"""What is measured and noted while a run trains: every step, samples from time to time, changes of its learning rate.

``steps.bin`` and ``samples.bin`` in the run's folder are files of records; ``rates.json`` tells pages of the changes,
which are also part of the run's saved states and of its checkpoint. Importing this imports no torch.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.errors import CnnvizError
from cnnviz.files import write_json
from cnnviz.language import Message
from cnnviz.training.records.record_files import (
    MAX_POINTS,
    Form,
    Records,
    RecordWriter,
    not_ours,
    read_records,
    words,
)

STEPS_FILE = "steps.bin"
SAMPLES_FILE = "samples.bin"
RATES_FILE = "rates.json"

# -- every step ---------------------------------------------------------------------------------------

# loss and accuracy are those of one batch; seconds is what the training passes have taken so far.
STEP = words(
    [("epoch", "<u4"), ("loss", "<f4"), ("accuracy", "<f4"), ("seconds", "<f8"), ("reserved", "<u4")]
)
_FORM = Form(b"cnnviz steps 1\n".ljust(STEP.itemsize, b"\0"), STEP)

Steps = Records  # of dtype STEP


class MetricsWriter(RecordWriter):
    """Appends the steps of one run to ``path``; see :class:`cnnviz.training.records.record_files.RecordWriter`."""

    def __init__(
        self, path: Path, keep_until: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(path, _FORM, keep_until, clock)

    def add(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """Note one step: its number and epoch (from 1), the batch's mean loss and accuracy (0 to 1),
        and the seconds of training so far.
        """
        self.append((step, epoch, loss, accuracy, seconds, 0))


def read_steps(path: Path, max_points: int = MAX_POINTS) -> Steps:
    """The steps that are in the file at ``path``, at most about ``max_points`` of them.

    Returns:
        a structured array (n,) with fields step, epoch, loss, accuracy, seconds; see
        :func:`cnnviz.training.records.record_files.read_records`.

    Raises:
        CnnvizError: the file is none of cnnviz's, or cannot be read.
    """
    return read_records(path, _FORM, max_points)


# -- samples ----------------------------------------------------------------------------------------

_MAGIC = b"cnnviz samples 1\n"
_BLOCK = 512  # a header is filled up to a multiple of this


@dataclass(frozen=True)
class Sample:
    """One moment of a run: ``step`` steps are done.

    ``seconds`` is what the training passes have taken so far, ``images_per_second`` the speed since the last
    sample, ``seconds_left`` how long the rest will take, tests included. ``norms`` are the Euclidean norms of
    the loss's gradients by each layer's parameters, at the last step.
    """

    step: int
    epoch: int
    seconds: float
    learning_rate: float
    images_per_second: float
    seconds_left: float
    norms: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Samples:
    """All samples of a run: a structured array (n,) with the fields of :class:`Sample`; ``norms`` is (n, L),
    a column for each of the ``layers``.
    """

    layers: tuple[str, ...]
    records: Records


class SamplesWriter(RecordWriter):
    """Appends samples of a run to ``path``; see :class:`cnnviz.training.records.record_files.RecordWriter`.

    ``layers`` are the names of the layers whose gradients are measured.
    """

    def __init__(self, path: Path, layers: Sequence[str], keep_until: int | None = None) -> None:
        super().__init__(path, _form(tuple(layers)), keep_until)

    def add(self, sample: Sample) -> None:
        """Note one sample."""
        self.append(dataclasses.astuple(sample))


def read_samples(path: Path, max_points: int = MAX_POINTS) -> Samples:
    """The samples that are in the file at ``path``, at most about ``max_points`` of them, evenly chosen.

    Works while another process writes; a file that is not there (yet) has no samples.

    Raises:
        CnnvizError: the file is none of cnnviz's, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            magic, names = file.readline(), file.readline()
    except OSError:
        return Samples((), np.empty(0, _form(()).dtype))
    try:
        layers = tuple(json.loads(names)) if magic == _MAGIC else None
    except ValueError:
        layers = None
    if layers is None:
        raise not_ours(path)
    return Samples(layers, read_records(path, _form(layers), max_points))


def _form(layers: tuple[str, ...]) -> Form:
    header = _MAGIC + json.dumps(layers).encode() + b"\n"
    dtype = words(
        [
            ("epoch", "<u4"),
            ("seconds", "<f8"),
            ("learning_rate", "<f8"),
            ("images_per_second", "<f4"),
            ("seconds_left", "<f4"),
            ("norms", "<f4", (len(layers),)),
        ]
    )
    return Form(header.ljust(-(-len(header) // _BLOCK) * _BLOCK, b"\0"), dtype)


# -- changes of the learning rate -------------------------------------------------------------------


@dataclass(frozen=True)
class RateChange:
    """After ``step`` steps somebody set the learning rate to ``learning_rate``."""

    step: int
    learning_rate: float


def write_rate_changes(folder: Path, changes: Sequence[RateChange]) -> None:
    """Note all ``changes`` of the run whose folder this is, in place of what was noted before.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / RATES_FILE
    if changes or path.exists():
        write_json(path, [dataclasses.asdict(change) for change in changes])


def read_rate_changes(folder: Path) -> tuple[RateChange, ...]:
    """The changes of the run whose folder this is, in order; () where there are none.

    Raises:
        CnnvizError: they cannot be read.
    """
    path = folder / RATES_FILE
    try:
        return tuple(RateChange(**change) for change in json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as problem:
        raise CnnvizError(
            Message("Cannot read the metrics in {path}: {problem}.", path=path, problem=problem)
        ) from problem
