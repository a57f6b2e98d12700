"""A run's files on their way from the folder in which a worker writes them into an object store."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from cnnviz.errors import CnnvizError
from cnnviz.files import StorageError, is_unfinished
from cnnviz.language import Message
from cnnviz.storage import parts
from cnnviz.storage.storage import PATIENCE_SECONDS, SilentError

SECONDS = 1.0
"""What was written is sent about so often."""
LARGE_BYTES = 32 * 2**20
"""What is larger is sent and fetched a piece at a time: states of large networks are gigabytes."""

_SHARE = 20  # a slow store is asked more rarely: sending takes one part in so many of the time
_LONGEST_SECONDS = 3.0
_MOST_PARTS = 100
# Of one attempt: one each time that parts are joined, a file begins anew, or a state is saved.
_GENERATIONS = 100_000
_RETRY_SECONDS = 1.0
_NOT_KEPT = ("reserve", "state.previous.safetensors", "events.")
"""What the names of these begin with: room on the worker's disk; the state before the last, of which a store that never has
half of an object has no need; and TensorBoard's files, which it reads in a folder.
"""


class Target(Protocol):
    """Where the files go."""

    def put(self, name: str, data: bytes) -> None:
        """Make an object, or replace it: whole."""

    def send(self, name: str, file: BinaryIO) -> None:
        """The same of what a file has from here on, a piece at a time."""

    def drop(self, names: list[str]) -> None:
        """Remove objects."""

    def names(self, below: str) -> Iterable[str]:
        """The objects below a name, by what follows it."""


_STATE = "state."
"""What the name of the file begins with from which a run is resumed."""

_Mark = tuple[int, int, int]
"""What changes with a file's content: another file in its place, its bytes, and when it was written."""


@dataclass
class _Sent:
    """What was sent of one file: a mark of its content, and of one that grows, its parts."""

    mark: _Mark
    generation: int = 0
    ends: tuple[int, ...] = ()
    """Where each of its parts ends; () where its parts are of an earlier attempt."""


