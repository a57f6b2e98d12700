"""What happened in every training step, in a file of the run's folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cnnviz.training.records.records import MAX_POINTS, Form, Records, RecordWriter, read_records, words

FILE_NAME = "steps.bin"

# loss and accuracy are those of one batch; seconds is what the training passes have taken so far.
STEP = words(
    [("epoch", "<u4"), ("loss", "<f4"), ("accuracy", "<f4"), ("seconds", "<f8"), ("reserved", "<u4")]
)
_FORM = Form(b"cnnviz steps 1\n".ljust(STEP.itemsize, b"\0"), STEP)

Steps = Records  # of dtype STEP


class MetricsWriter(RecordWriter):
    """Appends the steps of one run to ``path``; see :class:`cnnviz.training.records.records.RecordWriter`."""

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
        :func:`cnnviz.training.records.records.read_records`.

    Raises:
        CnnvizError: the file is none of cnnviz's, or cannot be read.
    """
    return read_records(path, _FORM, max_points)
