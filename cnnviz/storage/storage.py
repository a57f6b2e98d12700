"""Where the files of runs are kept, and how they come to this machine and leave it.

Everything works with files of this machine: a worker writes them, pages read them. Where ``CNNVIZ_RUNS_URL`` names an object
store, a worker's files are sent there while they change, and come from there where they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cnnviz.errors import CnnvizError
from cnnviz.language import Message


@dataclass(frozen=True)
class Entry:
    """A file of a run: its bytes, and a text that changes with its content."""

    size: int
    version: str


@dataclass(frozen=True)
class Edition:
    """What the database knows of a run's files: another ``text`` means that they have changed; while ``is_open`` they
    change all the time.
    """

    text: str
    is_open: bool


class SilentError(CnnvizError):
    """The object store does not answer, or refuses."""

    def __init__(self, url: str, reason: str | Message) -> None:
        super().__init__(
            Message(
                "The storage of runs, {url}, cannot be used: {reason}. Check CNNVIZ_RUNS_URL, the keys, and that the "
                "storage is running.",
                url=url,
                reason=reason,
            )
        )


PATIENCE_SECONDS = 300.0


class Sending(Protocol):
    """The files of one run on their way to where they are kept."""

    def settle(self, patience: float = PATIENCE_SECONDS) -> None:
        """Come back when everything that was written is kept. An object store that does not answer is asked again for
        ``patience`` seconds.

        Raises:
            CnnvizError: that is not possible, or the run no longer belongs to whoever sends.
        """


class Storage(Protocol):
    """Where the files of runs are kept. Names of files are relative to the run's folder, with ``/`` between folders.

    Every method raises :class:`StorageError` where a folder cannot be used, or an object store does not answer.
    """

    is_shared_by_address: bool
    """Whether it has an address, so that machines need no folder in common."""

    def folder(self, run_id: str) -> Path:
        """Where a process of this machine writes the files of a run."""

    def file(self, run_id: str, name: str, edition: Edition | None = None) -> Path:
        """A file of a run on this machine, as it is now or was a second ago; there is none at this path where there is
        none.
        """

    def files(self, wanted: Mapping[str, tuple[str, Edition]]) -> Mapping[str, Path]:
        """:meth:`file` for one file of each of several runs, by their ids."""

    def at_hand(self, path: Path) -> Path:
        """:meth:`file` for the path that it gave, or would give."""

    def bring(self, run_id: str) -> None:
        """Bring all files of a run into :meth:`folder`, in place of what is there: somebody goes on with it."""

    def sending(
        self, run_id: str, attempt: int = 0, may_send: Callable[[], bool] = lambda: True
    ) -> AbstractContextManager[Sending]:
        """While the block lasts, keep what is written into :meth:`folder`. One process at a time does so, each with a
        higher ``attempt``; nothing is sent while ``may_send`` says no.
        """

    def entries(self, run_id: str, within: str, edition: Edition | None = None) -> Mapping[str, Entry]:
        """The files of a run in its folder ``within``, by their names in it."""

    def size(self, run_id: str) -> int:
        """The bytes of all its files, also where it is put aside."""

    def put_aside(self, run_id: str) -> None:
        """Let nobody find the files of a run that was deleted."""

    def bring_back(self, run_id: str) -> None:
        """Undo :meth:`put_aside`."""

    def remove(self, run_id: str) -> None:
        """Remove the files of a run for good."""

    def mark(self, run_id: str, name: str) -> None:
        """Put an empty file of this name to those of a run, also where it is put aside; without files there is none."""

    def unmark(self, run_id: str, name: str) -> None:
        """Take a mark away, if it is there."""

    def is_marked(self, run_id: str, name: str) -> bool:
        """Whether a run has a mark."""

    def shared(self, name: str) -> Path:
        """A small file or folder that all servers share, on this machine, as it is now or was a few seconds ago."""

    def share(self, name: str, data: bytes | None) -> None:
        """Write such a file; None: remove it, if it is there."""

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes of such a file that only servers read. Where there is none yet, ``make`` gives them; of several servers
        that make one at the same time, one wins.
        """

    def tidy(self) -> None:
        """Remove copies that nobody has used for long, now and from time to time: for a server that starts."""


def total(entries: Iterable[Entry]) -> int:
    """Their bytes."""
    return sum(entry.size for entry in entries)
