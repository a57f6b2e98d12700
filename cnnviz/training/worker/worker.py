"""Carrying out one run: in a worker process, or in the terminal's own.

Importing this imports no torch: a worker claims its run first, and loads what is slow afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz.classroom.limits import limit
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.settings import Settings, settings
from cnnviz.storage.storage import SilentError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import write_rate_changes
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.records.snapshots import PREVIOUS_STATE_NAME, STATE_NAME
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued
from cnnviz.training.worker.failures import first_line, too_little_memory, with_line
from cnnviz.training.worker.heartbeat import (
    Heartbeat,
    Recorder,
    persistently,
    reserved_space,
    why_not_written,
)
from cnnviz.training.worker.memory_guard import MemoryGuard
from cnnviz.training.worker.processes import LOG_NAME
from cnnviz.training.worker.resuming import start_of
from cnnviz.training.worker.steering import Steering
from cnnviz.training.worker.together import HelperLostError, together

if TYPE_CHECKING:
    from cnnviz.training.loop.loop import Observer
    from cnnviz.training.records.snapshots import State

_MEGABYTE = 1e6


@dataclass(frozen=True)
class _Ending:
    """How a run ended, and further columns of the store that belong to it."""

    status: Status
    reason: Message | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.status in (Status.FINISHED, Status.STOPPED, Status.PAUSED)


def main(run_id: str) -> int:
    """Carry out a queued run, then see to it that the next one starts.

    Returns:
        the exit status: 0 where the run finished or a person stopped it, 2 where there is no such run,
        else 1; standard error says why.
    """
    worker = uuid.uuid4().hex
    try:
        store = open_store()
        run = store.get(run_id)
        if not persistently(lambda: store.claim(run_id, worker)):  # others may hold the database for a while
            raise CnnvizError(Message("Run {id} already has a worker, or is over.", id=run_id))
        with MemoryGuard(_most_memory(), partial(_give_up, store, run, worker)):
            ending = _carry_out(store, run, worker, None)
        start_queued(store.settings, step_back=0)  # whoever started this worker made it nice already
    except CnnvizError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    if ending.reason is not None:
        print(ending.reason, file=sys.stderr)
    return 0 if ending.is_good else 1


def run_in_foreground(
    recipe: Recipe, observer: Observer | None = None, configuration: Settings | None = None
) -> Run:
    """Train in this process, at once, as a run like any other: in the store, with lease and checkpoint.

    Control-C ends it as Stop on a page does: the run is ``stopped``, and keeps its metrics and weights.

    Returns:
        the run at its end, ``finished`` or ``stopped``; its figures are in the store.

    Raises:
        CnnvizError: the recipe is invalid or needs too much memory, or the run failed or was interrupted; the
            message says why.
    """
    recipe.validate()
    wait_without_spinning()
    from cnnviz.training.loop import memory

    memory.check(recipe)
    store = open_store(configuration or settings())
    worker = uuid.uuid4().hex
    run = store.get(store.create(recipe, worker))
    ending = _carry_out(store, run, worker, observer)
    start_queued(store.settings)
    if ending.reason is not None and not ending.is_good:
        raise CnnvizError(ending.reason)
    return store.get(run.id)


def _most_memory() -> int | None:
    """The bytes of memory that the class allows one run."""
    most = limit("memory_mb")
    return None if most is None else int(most * _MEGABYTE)


def _give_up(store: RunStore, run: Run, worker: str, taken: int) -> None:
    """End the run and this process, which takes ``taken`` bytes of memory: at once, as it may take more at any time."""
    facts = {
        "taken": round(taken / _MEGABYTE),
        "limit": limit("memory_mb") or 0,
        "size": run.recipe.get("batch_size", 0),
    }
    if run.recipe.get("workers", 1) > 1:
        reason = Message(
            "The training used {taken:,} MB of memory and was stopped, because this class allows {limit:,} for each run. "
            "Choose a batch size below {size:,}, fewer processes, smaller images or a smaller network.",
            **facts,
        )
    else:
        reason = Message(
            "The training used {taken:,} MB of memory and was stopped, because this class allows {limit:,} for each run. "
            "Choose a batch size below {size:,}, smaller images or a smaller network.",
            **facts,
        )
    with contextlib.suppress(CnnvizError):  # whoever looks then finds the process gone
        persistently(lambda: store.finish(run.id, worker, Status.FAILED, reason))
        print(reason, file=sys.stderr, flush=True)
        start_queued(store.settings, step_back=0)
    os._exit(1)


def _carry_out(store: RunStore, run: Run, worker: str, audience: Observer | None) -> _Ending:
    """Carry out a run that ``worker`` has claimed, and write into the store how it ended."""
    with Heartbeat(store, run.id, worker, run.epoch, run.step) as heartbeat, _heeding_signals(heartbeat):
        ending = _attempt(heartbeat, run, audience)
        facts = {"epoch": heartbeat.epoch, "step": heartbeat.step, **ending.facts}
        if ending.status == Status.PAUSED:
            unheard = heartbeat.leave()
            kept = persistently(lambda: store.give_up_place(run.id, worker, unheard, **facts))
        else:
            kept = persistently(lambda: store.finish(run.id, worker, ending.status, ending.reason, **facts))
    if not kept:
        return _Ending(Status.INTERRUPTED, Message("Run {id} no longer belongs to this worker.", id=run.id))
    return ending


def _attempt(heartbeat: Heartbeat, run: Run, audience: Observer | None) -> _Ending:
    """The ending of a run once all its files are where they are kept: nobody hears of a checkpoint before it is there."""
    storage = heartbeat.store.storage
    ending: _Ending | None = None
    try:
        storage.bring(run.id)
        with storage.sending(run.id, run.attempts or 0, heartbeat.holds) as sending:
            ending = _train_safely(heartbeat, run, audience)
            sending.settle()
    except CnnvizError as error:
        if ending is None or ending.status != Status.FAILED:  # else that is what a person must hear
            ending = _Ending(Status.INTERRUPTED, error.message)
    return ending


def _train_safely(heartbeat: Heartbeat, run: Run, audience: Observer | None) -> _Ending:
    folder = heartbeat.store.folder(run.id)
    try:
        with reserved_space(folder):
            return _train(heartbeat, run, folder, audience)
    except KeyboardInterrupt:
        return _Ending(Status.STOPPED)
    except (HelperLostError, SilentError) as error:
        if heartbeat.stop_requested:
            return _Ending(Status.STOPPED)
        return _Ending(Status.INTERRUPTED, error.message)
    except CnnvizError as error:
        return _Ending(Status.FAILED, with_line(error, error.message))
    except OSError as error:
        return _Ending(Status.FAILED, why_not_written(error, folder))
    except Exception as error:
        return _Ending(Status.FAILED, with_line(error, _unforeseen(error, run, folder)))


def _train(heartbeat: Heartbeat, run: Run, folder: Path, audience: Observer | None) -> _Ending:
    wait_without_spinning()
    from cnnviz import datasets
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.loop import loop, memory

    recipe = Recipe.from_dict(run.recipe)
    memory.check(recipe)
    dataset = datasets.load(recipe.dataset)
    start = start_of(run, folder, recipe)
    # A run that is resumed for one step must not make more before it knows.
    heartbeat.write(heartbeat.listen)
    if heartbeat.must_stop():
        return _ending(heartbeat, {})
    with (
        supervised(heartbeat, folder, recipe.epochs, audience, start) as (recorder, steering),
        together(recipe, dataset.digest, start, heartbeat.must_stop) as group,
    ):
        result = loop.train(recipe, dataset, recorder, steering, start, group)
    facts: dict[str, Any] = {}
    if result.steps > 0 and not heartbeat.lost:
        checkpoints.save(
            folder, run.id, result, dataset_digest=dataset.digest, run_id=run.id, origin=run.origin
        )
        facts = {"checkpoint": run.id, "test_accuracy": result.test_accuracy}
    if result.stopped:
        # Whatever is asked from then on is for give_up_place, whether the heartbeat has heard of it or not.
        return _Ending(Status.PAUSED, facts=facts) if steering.gave_up else _ending(heartbeat, facts)
    for name in (STATE_NAME, PREVIOUS_STATE_NAME):  # there is nothing left to resume
        (folder / name).unlink(missing_ok=True)
    return _Ending(Status.FINISHED, facts=facts)


@contextlib.contextmanager
def supervised(
    heartbeat: Heartbeat,
    folder: Path,
    epochs: int,
    audience: Observer | None = None,
    start: State | None = None,
) -> Iterator[tuple[Recorder, Steering]]:
    """All that a worker does beside a training of ``epochs`` epochs that begins, or goes on, at ``start``:
    the observer and the supervisor that keep its figures, states and snapshots in ``folder``.

    Raises:
        OSError, StorageError: something cannot be written, also at the end of the block.
    """
    step, finished = (start.step, start.finished) if start else (0, [])
    heartbeat.epoch, heartbeat.step = int(start.facts["epoch"]) if start else 0, step
    snapshots.forget_after(folder, step)
    write_rate_changes(folder, start.rate_changes if start else ())
    with (
        MetricsWriter(folder / STEPS_FILE, keep_until=step) as metrics,
        contextlib.closing(Steering(heartbeat, metrics, folder, step)) as steering,
    ):
        yield Recorder(heartbeat, metrics, epochs, audience, finished), steering


def wait_without_spinning() -> None:
    """Let torch's threads sleep soon where they wait for each other; to be called before torch is loaded.

    While they spin they take the processor from the very thread they wait for, as soon as anything else
    runs, too: beside a busy server two threads then train ten times slower, and slower than one.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # GNU's: some microseconds of spinning cost nothing


