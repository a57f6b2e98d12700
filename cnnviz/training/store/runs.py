"""What a run is: its status, the facts that the store keeps of it, and what people may ask of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cnnviz.language import Message
from cnnviz.training.recipe.recipe import Recipe

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


@dataclass(frozen=True)
class Run:
    """One execution of a recipe, as the store knows it at one moment.

    Times are seconds since 1970 (UTC); ``epoch`` and ``step`` count from 1 and are 0 before the first;
    ``test_accuracy`` (0 to 1) is the last epoch's; ``checkpoint`` is the checkpoint's id. ``owner`` is a random
    name of whoever asked for it; ``name`` and ``note`` are a person's words. The run goes on from step
    ``origin_step`` of the run ``origin`` where these are set. ``turn`` orders the queue, ``taken`` the runs
    that were taken out of it. Runs of one ``group_id`` belong together; ``role`` says what each is among them.
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

    @property
    def is_open(self) -> bool:
        """Whether the run is waiting or in progress."""
        return self.status in OPEN

    @property
    def can_resume(self) -> bool:
        """Whether it can be resumed from its last saved state."""
        return self.status in RESUMABLE

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
