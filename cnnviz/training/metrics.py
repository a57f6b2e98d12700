"""What happened in every training step, in a file that grows by fixed-width records.

The file survives whatever ends its writer: a record counts only with its check word, so a torn or
damaged tail is recognised and left out. Fixed width means that a curve of any length is read with any
stride at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

FILE_NAME = "steps.bin"
FLUSH_SECONDS = 0.25
MAX_POINTS = 2000

# loss and accuracy are those of one batch; seconds is what the training passes have taken so far.
STEP = np.dtype(
    [
        ("step", "<u4"),
        ("epoch", "<u4"),
        ("loss", "<f4"),
        ("accuracy", "<f4"),
        ("seconds", "<f8"),
        ("reserved", "<u4"),
        ("check", "<u4"),
    ]
)
_HEADER = b"cnnviz steps 1\n".ljust(STEP.itemsize, b"\0")
_CHECK_SALT = np.uint32(0x9E3779B9)  # so that a record of zeros is not valid
_TAIL_RECORDS = 4096

Steps = NDArray[Any]  # a structured array of dtype STEP


class MetricsWriter:
    """Appends the steps of one run to ``path``; use it in a ``with`` block.

    A step costs a list append; the file is written about four times a second. A damaged tail that an
    earlier writer left is cut off first, and writing goes on after the last good record.

    Raises:
        OSError: the file cannot be written, ``ENOSPC`` where the disk is full. The records that were
            written before stay readable.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._pending: list[tuple[int, int, float, float, float, int, int]] = []
        self._flushed_at = clock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            self._cut_damaged_tail()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """Note one step: its number and epoch (from 1), the batch's mean loss and accuracy (0 to 1),
        and the seconds of training so far.
        """
        self._pending.append((step, epoch, loss, accuracy, seconds, 0, 0))
        if self._clock() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending, so that readers see it."""
        self._flushed_at = self._clock()
        if not self._pending:
            return
        records = np.array(self._pending, dtype=STEP)
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

    def _cut_damaged_tail(self) -> None:
        if os.fstat(self._file).st_size < len(_HEADER):
            os.ftruncate(self._file, 0)
            _write_whole(self._file, _HEADER)
            return
        end = len(_HEADER) + _good_records(self._path) * STEP.itemsize
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)


def read_steps(path: Path, max_points: int = MAX_POINTS) -> Steps:
    """The steps that are in the file at ``path``, at most about ``max_points`` of them.

    Where there are more, every second, fourth, eighth, ... is taken (so the points already drawn stay
    where they are while a run goes on), and the last one. Works while another process writes; a file
    that is not there (yet) has no steps.

    Returns:
        a structured array (n,) with fields step, epoch, loss, accuracy, seconds.

    Raises:
        CnnvizError: the file is none of cnnviz's, or cannot be read.
    """
    try:
        count = _good_records(path)
        if count == 0:
            return np.empty(0, STEP)
        stride = 1
        while count / stride > max_points:
            stride *= 2
        records = _map(path, count)
        picked = np.unique(np.append(np.arange(0, count, stride), count - 1))
        steps: Steps = records[picked]
    except FileNotFoundError:
        return np.empty(0, STEP)
    except OSError as problem:
        raise CnnvizError(
            Message("The metrics in {path} cannot be read: {problem}.", path=path, problem=problem.strerror)
        ) from problem
    return steps[_valid(steps)]


def _map(path: Path, count: int) -> Steps:
    return np.memmap(path, dtype=STEP, mode="r", offset=len(_HEADER), shape=(count,))


def _good_records(path: Path) -> int:
    """How many records there are up to the last good one."""
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
        size = os.fstat(file.fileno()).st_size
    if len(header) < len(_HEADER):
        return 0
    if header != _HEADER:
        raise CnnvizError(
            Message(
                "{path} holds no metrics that this version of cnnviz understands; move it away.", path=path
            )
        )
    end = (size - len(_HEADER)) // STEP.itemsize
    while end > 0:
        start = max(0, end - _TAIL_RECORDS)
        good = np.flatnonzero(_valid(_map(path, end)[start:end]))
        if good.size:
            return start + int(good[-1]) + 1
        end = start
    return 0


def _valid(records: Steps) -> NDArray[np.bool_]:
    return np.asarray(records["check"] == _check_words(records))


def _check_words(records: Steps) -> NDArray[np.uint32]:
    words = np.ascontiguousarray(records).view("<u4").reshape(-1, STEP.itemsize // 4)[:, :-1]
    return np.asarray(np.bitwise_xor.reduce(words, axis=1) ^ _CHECK_SALT, dtype=np.uint32)


def _write_whole(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