class Sender:
    """Keeps objects equal to the files of ``folder``, in a thread of its own, from what is there at the beginning on.

    Files that grow are sent in parts; see :mod:`cnnviz.storage.parts`. So is the saved state, each as one part: whatever a
    worker that has lost its run still sends, also while this one has saved none yet, is not taken for the run's.
    ``is_settled`` tells whether all that was written is sent.
    """

    def __init__(
        self, target: Target, run_id: str, folder: Path, attempt: int, may_send: Callable[[], bool]
    ) -> None:
        self.is_settled = False
        self._target, self._run_id, self._folder, self._may_send = target, run_id, folder, may_send
        self._generation = attempt * _GENERATIONS
        self._sent = {name: _Sent(_mark(path.stat())) for name, path in self._files()}
        self._brought = [name for name in self._sent if name.startswith(_STATE)]
        self._has_looked = False
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cnnviz-sending", daemon=True)
        self._thread.start()

    def settle(self, patience: float = PATIENCE_SECONDS) -> None:
        """See :class:`cnnviz.storage.storage.Sending`."""
        patiently(self._settle, patience)

    def close(self) -> None:
        """Send nothing more."""
        self._over.set()
        self._thread.join()

    def _settle(self) -> None:
        with self._sending:
            self.is_settled = False
            try:
                if not self._send():
                    raise CnnvizError(Message("Run {id} no longer belongs to this worker.", id=self._run_id))
                self._join()
            except OSError as error:
                raise StorageError(Path(error.filename or self._folder), error) from error
            self.is_settled = True

    def _work(self) -> None:
        # the first answer takes long: a second for what it imports
        with self._sending, contextlib.suppress(CnnvizError, OSError):
            self._look()
            self._send_brought()
        pause = SECONDS
        while not self._over.wait(pause):
            begun_at = time.monotonic()
            with contextlib.suppress(OSError):  # whoever tidies sees that somebody works here
                os.utime(self._folder)
            try:
                with self._sending:
                    self._send()
            except (CnnvizError, OSError):  # it is tried again soon; settle() says what is wrong
                pass
            pause = min(max(SECONDS, _SHARE * (time.monotonic() - begun_at)), _LONGEST_SECONDS)

    def _send(self) -> bool:
        """Send all that is new; whether nothing was left out because it may not be sent."""
        self._send_brought()
        present = dict(self._files())
        with contextlib.ExitStack() as opened:
            # Opened before what grows is read, and sent after it: a saved state is never ahead of the curves.
            whole = [(name, self._open(opened, name, present[name])) for name in present if not grows(name)]
            growing = ((name, self._open(opened, name, present[name])) for name in present if grows(name))
            for name, file in chain(growing, sorted(whole, key=lambda one: _order(one[0]))):
                if not self._may_send():
                    return False
                if file is not None:
                    self._send_file(name, file)
        gone = {name for name in self._sent if name not in present}
        if not self._may_send():
            return False
        if gone:
            self._drop(lambda object_name: _file_of(object_name) in gone)
            for name in gone:
                del self._sent[name]
        return True

    def _send_brought(self) -> None:
        """Send the state that the worker begins with, before any curve: from here on no earlier one counts."""
        while self._brought and self._may_send():
            name = self._brought[-1]
            with contextlib.suppress(FileNotFoundError), (self._folder / name).open("rb") as file:
                mark = _mark(os.fstat(file.fileno()))
                if mark == self._sent[name].mark:  # any other is of later steps, whose curves come first
                    self._begin(name, file, mark)
            self._brought.pop()

    def _open(self, opened: contextlib.ExitStack, name: str, path: Path) -> BinaryIO | None:
        """The file, if it has changed; as it is now, whatever takes its place meanwhile."""
        known = self._sent.get(name)
        with contextlib.suppress(FileNotFoundError):  # removed since the folder was read
            if known is None or known.mark != _mark(path.stat()):
                return opened.enter_context(path.open("rb"))
        return None

    def _send_file(self, name: str, file: BinaryIO) -> None:
        known, mark = self._sent.get(name), _mark(os.fstat(file.fileno()))
        if grows(name):
            self._send_growth(name, file, mark, known)
        elif name.startswith(_STATE):
            self._begin(name, file, mark)
        else:
            self._put(name, file)
            self._sent[name] = _Sent(mark)

    def _send_growth(self, name: str, file: BinaryIO, mark: _Mark, known: _Sent | None) -> None:
        """Send what was appended, or begin anew: where another file has taken its place, or it was cut, and after so many
        parts.
        """
        if known is None or not known.ends or len(known.ends) >= _MOST_PARTS or not _has_grown(known, mark):
            self._begin(name, file, mark)
            return
        begin = known.ends[-1]
        file.seek(begin)
        if data := file.read():
            self._target.put(f"{self._run_id}/{parts.name_of(name, known.generation, begin)}", data)
            known.ends = (*known.ends, begin + len(data))
        known.mark = mark

    def _begin(self, name: str, file: BinaryIO, mark: _Mark) -> None:
        """Send all of a file as one part of a new generation; then all earlier parts go."""
        self._look()
        self._generation += 1
        size = self._put(parts.name_of(name, self._generation, 0), file)
        self._sent[name] = _Sent(mark, self._generation, (size,))
        self._drop(lambda object_name: _is_earlier(object_name, name, self._generation))

    def _put(self, object_name: str, file: BinaryIO) -> int:
        """Send all of a file; how many bytes."""
        if os.fstat(file.fileno()).st_size > LARGE_BYTES:
            self._target.send(f"{self._run_id}/{object_name}", file)
            return file.tell()
        data = file.read()
        self._target.put(f"{self._run_id}/{object_name}", data)
        return len(data)

    def _join(self) -> None:
        """Make one part of each file that grows: whoever looks at a run that is over reads it at once."""
        for name, known in list(self._sent.items()):
            if len(known.ends) > 1 and self._may_send():
                with (self._folder / name).open("rb") as file:
                    self._begin(name, file, _mark(os.fstat(file.fileno())))

    def _look(self) -> None:
        """See to it, once, that what this sender begins is of a higher generation than whatever somebody has begun before."""
        if self._has_looked:
            return
        found = [parts.part_of(name, 0) for name in self._target.names(self._run_id)]
        newest = max((part.generation for part in found if part is not None), default=0)
        self._generation = max(self._generation, newest)
        self._has_looked = True

    def _drop(self, unwanted: Callable[[str], bool]) -> None:
        found = self._target.names(self._run_id)
        self._target.drop([f"{self._run_id}/{name}" for name in found if unwanted(name)])

    def _files(self) -> Iterator[tuple[str, Path]]:
        for around, _folders, names in os.walk(self._folder):
            for name in names:
                path = Path(around) / name
                if not is_unfinished(name) and not name.startswith(_NOT_KEPT):
                    yield path.relative_to(self._folder).as_posix(), path


def patiently(do: Callable[[], None], seconds: float = PATIENCE_SECONDS) -> None:
    """Do it; where the store does not answer, try again for so many ``seconds``.

    Raises:
        CnnvizError: it did not answer until the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except SilentError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def grows(name: str) -> bool:
    """Whether a run's file of this name is appended to."""
    return name.endswith((".bin", ".log"))


def _order(name: str) -> tuple[bool, str]:
    """Weights before the facts that name them."""
    return name.endswith(".json"), name


def _is_earlier(name: str, file: str, generation: int) -> bool:
    """Whether an object is a part of ``file`` before this generation."""
    part = parts.part_of(name, 0)
    return part is not None and part.file == file and part.generation < generation


def _file_of(object_name: str) -> str:
    """The file that an object is, or is a part of."""
    part = parts.part_of(object_name, 0)
    return object_name if part is None else part.file


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _has_grown(known: _Sent, mark: _Mark) -> bool:
    """Whether a file that grows is still the one that was sent, with all of it."""
    inode, size, _changed = mark
    return inode == known.mark[0] and size >= known.ends[-1]
