"""The side that holds the model: it answers one question after the other for each connection, in a thread of its own."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from typing import TYPE_CHECKING

from cnnviz.errors import CnnvizError
from cnnviz.hosted.protocol import Answer, Facts, Progress, Question, receive, send
from cnnviz.language import Message

if TYPE_CHECKING:
    from torch import nn

_WAITING = 32
"""Connections that may wait to be accepted."""


class Held:
    """A model, and copies of it in eval mode, on the CPU and without gradients, a new one for each use.

    Copies, because the program that owns the model may go on training it, and because a forward pass of a person's own
    may change the model. What they share are the parameters, as long as no use changes these.
    """

    def __init__(self, original: nn.Module) -> None:
        self.original = original
        self._lock = threading.Lock()
        self._copy: tuple[str, nn.Module, str] | None = None

    def stamp(self) -> str:
        """Another text after each change of the weights: PyTorch counts the changes of every tensor."""
        return _stamp(self.original)

    def copy(self) -> nn.Module:
        """A copy of the model as it is now."""
        from cnnviz.tracing.copies import copy_of_same_parameters, real_copy

        with self._lock:
            stamp = self.stamp()
            if self._copy is None or self._copy[0] != stamp or self._copy[2] != _stamp(self._copy[1]):
                fresh = real_copy(self.original).requires_grad_(False).eval()
                self._copy = stamp, fresh, _stamp(fresh)
            return copy_of_same_parameters(self._copy[1])


def _stamp(model: nn.Module) -> str:
    tensors = [*model.parameters(), *model.buffers()]
    return f"{id(model):x}-{hash(tuple((id(tensor), tensor._version) for tensor in tensors)):x}"


class Host:
    """Answers questions about a model on ``address`` until it is closed.

    ``facts`` tells what the model is; ``held`` gives it, and raises a CnnvizError where there is none.
    """

    def __init__(self, facts: Callable[[], Facts], held: Callable[[], Held], secret: bytes) -> None:
        self._facts, self._held = facts, held
        self._process = os.getpid()
        family = "AF_UNIX" if hasattr(socket, "AF_UNIX") else None
        self._listener = Listener(family=family, backlog=_WAITING, authkey=secret)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Where :mod:`cnnviz.hosted.client` connects to."""
        return str(self._listener.address)

    def close(self) -> None:
        """Take no further connection."""
        self._listener.close()

    def _accept(self) -> None:
        from multiprocessing import AuthenticationError

        while True:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):  # somebody else, or gone already
                continue
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection, suppress(EOFError, OSError):
            while True:
                asked = receive(connection)
                answer = self._answer(connection, asked)
                try:
                    send(connection, answer)
                except (TypeError, AttributeError, ValueError) as error:  # it cannot be pickled
                    send(connection, Answer(error=_as_sentence(error)))

    def _answer(self, connection: Connection, asked: Question | None) -> Answer:
        if asked is None:
            return Answer(self._facts())
        keywords = {"progress": lambda part: send(connection, Progress(part))} if asked.watched else {}
        try:
            held = self._held()
            model = held.original if asked.original else held.copy()
            return Answer(asked.function(model, *asked.arguments, **keywords))
        except CnnvizError as error:
            return Answer(
                error=CnnvizError(error.message)
            )  # the same sentence; other classes need not be known
        except OSError:  # nobody waits for the answer any more
            raise
        except BaseException as error:  # a person's own code may raise anything, KeyboardInterrupt too
            return Answer(error=_as_sentence(error))
        finally:
            if os.getpid() != self._process:  # a fork in that code: nobody has asked this process
                os._exit(0)


def _as_sentence(error: BaseException) -> CnnvizError:
    return CnnvizError(
        Message(
            "The network raises an error: {type}: {error}", type=type(error).__name__, error=str(error)[:500]
        )
    )
