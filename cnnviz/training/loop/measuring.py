"""Sampling a training run from time to time: size of the gradients, speed, and time left.

The samples go into the run's own file, and as event files to TensorBoard: ``tensorboard --logdir runs`` shows them.
"""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnviz.training.loop.session import Session
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import SAMPLES_FILE, Sample, SamplesWriter

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event


SECONDS = 0.5
_SAMPLES = 2_000  # a longer run is measured less often: each doubling of its time adds so many or fewer
_LONGEST_SECONDS = 1.0
SHARE = 50  # measuring takes at most one part in so many of the time
_TESTED_PART = 1 / 3  # of a training step, which is a way forward and two as long back


class Sampler:
    """Writes samples of a training run into the run's folder; ``due`` is when, by ``clock``, the next one is due.

    It is wanted once a second at least, unless a step or the measuring itself is slow. TensorBoard's files, which
    name each curve at each of its points, get fewer points the longer a run goes on.
    """

    def __init__(self, folder: Path, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._layers = layers_with_parameters(session.model)
        self._file = SamplesWriter(folder / SAMPLES_FILE, list(self._layers), keep_until=session.step)
        self._events = EventFiles(folder, session.step)
        self._begun = clock()
        self._last = session.step, session.seconds + session.tally.seconds
        self.due = self._events_due = self._begun

    def sample(self, session: Session) -> None:
        """Measure now, between two steps."""
        begin = self._clock()
        step, seconds = session.step, session.seconds + session.tally.seconds
        if step == self._last[0]:  # no gradients yet, or no new ones: those of the next step are wanted
            return
        per_step = (seconds - self._last[1]) / (step - self._last[0])
        self._last = step, seconds
        sample = Sample(
            step=step,
            epoch=session.epoch,
            seconds=seconds,
            learning_rate=session.learning_rate,
            images_per_second=session.recipe.batch_size / max(per_step, 1e-9),
            seconds_left=_seconds_left(session, per_step),
            norms=gradient_norms(self._layers),
        )
        self._file.add(sample)
        sparse = (begin - self._begun) / _SAMPLES
        if begin >= self._events_due:
            self._events.add(step, _curves(sample, session, list(self._layers)))
            self._events_due = begin + sparse
        now = self._clock()
        self.due = now + max(SECONDS, min(sparse, _LONGEST_SECONDS), (now - begin) * SHARE)

    def epoch(self, step: int, metrics: EpochMetrics) -> None:
        """Record the metrics of an epoch that ended after ``step`` steps."""
        names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        self._events.add(step, {f"epoch/{name}": getattr(metrics, name) for name in names})

    def flush(self) -> None:
        """Write what is pending, so that readers see it."""
        self._file.flush()

    def close(self) -> None:
        """Write what is pending and close the files."""
        self._file.close()
        self._events.close()


def layers_with_parameters(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Layers with parameters of their own, by name, in the model's order; shared parameters count once."""
    seen: set[nn.Parameter] = set()
    found: dict[str, list[nn.Parameter]] = {}
    for name, module in model.named_modules():
        own = [parameter for parameter in module.parameters(recurse=False) if parameter not in seen]
        seen.update(own)
        if own:
            found[name] = own
    return found


def gradient_norms(layers: dict[str, list[nn.Parameter]]) -> tuple[float, ...]:
    """The Euclidean norm of the gradients of each layer's parameters; 0 where a layer has none."""
    return tuple(norms_of(layers).tolist())


def norms_of(layers: dict[str, list[nn.Parameter]]) -> Tensor:
    """:func:`gradient_norms` as a tensor (L,) that is still on the device: nobody waits for it."""
    squares: list[Tensor] = []
    for parameters in layers.values():
        norms = [
            torch.linalg.vector_norm(parameter.grad) for parameter in parameters if parameter.grad is not None
        ]
        squares.append(torch.stack(norms).norm() if norms else torch.zeros((), device=parameters[0].device))
    return torch.stack(squares)


def _seconds_left(session: Session, per_step: float) -> float:
    """Steps, tests and second passes; until the first test has shown how long one takes, by a rule of thumb."""
    steps, images = len(session.train), session.test.images
    if session.test_seconds:
        per_tested = session.test_seconds / images
    else:
        per_tested = per_step * steps / session.train.images * _TESTED_PART
    if session.recipe.train_accuracy == "second-pass":
        images += session.known.images
    epochs = session.recipe.epochs - len(session.finished)
    return (session.total_steps - session.step) * per_step + epochs * images * per_tested


def _curves(sample: Sample, session: Session, layers: list[str]) -> dict[str, float]:
    return {
        "batch/loss": session.latest_loss,
        "batch/accuracy": session.latest_accuracy,
        "learning_rate": sample.learning_rate,
        "images_per_second": sample.images_per_second,
        **{f"gradient_norm/{name}": norm for name, norm in zip(layers, sample.norms, strict=True)},
    }


# -- event files -----------------------------------------------------------------------------------


_Point = tuple[int, float, Mapping[str, float]]


def prepare_event_files() -> None:
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
