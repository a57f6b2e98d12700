"""Event files for TensorBoard in the run's folder: ``tensorboard --logdir runs`` shows them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue

FLUSH_SECONDS = 5


def prepare() -> None:
    """Import what is slow to import."""
    import tensorboardX

    del tensorboardX


class EventFiles:
    """Writes points of curves in a thread of its own, so that whoever adds them waits for nothing.

    What goes wrong there is printed to standard error, and ends no training. ``step`` is where the run goes
    on: later points of an earlier worker are not shown any more.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder, self._step = folder, step
        self._points: SimpleQueue[tuple[int, float, Mapping[str, float]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="cnnviz-events", daemon=True)
        self._thread.start()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point at ``step`` to each of the curves that ``values`` names."""
        self._points.put((step, time.time(), values))

    def close(self) -> None:
        """Wait until everything is written."""
        self._points.put(None)
        self._thread.join()

    def _write(self) -> None:
        first = self._points.get()  # no file, and no slow import, for a run that never begins
        if first is None:
            return
        try:
            from tensorboardX import SummaryWriter

            purge = self._step + 1 if self._step else None
            with SummaryWriter(str(self._folder), purge_step=purge, flush_secs=FLUSH_SECONDS) as writer:
                point: tuple[int, float, Mapping[str, float]] | None = first
                while point is not None:
                    step, now, values = point
                    for name, value in values.items():
                        writer.add_scalar(name, value, step, now)
                    point = self._points.get()
        except Exception:
            traceback.print_exc()
