"""What a run is: its status, the facts that the store keeps of it, what people may ask of it, and who works on it."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe

# A worker has this long from its start to its claim, which takes it a second of the processor's time. On a machine that
# is busy it may wait minutes for that second: so where its own processor time can be told, that counts,
START_PROCESSOR_SECONDS = 30.0
# and the clock on the wall only for a process that does nothing at all.
START_SECONDS = 300.0
MOST_STARTS = 3
"""So often a worker process is started for a run before it is given up."""
MOST_ATTEMPTS = 5
"""So often a run is handed to a cluster by itself; then it waits for a person who resumes it."""

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that can be taken for another


class Status(StrEnum):
    """The stage that a run is at; :func:`describe` says it in words."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


HELD = (Status.STARTING, Status.RUNNING, Status.PAUSED)
"""A run in one of these may have a worker; a paused one has given up its place where it has none."""

OPEN = (Status.QUEUED, *HELD)
RESUMABLE = (Status.PAUSED, Status.STOPPED, Status.INTERRUPTED, Status.FAILED)

_WORDS: Mapping[Status, Message] = {
    Status.QUEUED: Message("queued"),
    Status.STARTING: Message("starting"),
    Status.RUNNING: Message("running"),
    Status.PAUSED: Message("paused"),
    Status.FINISHED: Message("finished"),
    Status.STOPPED: Message("stopped"),
    Status.INTERRUPTED: Message("interrupted"),
    Status.FAILED: Message("failed"),
}


def describe(status: Status) -> Message:
    """The status in a word, as people read it."""
    return _WORDS[status]


WATCHED = "watched"
"""Where a recipe would be: the facts of a run that :func:`cnnviz.watch` records."""


@dataclass(frozen=True)
class Watched:
    """A network that somebody's own program trains: its class's name, its number of parameters (None where it does not
    tell), and the program's file name.
    """

    network: str
    parameters: int | None
    program: str


@dataclass(frozen=True)
class Run:
    """One execution of a recipe, as the store knows it at one moment.

    Times are seconds since 1970 (UTC); ``epoch`` and ``step`` count from 1 and are 0 before the first;
    ``test_accuracy`` (0 to 1) is the last epoch's; ``checkpoint`` is the checkpoint's id. ``owner`` is a random
    name of whoever asked for it; ``name`` and ``note`` are a person's words. The run goes on from step
    ``origin_step`` of the run ``origin`` where these are set. ``turn`` orders the queue, ``taken`` the runs
    that were taken out of it. Runs of one ``group_id`` belong together; ``role`` says what each is among them.
    ``starts`` counts the worker processes in a row that were started for it, ``start_used`` is what processor time
    the last of them had used before, in seconds. ``executor`` is the cluster that was asked for a worker (None: the machine
    itself), ``attempts`` counts how often one was, and ``waits`` says why none has begun yet.
    """

    number: int
    id: str
    recipe: Mapping[str, Any]
    status: Status
    reason: Message | None
    worker: str | None
    host: str | None
    pid: int | None
    lease_until: float | None
    lease_ticks: float | None
    epoch: int
    step: int
    total_steps: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    test_accuracy: float | None
    checkpoint: str | None
    turn: int | None = None
    taken: int | None = None
    owner: str | None = None
    name: str | None = None
    note: str | None = None
    origin: str | None = None
    origin_step: int | None = None
    paused_at: float | None = None
    deleted_at: float | None = None
    group_id: str | None = None
    role: Mapping[str, str] | None = None
    starts: int | None = None
    start_used: float | None = None
    executor: str | None = None
    attempts: int | None = None
    waits: Message | None = None

    @property
    def is_open(self) -> bool:
        """Whether the run is waiting or in progress."""
        return self.status in OPEN

    @property
    def can_resume(self) -> bool:
        """Whether it can be resumed from its last saved state."""
        return self.status in RESUMABLE and self.watched is None

    @property
    def watched(self) -> Watched | None:
        """What is known of the network where somebody's own program trains it, which no recipe describes; else None."""
        facts = self.recipe.get(WATCHED)
        return Watched(**facts) if isinstance(facts, Mapping) else None

    @property
    def machine(self) -> str | None:
        """The name of the machine whose worker has the run, or had it last."""
        return None if self.host is None else self.host.partition(":")[0]

    @property
    def architecture(self) -> str:
        """The key of the architecture that is trained."""
        return str(self.recipe.get("architecture", ""))

    @property
    def dataset(self) -> str:
        """The key of the data that it is trained on."""
        return str(self.recipe.get("dataset", ""))

    @property
    def epochs(self) -> int:
        """How many epochs the recipe asks for."""
        return int(self.recipe.get("epochs", 0))


@dataclass(frozen=True)
class Member:
    """A run to be created in a group: its recipe, what it is called, and what it is among the others."""

    recipe: Recipe
    name: str
    role: Mapping[str, str]


class Kind(StrEnum):
    """What a person may ask of a run."""

    STOP = "stop"
    PAUSE = "pause"
    STEP = "step"
    RESUME = "resume"
    RATE = "rate"


