"""What is measured while a run trains: ``steps.bin`` and ``samples.bin`` in its folder. Importing this imports no torch.

Both are files that grow by records of a fixed width, one for each of some steps, in rising order. They survive
whatever ends their writer: a record counts only with its check word, so a torn or damaged tail is recognised and left
out. Fixed width means that a curve of any length is read with any stride at once.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError
from cnnviz.files import write_whole
from cnnviz.language import Message

STEPS_FILE = "steps.bin"
SAMPLES_FILE = "samples.bin"
FLUSH_SECONDS = 0.25
MAX_POINTS = 2000

_CHECK_SALT = np.uint32(0x9E3779B9)  # so that a record of zeros is not valid
_TAIL_RECORDS = 4096

Records = NDArray[Any]
"""A structured array (n,) of a :attr:`Form.dtype`."""


@dataclass(frozen=True)
class Form:
    """What a file of records looks like: it begins with ``header``.

    ``dtype`` is made of little-endian words of 4 or 8 bytes; its first field is ``step``, its last ``check``.
    """

    header: bytes
    dtype: np.dtype[Any]


class RecordWriter:
    """Appends records to ``path``; use it in a ``with`` block.

    A record costs a list append; the file is written about four times a second. A damaged tail that an
    earlier writer left is cut off first, and so is every record after step ``keep_until``; writing goes on
    after the last one that is left.

    Raises:
        StorageError: the file cannot be begun, or cut.
        OSError: it cannot be written, ``ENOSPC`` where the disk is full. The records that were written before
            stay readable.
    """

    def __init__(
        self,
        path: Path,
        form: Form,
        keep_until: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._form = form
        self._clock = clock
        self._pending: list[tuple[Any, ...]] = []
        self._flushed_at = clock()
        _cut(path, form, keep_until)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, record: tuple[Any, ...]) -> None:
        """Note one record: a value for every field but the check word."""
        self._pending.append(record)
        if self._clock() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending, so that readers see it."""
        self._flushed_at = self._clock()
        if not self._pending:
            return
        records = np.zeros(len(self._pending), dtype=self._form.dtype)
        fields = [name for name in self._form.dtype.names or () if name != "check"]
        for name, column in zip(fields, zip(*self._pending, strict=True), strict=True):
            records[name] = column
        records["check"] = _check_words(records)
        self._pending.clear()
        _write_whole(self._file, records.tobytes())

    def close(self) -> None:
        """Write what is pending and close the file; calling it again does nothing."""
        if self._file < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._file)
            self._file = -1


def read_records(path: Path, form: Form, max_points: int = MAX_POINTS) -> Records:
    """The records that are in the file at ``path``, at most about ``max_points`` of them.

    Where there are more, every second, fourth, eighth, ... is taken (so the points already drawn stay
    where they are while a run goes on), and the last one. Works while another process writes; a file
    that is not there (yet) has no records.

    Raises:
        CnnvizError: the file is none of cnnviz's, or cannot be read.
    """
    try:
        records = _good_records(path, form)
        count = len(records)
        if count == 0:
            return np.empty(0, form.dtype)
        stride = 1
        while count / stride > max_points:
            stride *= 2
        picked = np.unique(np.append(np.arange(0, count, stride), count - 1))
        chosen: Records = records[picked]
    except FileNotFoundError:
        return np.empty(0, form.dtype)
    except OSError as problem:
        raise CnnvizError(
            Message("Cannot read the metrics in {path}: {problem}.", path=path, problem=problem.strerror)
        ) from problem
    return chosen[_valid(chosen)]


def words(fields: Sequence[tuple[Any, ...]]) -> np.dtype[Any]:
    """The dtype of a record with these fields, (name, type) or (name, type, shape), between step and check word."""
    return np.dtype([("step", "<u4"), *fields, ("check", "<u4")])


def not_ours(path: Path) -> CnnvizError:
    """The error about a file of another kind."""
    return CnnvizError(
        Message(
            "{path} contains no metrics that this version of cnnviz can read; move the file away.", path=path
        )
    )


def _cut(path: Path, form: Form, keep_until: int | None) -> None:
    """Cut off what is damaged, and what comes after the step ``keep_until``; begin the file where there is none.

    What is left takes the file's place: to shorten it would end every process that is just reading its mapped end.
    """
    try:
        records = _good_records(path, form)
        size = path.stat().st_size
    except FileNotFoundError:
        records, size = np.empty(0, form.dtype), 0
    count = len(records)
    if keep_until is not None:
        count = int(np.searchsorted(records["step"], keep_until, side="right"))
    if size != len(form.header) + count * form.dtype.itemsize:
        write_whole(path, form.header + records[:count].tobytes())


def _good_records(path: Path, form: Form) -> Records:
    """The records up to the last good one, mapped from the file."""
    records = _map(path, form)
    end = len(records)
    while end > 0:
        start = max(0, end - _TAIL_RECORDS)
        good = np.flatnonzero(_valid(records[start:end]))
        if good.size:
            return records[: start + int(good[-1]) + 1]
        end = start
    return records[:0]


def _map(path: Path, form: Form) -> Records:
    """All whole records of the file, good or not."""
    with path.open("rb") as file:
        header = file.read(len(form.header))
        count = (os.fstat(file.fileno()).st_size - len(form.header)) // form.dtype.itemsize
        if len(header) == len(form.header) and header != form.header:
            raise not_ours(path)
        if count <= 0:
            return np.empty(0, form.dtype)
        return np.memmap(file, dtype=form.dtype, mode="r", offset=len(form.header), shape=(count,))


def _valid(records: Records) -> NDArray[np.bool_]:
    return np.asarray(records["check"] == _check_words(records))


def _check_words(records: Records) -> NDArray[np.uint32]:
    whole = np.ascontiguousarray(records).view("<u4").reshape(-1, records.dtype.itemsize // 4)[:, :-1]
    return np.asarray(np.bitwise_xor.reduce(whole, axis=1) ^ _CHECK_SALT, dtype=np.uint32)


def _write_whole(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


# -- every step ---------------------------------------------------------------------------------------

# loss and accuracy are those of one batch; seconds is what the training passes have taken so far.
STEP = words(
    [("epoch", "<u4"), ("loss", "<f4"), ("accuracy", "<f4"), ("seconds", "<f8"), ("reserved", "<u4")]
)
_FORM = Form(b"cnnviz steps 1\n".ljust(STEP.itemsize, b"\0"), STEP)

Steps = Records  # of dtype STEP


class MetricsWriter(RecordWriter):
    """Appends the steps of one run to ``path``; see :class:`RecordWriter`."""

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
        a structured array (n,) with fields step, epoch, loss, accuracy, seconds; see :func:`read_records`.
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
    """Appends samples of a run to ``path``; see :class:`RecordWriter`.

    ``layers`` are the names of the layers whose gradients are measured.
    """

    def __init__(self, path: Path, layers: Sequence[str], keep_until: int | None = None) -> None:
        super().__init__(path, _form(tuple(layers)), keep_until)

    def add(self, sample: Sample) -> None:
        """Note one sample."""
        self.append(dataclasses.astuple(sample))


def read_samples(path: Path, max_points: int = MAX_POINTS) -> Samples:
    """The samples that are in the file at ``path``, at most about ``max_points`` of them; see :func:`read_records`."""
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
