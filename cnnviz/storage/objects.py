"""Runs in an object store, such as S3, by way of fsspec; see :class:`cnnviz.storage.storage.Storage`.

``RUN_ID/NAME`` below the address is a file of a run; what grows is kept in parts (:mod:`cnnviz.storage.parts`). Objects are
whole or not there, so whoever reads never sees a part of one.

On this machine, ``CNNVIZ_RUNS_DIR`` holds copies of what was read, in a folder named like the run, and what workers write, in
``.working``. Whoever reads the files of a run lists them at most once a second, and fetches only what is new.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cnnviz.errors import CnnvizError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.storage import parts
from cnnviz.storage.bucket import Bucket
from cnnviz.storage.parts import Part
from cnnviz.storage.sending import LARGE_BYTES, Sender, patiently
from cnnviz.storage.storage import Edition, Entry, Sending, SilentError, total

FRESH_SECONDS = 1.0
"""A listing of a run's objects is asked for at most so often."""
FINAL_SECONDS = 30.0
"""The same where the run is over, as somebody has said, by one who does not know what the database says now."""
SHARED_SECONDS = 3.0
"""The same of what all servers share."""

_WORKING = ".working"
_SHARED = ".shared"
_MOST_LOOKS, _LOOK_PAUSE_SECONDS = 10, 0.5
_KEEP_SECONDS = 24 * 3_600.0
_MOST_COPIES = 1_000
"""Of so many runs a server remembers what there is."""
_ALWAYS = Edition("", is_open=True)


class Copy:
    """The files below one name of a bucket, and copies in a folder of this machine: of those that somebody wanted, or of
    ``all_of_them``.
    """

    def __init__(self, bucket: Bucket, name: str, folder: Path, all_of_them: bool = False) -> None:
        self.is_busy = False
        self.used_at = 0.0
        self._folder, self._all = folder, all_of_them
        self._bucket, self._name = bucket, name
        self._there = _There({}, {})
        self._have: dict[str, str] = {}
        self._listed_at: float | None = None
        self._edition: Edition | None = None
        self._working = threading.Lock()

    def is_fresh(self, edition: Edition | None, seconds: float) -> bool:
        """Whether the listing is of this edition, and as new as it must be."""
        if self._listed_at is None or (edition is not None and edition != self._edition):
            return False
        if self._edition is not None and not self._edition.is_open:
            seconds = math.inf if edition is not None else FINAL_SECONDS
        return time.monotonic() - self._listed_at < seconds

    @property
    def is_known(self) -> bool:
        """Whether there is a listing."""
        return self._listed_at is not None

    @property
    def is_whole(self) -> bool:
        """Whether everything that there was at the last look is on this machine."""
        return all(self._have.get(name) == entry.version for name, entry in self.entries().items())

    def may_wait(self, edition: Edition | None) -> bool:
        """Whether an old listing does for now: of this edition, or of a run that is open, as somebody has said."""
        if edition is None:
            return self._edition is not None and self._edition.is_open
        return edition == self._edition

    def look(self, edition: Edition | None) -> None:
        """List the objects again, and fetch what is new of the files that were wanted before. Of those who ask at the same
        time one does so.
        """
        asked_at = time.monotonic()
        with self._working:
            is_done = self._listed_at is not None and self._listed_at > asked_at
            if is_done and edition in (None, self._edition):
                return
            begun_at = time.monotonic()
            there = _sorted(self._bucket.names(self._name))
            for name in {*self._have, *(there.entries() if self._all else ())}:
                self._bring(name, there)
            self._there, self._listed_at, self._edition = there, begun_at, edition or self._edition

    def has(self, name: str) -> bool:
        """Whether there was such a file at the last look."""
        return self._there.entry(name) is not None

    def entries(self) -> Mapping[str, Entry]:
        """All files, at the last look."""
        return self._there.entries()

    def bring(self, name: str) -> Path:
        """Make the copy of a file what it was at the last look; without the file there is none."""
        path = self._folder / name
        there = self._there
        known, length = there.entry(name), _length(path)
        is_missing = known is None and length < 0
        if is_missing or (known and self._have.get(name) == known.version and length == known.size):
            return path  # without waiting for somebody who looks
        # better an old one than none
        with self._working, contextlib.suppress(*(SilentError,) if length >= 0 else ()):
            self._bring(name, self._there)
        return path

    def put(self, name: str, data: bytes) -> None:
        """Write a file, there and here."""
        with self._working:
            self._bucket.put(f"{self._name}/{name}", data)
            _replace(self._folder / name, lambda new: new.write_bytes(data))
            self._have.pop(name, None)

    def drop(self, name: str) -> None:
        """Remove a file, there and here."""
        with self._working:
            self._bucket.drop([f"{self._name}/{name}"])
            (self._folder / name).unlink(missing_ok=True)
            self._have.pop(name, None)

    def _bring(self, name: str, there: _There) -> None:
        path = self._folder / name
        known = there.entry(name)
        if known is None:  # also what another server's process has left here
            self._have.pop(name, None)
            path.unlink(missing_ok=True)
        elif self._have.get(name) != known.version or _length(path) != known.size:
            # what was removed, or joined to one part, since it was listed is found by the next look
            with contextlib.suppress(FileNotFoundError):
                _replace(path, self._writing(name, known.size, there.growing.get(name, ())))
                self._have[name] = known.version

    def _writing(self, name: str, size: int, chain: tuple[Part, ...]) -> Callable[[Path], object]:
        """What writes a file of so many bytes, which has these parts, if any."""
        only = chain[0].name if len(chain) == 1 else name
        if size > LARGE_BYTES and len(chain) <= 1:
            return lambda new: self._bucket.fetch(f"{self._name}/{only}", new)
        data = self._grown(name, self._folder / name, chain) if chain else self._get(name)
        return lambda new: new.write_bytes(data)

    def _get(self, name: str) -> bytes:
        return self._bucket.get(f"{self._name}/{name}")

    def _grown(self, name: str, path: Path, chain: tuple[Part, ...]) -> bytes:
        """A file that grows: what the copy has already, and the parts after it."""
        generation, _, length = self._have.get(name, "").partition(":")
        has = generation == str(chain[0].generation) and _length(path) == int(length)
        data = path.read_bytes() if has else b""
        return data + b"".join(self._get(part.name) for part in chain if part.offset >= len(data))