def _ending(heartbeat: Heartbeat, facts: dict[str, Any]) -> _Ending:
    """The ending of a run that was asked to end early."""
    if heartbeat.stop_requested:
        return _Ending(Status.STOPPED, facts=facts)
    return _Ending(
        Status.INTERRUPTED,
        Message("The worker received a signal to exit, as happens when a machine shuts down."),
        facts,
    )


def _unforeseen(error: Exception, run: Run, folder: Path) -> Message:
    if (lacking := too_little_memory(error, run.recipe)) is not None:
        return lacking
    with contextlib.suppress(OSError), (folder / LOG_NAME).open("a", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    return Message(
        "Training stopped because of an unexpected error: {error}. See {log} for details.",
        error=first_line(error),
        log=f"{run.id}/{LOG_NAME}",
    )


@contextlib.contextmanager
def _heeding_signals(heartbeat: Heartbeat) -> Iterator[None]:
    """While the block lasts, the first Control-C stops the run, and SIGTERM ends it cleanly."""
    if threading.current_thread() is not threading.main_thread():  # Python hears signals there alone
        yield
        return

    def stop(number: int, _frame: object) -> None:
        heartbeat.stop()
        signal.signal(number, before[signal.SIGINT])  # whoever presses it again means it

    def terminate(_number: int, _frame: object) -> None:
        heartbeat.terminate()

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, stop),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
