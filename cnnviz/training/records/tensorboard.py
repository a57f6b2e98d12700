"""Event files for TensorBoard in the run's folder: ``tensorboard --logdir runs`` shows them."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event

_Point = tuple[int, float, Mapping[str, float]]


def prepare() -> None:
    """Import what is slow to import."""
    import tensorboardX

    del tensorboardX


class EventFiles:
    """Writes points of curves in a thread of its own, so that whoever adds them waits for nothing.

    All that is added at once becomes one event: an event a value, as tensorboardX's own ``SummaryWriter`` writes
    them through two further threads, takes several times as much of the processor from a training. What goes
    wrong is printed to standard error, and ends no training. ``step`` is where the run goes on: later points of
    an earlier worker are not shown any more.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder, self._step = folder, step
        self._points: SimpleQueue[_Point | None] = SimpleQueue()
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
            from tensorboardX.event_file_writer import EventsWriter

            with contextlib.closing(EventsWriter(str(self._folder / "events"))) as writer:
                if self._step:
                    writer.write_event(_restart(self._step))
                point: _Point | None = first
                while point is not None:
                    writer.write_event(_event(*point))
                    writer.flush()
                    point = self._points.get()
        except Exception:
            traceback.print_exc()


def _event(step: int, now: float, values: Mapping[str, float]) -> Event:
    """The values of the curves at ``step``, measured ``now``, in seconds since 1970."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
    return Event(step=step, wall_time=now, summary=summary)


def _restart(step: int) -> Event:
    """What tells TensorBoard to forget what another worker has written of later steps than ``step``."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    return Event(step=step + 1, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START))