@dataclass(frozen=True)
class _There:
    """What a listing found: whole files, and the parts that count of those that grow."""

    whole: Mapping[str, Entry]
    growing: Mapping[str, tuple[Part, ...]]

    def entry(self, name: str) -> Entry | None:
        """A file, if it is there."""
        chain = self.growing.get(name)
        return self.whole.get(name) if chain is None else _entry(chain)

    def entries(self) -> Mapping[str, Entry]:
        """All files."""
        return {**self.whole, **{name: _entry(chain) for name, chain in self.growing.items()}}


def _entry(chain: tuple[Part, ...]) -> Entry:
    return Entry(chain[-1].end, f"{chain[0].generation}:{chain[-1].end}")


def _sorted(found: Mapping[str, Entry]) -> _There:
    whole: dict[str, Entry] = {}
    growing: dict[str, list[Part]] = {}
    for name, entry in found.items():
        part = parts.part_of(name, entry.size)
        if part is None:
            whole[name] = entry
        else:
            growing.setdefault(part.file, []).append(part)
    chains = {name: tuple(parts.in_force(known)) for name, known in growing.items()}
    return _There(whole, {name: chain for name, chain in chains.items() if chain})


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Put what ``write`` writes in place of a copy; whoever reads the old one goes on. A copy need not survive a power cut.

    Raises:
        FileNotFoundError: what it would write is not there any more.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(mode=0o600)  # a class's key is among them
        write(temporary)
        temporary.replace(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


class Objects:
    """Runs in an object store at an address; see :class:`cnnviz.storage.storage.Storage`.

    ``runs_dir`` holds the copies. It is a folder of this machine, which no other server uses.
    """

    is_shared_by_address = True

    def __init__(self, runs_dir: Path, url: str) -> None:
        self._around, self._bucket = runs_dir, Bucket(url)
        self._shared = Copy(self._bucket, _SHARED, runs_dir, all_of_them=True)
        self._copies: dict[str, Copy] = {}
        self._choosing = threading.Lock()
        self._behind = ThreadPoolExecutor(4, "cnnviz-storage")

    def folder(self, run_id: str) -> Path:
        """Apart from the copies that this machine's server reads."""
        return self._around / _WORKING / run_id

    def file(self, run_id: str, name: str, edition: Edition | None = None) -> Path:
        """A copy. Of a run that is open, and was looked at before, a page waits for nothing: it sees what came last."""
        return self._looked_at(run_id, edition).bring(name)

    def files(self, wanted: Mapping[str, tuple[str, Edition]]) -> Mapping[str, Path]:
        """Several at a time."""
        paths = self._behind.map(lambda run_id: self.file(run_id, *wanted[run_id]), wanted)
        return dict(zip(wanted, paths, strict=True))

    def at_hand(self, path: Path) -> Path:
        """See :meth:`cnnviz.storage.storage.Storage.at_hand`."""
        if not path.is_relative_to(self._around):
            return path
        run_id, *inner = path.relative_to(self._around).parts
        return self.file(run_id, "/".join(inner))

    def bring(self, run_id: str) -> None:
        """See :meth:`cnnviz.storage.storage.Storage.bring`; what workers have left on a node, where no server tidies, goes."""
        folder = self.folder(run_id)
        self._tidy(folder.parent)
        shutil.rmtree(folder, ignore_errors=True)
        copy = Copy(self._bucket, run_id, folder, all_of_them=True)
        for _look in range(_MOST_LOOKS):
            patiently(partial(copy.look, None))
            if copy.is_whole:
                return
            time.sleep(_LOOK_PAUSE_SECONDS)  # whoever had the run until now has just replaced something
        raise SilentError(self._bucket.url, Message("files that it lists cannot be read"))

    @contextlib.contextmanager
    def sending(
        self, run_id: str, attempt: int = 0, may_send: Callable[[], bool] = lambda: True
    ) -> Iterator[Sending]:
        """A thread sends about once a second what was written; at the end of the block the worker's copy goes, unless
        something of it could not be sent.
        """
        folder = self.folder(run_id)
        sender = Sender(self._bucket, run_id, folder, attempt, may_send)
        with contextlib.closing(sender):
            yield sender
        if sender.is_settled:
            shutil.rmtree(folder, ignore_errors=True)

    def entries(self, run_id: str, within: str, edition: Edition | None = None) -> Mapping[str, Entry]:
        """See :meth:`cnnviz.storage.storage.Storage.entries`."""
        found = self._looked_at(run_id, edition).entries()
        begin = f"{within}/"
        return {
            name.removeprefix(begin): entry
            for name, entry in found.items()
            if name.startswith(begin) and "/" not in name.removeprefix(begin)
        }

    def size(self, run_id: str) -> int:
        """See :meth:`cnnviz.storage.storage.Storage.size`."""
        return total(self._bucket.names(run_id).values())

    def put_aside(self, run_id: str) -> None:
        """The database knows that the run is deleted: nobody asks for its files."""

    def bring_back(self, run_id: str) -> None:
        """They are where they were."""

    def remove(self, run_id: str) -> None:
        """See :meth:`cnnviz.storage.storage.Storage.remove`."""
        self._bucket.drop([f"{run_id}/{name}" for name in self._bucket.names(run_id)])
        with self._choosing:
            self._copies.pop(run_id, None)
        shutil.rmtree(self._around / run_id, ignore_errors=True)

    def mark(self, run_id: str, name: str) -> None:
        """See :meth:`cnnviz.storage.storage.Storage.mark`."""
        self._bucket.put(f"{run_id}/{name}", b"")
        self._forget(run_id)

    def unmark(self, run_id: str, name: str) -> None:
        """See :meth:`cnnviz.storage.storage.Storage.unmark`."""
        self._bucket.drop([f"{run_id}/{name}"])
        self._forget(run_id)

    def is_marked(self, run_id: str, name: str) -> bool:
        """See :meth:`cnnviz.storage.storage.Storage.is_marked`. A mark of another server may be seen half a minute later."""
        copy = self._copy(run_id)
        self._refresh(copy, None, FINAL_SECONDS)
        return copy.has(name)

    def shared(self, name: str) -> Path:
        """Copies of all that is shared: a few small files."""
        with contextlib.suppress(SilentError):  # what was known before goes on being in force
            self._refresh(self._shared, _ALWAYS, SHARED_SECONDS)
        return self._around / name

    def share(self, name: str, data: bytes | None) -> None:
        """See :meth:`cnnviz.storage.storage.Storage.share`."""
        if not self._shared.is_known:  # what is written would be made of what nobody has read
            raise SilentError(self._bucket.url, Message("it has not answered since this server began"))
        if data is None:
            self._shared.drop(name)
        else:
            self._shared.put(name, data)

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """See :meth:`cnnviz.storage.storage.Storage.secret`. The copy of one that was made long ago does where the store is
        silent.
        """
        path = self.shared(name)
        if path.exists():
            return path.read_bytes()
        there = f"{_SHARED}/{name}"
        with contextlib.suppress(FileNotFoundError):  # it may be younger than what was listed
            return self._bucket.get(there)
        self._bucket.make(there, make())
        return self._bucket.get(there)

    def tidy(self) -> None:
        """Remove the copies of runs, and what workers that were killed have left, unused for a day; and once a day from now
        on.
        """
        self._tidy(self._around)
        self._tidy(self._around / _WORKING)
        again = threading.Timer(_KEEP_SECONDS, self.tidy)
        again.daemon = True
        again.start()

    def _tidy(self, around: Path) -> None:
        before = time.time() - _KEEP_SECONDS
        with contextlib.suppress(OSError):
            for folder in around.iterdir():
                known = self._copies.get(folder.name)
                touched_at = max(folder.stat().st_mtime, known.used_at if known is not None else 0.0)
                if folder.name[0].isdigit() and touched_at < before:
                    shutil.rmtree(folder, ignore_errors=True)
                    self._forget(folder.name)

    def _copy(self, run_id: str) -> Copy:
        """What is known of a run; of those that nobody has asked for in the longest time, it is forgotten."""
        with self._choosing:
            copy = self._copies.pop(run_id, None) or Copy(self._bucket, run_id, self._around / run_id)
            self._copies[run_id] = copy
            copy.used_at = time.time()
            if len(self._copies) > _MOST_COPIES:
                del self._copies[next(iter(self._copies))]
            return copy

    def _forget(self, name: str) -> None:
        with self._choosing:
            self._copies.pop(name, None)

    def _looked_at(self, run_id: str, edition: Edition | None) -> Copy:
        """The copy of a run, as new as it must be."""
        copy = self._copy(run_id)
        self._refresh(copy, edition, FRESH_SECONDS)
        return copy

    def _refresh(self, copy: Copy, edition: Edition | None, seconds: float) -> None:
        """Look at it again where that is due: behind the scenes, where something of this edition is known."""
        if copy.is_fresh(edition, seconds):
            return
        if not copy.may_wait(edition):
            with contextlib.suppress(*(SilentError,) if copy.is_known else ()):  # better old ones than none
                copy.look(edition)
        elif not copy.is_busy:
            copy.is_busy = True
            self._behind.submit(self._look, copy, edition)

    def _look(self, copy: Copy, edition: Edition | None) -> None:
        try:
            with contextlib.suppress(CnnvizError):  # the page goes on with what it has
                copy.look(edition)
        finally:
            copy.is_busy = False
