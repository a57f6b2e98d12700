"""How much one person of a class may ask for: the settings' limits, or those that the teacher has set instead."""

from __future__ import annotations

from collections.abc import Mapping

from cnnviz.classroom.rules import rules
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings

LIMITS: Mapping[str, Message] = {
    "runs": Message("Runs of one person, training and waiting"),
    "epochs": Message("Epochs of one run"),
    "images": Message("Epochs times training images"),
    "parameters": Message("Parameters of a network that is trained"),
    "batch_mb": Message("Megabytes of one batch"),
    "cores": Message("Threads times processes of one run"),
    "networks": Message("Own networks of one person"),
    "upload_mb": Message("Megabytes of one uploaded file"),
    "memory_mb": Message("Megabytes of memory for one run"),
    "disk_mb": Message("Megabytes of disk space for all runs"),
    "requests": Message("Pages and updates for one person per minute"),
}
"""What is limited, by the name that stands in ``CNNVIZ_CLASS_...``."""


class LimitError(CnnvizError):
    """More was asked for than one person of the class may have; the message names the value and the limit."""


def is_shared() -> bool:
    """Whether a class shares this server; else it is one person's own, and nothing is limited."""
    return bool(settings().shared)


def limit(name: str) -> int | None:
    """The limit in force of this ``name`` in :data:`LIMITS`; None where a person is alone."""
    if not is_shared():
        return None
    return rules().limits.get(name, usual(name))


def usual(name: str) -> int:
    """The limit that the settings give."""
    return int(getattr(settings(), f"class_{name}"))


def check(name: str, value: float, sentence: Message) -> None:
    """``sentence``, which may name ``{value}`` and ``{limit}``, says what to do where the value is beyond the limit.

    Raises:
        LimitError: it is.
    """
    most = limit(name)
    if most is not None and value > most:
        raise LimitError(Message(sentence.template, **sentence.values, value=value, limit=most))
