"""What is measured from time to time while a run trains: gradients, speed, time left. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.training.records.records import MAX_POINTS, Form, Records, RecordWriter, not_ours, read_records

FILE_NAME = "samples.bin"
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
    """Appends samples of a run to ``path``; see :class:`cnnviz.training.records.records.RecordWriter`.

    ``layers`` are the names of the layers whose gradients are measured.
    """

    def __init__(self, path: Path, layers: Sequence[str], keep_until: int | None = None) -> None:
        super().__init__(path, _form(tuple(layers)), keep_until)

    def add(self, sample: Sample) -> None:
        """Note one sample."""
        self.append(
            (
                sample.step,
                sample.epoch,
                sample.seconds,
                sample.learning_rate,
                sample.images_per_second,
                sample.seconds_left,
                sample.norms,
            )
        )


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
    dtype = np.dtype(
        [
            ("step", "<u4"),
            ("epoch", "<u4"),
            ("seconds", "<f8"),
            ("learning_rate", "<f8"),
            ("images_per_second", "<f4"),
            ("seconds_left", "<f4"),
            ("norms", "<f4", (len(layers),)),
            ("check", "<u4"),
        ]
    )
    return Form(header.ljust(-(-len(header) // _BLOCK) * _BLOCK, b"\0"), dtype)
