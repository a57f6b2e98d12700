"""What the app and the process that holds a live model say to one another.

Messages are pickled: both processes belong to the same person, on one machine, and whoever connects has to know the
secret of the program that started them. A network of somebody else never comes this way.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from cnnviz.language import Message


@dataclass(frozen=True)
class Facts:
    """What there is to know of a live model before anything is asked.

    ``title`` is its class, ``place`` where it comes from, ``stamp`` another one after each change of its code or its
    weights. ``source`` is the text that defines it, where there is one. ``problem`` says why there is no model;
    ``running``: because the code that makes it has not come to its end yet. ``arguments`` are those that the
    constructor was given, by name, as JSON.
    """

    title: str
    place: str
    stamp: str
    input_shape: tuple[int, ...] | None
    source: str | None = None
    problem: Message | None = None
    running: bool = False
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Question:
    """``function(model, *arguments)`` is asked for; with ``watched`` it takes ``progress`` too, which is sent on.

    Only an ``original`` has its own mode and gradients: the function must neither change it nor compute with it.
    Otherwise the model is a copy in eval mode without gradients.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    watched: bool = False
    original: bool = False


@dataclass(frozen=True)
class Progress:
    """How much of the work is done, 0..1."""

    part: float


@dataclass(frozen=True)
class Answer:
    """What the function returned, or the error that it raised."""

    value: Any = None
    error: BaseException | None = None


def send(connection: Connection, message: object) -> None:
    """Send a message. Tensors go by value: what :mod:`torch.multiprocessing` shares would end with its process."""
    connection.send_bytes(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> Any:
    """The next message.

    Raises:
        EOFError, OSError: the other side is gone.
    """
    return pickle.loads(connection.recv_bytes())
