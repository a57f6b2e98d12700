"""Runs on a cluster that somebody else keeps: handed to its scheduler, and looked after until a worker has claimed them.

The lease in the store is the truth about a run; what the scheduler says is a hint: why a job waits, or that it ended
before its worker began.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.processes import LOG_NAME, command, environment

LOOK_SECONDS = 2.0
"""A process asks the scheduler at most so often."""

_KEYS = ("AWS_", "FSSPEC_")
"""What these variables begin with opens an object store."""
_LOG_LETTERS = 1500
_LOG_LINES = 8


class UnreachableError(CnnvizError):
    """The scheduler of a cluster does not answer, or not as it should."""


@dataclass(frozen=True)
class Needs:
    """What a run needs: cores, bytes of memory, GPUs."""

    cores: int
    memory_bytes: int
    gpus: int


@dataclass(frozen=True)
class Job:
    """What a scheduler says of a job: whether it has ended, why it waits or how it ended, and what it printed where that
    stands in no file.
    """

    is_over: bool
    words: str
    log: str = ""


class Scheduler(Protocol):
    """A cluster's scheduler, as far as it is needed.

    Every method raises :class:`UnreachableError` where it does not answer.
    """

    name: str
    """As in ``CNNVIZ_EXECUTOR``."""

    def submit(
        self, job_id: str, words: Sequence[str], variables: Mapping[str, str], needs: Needs, log: Path
    ) -> None:
        """Ask for a job that runs a command in this environment; nothing happens where there is one of that id."""

    def look(self, job_id: str) -> Job | None:
        """What it says of a job; None where it knows none of that id."""

    def cancel(self, job_id: str) -> None:
        """End a job, if there is one of that id."""


class Cluster:
    """Asks a scheduler for the workers of runs; see :class:`cnnviz.training.worker.dispatching.Executor`."""

    def __init__(self, configuration: Settings, scheduler: Scheduler) -> None:
        self._settings = configuration
        self._scheduler = scheduler
        self._looked_at = -LOOK_SECONDS
        self._looking = threading.Lock()

    @property
    def cluster(self) -> str:
        """The scheduler's name."""
        return self._scheduler.name

    def start(self, run: Run) -> None:
        """Ask for a job of this run and attempt."""
        log = self._log(run)
        log.parent.mkdir(parents=True, exist_ok=True)
        words = command("-m", "cnnviz", "worker", run.id)
        self._scheduler.submit(
            job_id(run), words, added_environment(self._settings), needs_of(Recipe.from_dict(run.recipe)), log
        )

    def look_after(self, store: RunStore) -> None:
        """Note why jobs wait; put runs whose jobs ended before they began into the queue again, or give them up."""
        with self._looking:
            if time.monotonic() - self._looked_at < LOOK_SECONDS:
                return
            self._looked_at = time.monotonic()
        for run, is_unwanted in store.unclaimed(self.cluster):
            job = self._scheduler.look(job_id(run))
            if is_unwanted:
                self._scheduler.cancel(job_id(run))
            if is_unwanted or job is None or job.is_over:
                store.not_begun(run, self._why_ended(run, job))
            else:
                store.note_waits(run, Message("The cluster says: {words}", words=job.words))

    def cancel(self, run: Run) -> None:
        """End the job of a run that its worker has lost."""
        if run.executor == self.cluster:
            self._scheduler.cancel(job_id(run))

    def _log(self, run: Run) -> Path:
        if self._settings.runs_url is not None:  # no folder is there on both machines
            return Path(os.devnull)
        return self._settings.runs_dir / run.id / LOG_NAME

    def _why_ended(self, run: Run, job: Job | None) -> Message:
        if job is None:
            return Message("The cluster no longer knows the job; it may have been restarted.")
        log, words = job.log, job.words.rstrip(".")
        if not log:
            with contextlib.suppress(OSError):
                log = self._log(run).read_text(encoding="utf-8", errors="replace")
        lines = " / ".join(log[-_LOG_LETTERS:].strip().splitlines()[-_LOG_LINES:])
        if not lines:
            return Message("The cluster ended the job before training began: {words}.", words=words)
        return Message(
            "The cluster ended the job before training began: {words}. The last lines of its log: {log}",
            words=words,
            log=lines,
        )


def job_id(run: Run) -> str:
    """What the job of a run's present attempt is called: asked for twice, it is still one."""
    return f"cnnviz-{run.id}-{run.attempts or 0}"


def added_environment(chosen: Settings) -> dict[str, str]:
    """What a job's environment needs beside that of its machine."""
    keys = {name: value for name, value in os.environ.items() if name.startswith(_KEYS)}
    return {
        "PYTHONPATH": environment(chosen)["PYTHONPATH"],
        **(keys if chosen.runs_url else {}),
        **chosen.variables(),
    }


def needs_of(recipe: Recipe) -> Needs:
    """What training by a recipe takes, all its processes together, on one machine."""
    from cnnviz.training.loop.memory import needed

    gpus = recipe.workers if recipe.device == "cuda" else 0
    return Needs(max(1, recipe.threads) * recipe.workers, needed(recipe), gpus)
