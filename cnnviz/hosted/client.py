"""The app's side: what it asks about a live model.

The program that starts the app says in two variables where the model is, and the secret that lets one ask. Nothing of
it comes from a page.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from typing import Any, TypeVar

from cnnviz.errors import CnnvizError
from cnnviz.hosted.protocol import Answer, Facts, Progress, Question, receive, send
from cnnviz.language import Message

ADDRESS, SECRET = "CNNVIZ_HOST_ADDRESS", "CNNVIZ_HOST_SECRET"
NAME = "hosted"
"""What links and lists call the live model."""

STATE = f"{NAME}:"
"""What its name begins with where a state of it is meant; the stamp follows."""

R = TypeVar("R")

_connections = threading.local()


def is_there() -> bool:
    """Whether the app was started for a live model."""
    return bool(os.environ.get(ADDRESS))


def facts() -> Facts:
    """What the live model is now.

    Raises:
        CnnvizError: the program that holds it has ended.
    """
    found = _asked(None, None)
    assert isinstance(found, Facts)
    return found


def ask(
    function: Callable[..., R],
    *arguments: Any,
    original: bool = False,
    progress: Callable[[float], None] | None = None,
) -> R:
    """``function(model, *arguments)``, computed where the live model is; function and values must be picklable.

    The model is a copy in eval mode without gradients, or the ``original``, which must only be looked at.
    ``progress`` is called with 0..1; what it raises ends the work.

    Raises:
        CnnvizError: the function raised an error, or the program that holds the model has ended.
    """
    found: R = _asked(Question(function, arguments, progress is not None, original), progress)
    return found


def _asked(question: Question | None, progress: Callable[[float], None] | None) -> Any:
    try:
        connection = _connection()
        send(connection, question)
        while isinstance(message := receive(connection), Progress):
            if progress is not None:
                progress(message.part)
    except (EOFError, OSError, AuthenticationError) as error:
        _forget()
        raise CnnvizError(
            Message("The program that holds the network has ended. Start it again to continue.")
        ) from error
    except BaseException:  # the person went away: the answer must not be taken for that of the next question
        _forget()
        raise
    assert isinstance(message, Answer)
    if message.error is not None:
        raise message.error
    return message.value


def _connection() -> Connection:
    """The connection of the current thread."""
    known: Connection | None = getattr(_connections, "known", None)
    if known is None:
        secret = bytes.fromhex(os.environ[SECRET])
        known = _connections.known = Client(os.environ[ADDRESS], authkey=secret)
    return known


def _forget() -> None:
    known: Connection | None = getattr(_connections, "known", None)
    if known is not None:
        known.close()
        _connections.known = None