@dataclass(frozen=True)
class Command:
    """One request to a run; ``value`` is the new learning rate of :attr:`Kind.RATE`."""

    kind: Kind
    value: float | None = None


def new_run_id() -> str:
    """A run id: today's date and six random letters, unique across machines in all likelihood."""
    return f"{datetime.now():%Y%m%d}-" + "".join(secrets.choice(_LETTERS) for _ in range(6))


def message_to_json(message: Message | None) -> dict[str, Any] | None:
    """A message as JSON, so that it can be shown in any language later."""
    if message is None:
        return None
    return {"template": message.template, "values": {k: _to_json(v) for k, v in message.values.items()}}


def message_from_json(data: Mapping[str, Any] | None) -> Message | None:
    """The message that :func:`message_to_json` wrote."""
    if data is None:
        return None
    template: str = data["template"]  # not in the call: what stands there is taken for a text to translate
    values = {
        name: message_from_json(value) if isinstance(value, Mapping) else value
        for name, value in data["values"].items()
    }
    return Message(template, **values)


def _to_json(value: object) -> object:
    if isinstance(value, Message):
        return message_to_json(value)
    return value if isinstance(value, int | float | str) else str(value)


# -- who works on a run, and whether they still do -------------------------------------------------


def lease(seconds: float) -> dict[str, Any]:
    """The columns of a lease that lasts ``seconds`` from now."""
    now = ticks()
    return {"lease_until": time.time() + seconds, "lease_ticks": None if now is None else now + seconds}


def this_process() -> dict[str, Any]:
    """The columns that name this process as the one that works on a run."""
    return {"host": host(), "pid": os.getpid()}


def why_gone(run: Run) -> Message | None:
    """Why nobody works on this active run any more; None while somebody does."""
    if run.host == host() and run.pid is not None and process_is_dead(run.pid):
        if run.watched is not None:
            return Message(
                "The program that trained this network ended without run.finish(): it was killed, or crashed. The "
                "measurements up to then are kept."
            )
        if run.worker is None:
            return Message(
                "The worker process ended before training began; see {log} for the reason.", log=_log(run)
            )
        return Message(
            "The worker process ended unexpectedly: it was killed, ran out of memory, or crashed (see "
            "{log}). The measurements up to then are kept.",
            log=_log(run),
        )
    if run.worker is None:
        used = start_used(run)
        if (used is not None and used > START_PROCESSOR_SECONDS) or _has_run_out(run):
            return Message(
                "The worker process did not start in time; see {log} for the reason.", log=_log(run)
            )
        return None
    # What a process loads at first may keep its other threads waiting, for long where the machine is busy.
    loads = run.status == Status.STARTING and run.host == host()
    if not _has_run_out(run, START_SECONDS if loads else 0.0):
        return None
    return Message(
        "The worker has not responded for too long: its machine may be off, asleep or overloaded. The "
        "measurements up to then are kept."
    )


def start_used(run: Run) -> float | None:
    """The seconds of processor time that the worker process of a starting run has had for it; None where nothing
    tells.
    """
    if run.host != host() or run.pid is None:
        return None
    used = processor_seconds(run.pid)
    return None if used is None else max(0.0, used - (run.start_used or 0.0))


def start_waited(run: Run) -> float | None:
    """The seconds since a worker process was started for a run that none has claimed yet; None for any other run, or
    one of another machine.
    """
    now = ticks()
    starts = run.status == Status.STARTING and run.worker is None and run.host == host()
    if not starts or now is None or run.lease_ticks is None:
        return None
    return max(0.0, now - (run.lease_ticks - START_SECONDS))


def _has_run_out(run: Run, grace: float = 0.0) -> bool:
    """Whether the lease of a run ended more than ``grace`` seconds ago."""
    now = ticks()
    if run.host == host() and now is not None and run.lease_ticks is not None:
        return run.lease_ticks + grace < now
    return run.lease_until is None or run.lease_until + grace < time.time()


def _log(run: Run) -> str:
    return f"{run.id}/worker.log"


# -- the machine and its processes ------------------------------------------------------------------


@lru_cache(maxsize=1)
def host() -> str:
    """A name for the set of processes among which a process id means something: the machine's name,
    its present boot and, for containers, the namespace of process ids.
    """
    parts = [socket.gethostname(), _boot(), _namespace()]
    return ":".join(part for part in parts if part)


def ticks() -> float | None:
    """Seconds by a clock that all processes of :func:`host` share and that stands still while the
    machine sleeps, so that a closed laptop does not make its own runs look abandoned; None where the
    system gives no such clock.
    """
    return time.monotonic() if _boot() else None


def process_is_dead(pid: int) -> bool:
    """Whether the process ``pid`` of this machine is certainly gone; a zombie counts as dead."""
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there; the lease has to do
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {"Z", "X"}


def processor_seconds(pid: int) -> float | None:
    """How long the process ``pid`` of this machine, all its threads together, has had a processor; None where the
    system does not tell it in ``/proc``.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError, AttributeError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115  the link leads to no file
    except OSError:
        return ""
