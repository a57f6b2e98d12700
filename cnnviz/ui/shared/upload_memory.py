"""Uploaded files: bounded for each session and in all, kept only as long as a widget asks for them, and freed at once.

Streamlit keeps what is sent to its upload address in memory: files of any number, whether or not something on a page
had asked for them, and for two minutes after their person has left. :func:`guard` makes a running server's manager of
files stricter.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec, UploadFileUrlInfo

from cnnviz.settings import settings

UNCLAIMED_SECONDS = 30.0
"""A file that no widget has asked for after so long is nobody's."""
GONE_SECONDS = 5.0
"""How long a connection may be cut until its files go: a browser is back within a second or two."""

_LOOK_SECONDS = 1.0
_MOST_PROMISED = 64
_REFUSED, _FULL = 403, 507


@dataclass
class _File:
    """When a file came, and when a widget asked for it last; in seconds of the monotonic clock."""

    added: float
    asked: float | None = None


class StrictUploads(MemoryUploadedFileManager):
    """A server's uploaded files.

    A file is taken only under an address that its session was given, and while there is room for it: the limits are
    ``CNNVIZ_UPLOADS_MB`` in all and half of it for each session.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._begin()

    def _begin(self) -> None:
        """Begin to be strict; the files that are there already count as nobody's."""
        now = time.monotonic()
        self._promised: dict[str, list[str]] = {}
        self._files = {
            (session, name): _File(now) for session, files in self.file_storage.items() for name in files
        }
        self._pages: dict[str, tuple[str, float]] = {}
        self._left: dict[str, float] = {}
        self._guarding = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- what Streamlit calls -------------------------------------------------------------------------

    def get_upload_urls(self, session_id: str, file_names: Sequence[str]) -> list[UploadFileUrlInfo]:
        """Addresses under which a session may send files; only the latest are good."""
        given = super().get_upload_urls(session_id, file_names[:_MOST_PROMISED])
        with self._guarding:
            promised = self._promised.setdefault(session_id, [])
            promised += [one.file_id for one in given]
            del promised[:-_MOST_PROMISED]
        return given

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Keep a file.

        Raises:
            HTTPException: nobody asked for it, or there is no room.
        """
        with self._guarding:
            if file.file_id not in self._promised.get(session_id, ()):
                raise HTTPException(_REFUSED, "This page did not ask for a file")
            most = settings().uploads_mb * 1_000_000
            others = self._nbytes(session_id) - self._nbytes_of(session_id, file.file_id)
            if others + len(file.data) > most / 2 or self.nbytes + len(file.data) > most:
                raise HTTPException(
                    _FULL, "Too many files are uploaded at the moment: remove one, or try later"
                )
            self._promised[session_id].remove(file.file_id)
            self._files[session_id, file.file_id] = _File(time.monotonic())
            self._loop = asyncio.get_running_loop()
            super().add_file(session_id, file)
        _Sweeper.wake(self)

    def get_files(self, session_id: str, file_ids: Sequence[str]) -> list[UploadedFileRec]:
        """What a widget asks for."""
        with self._guarding:
            for file_id in file_ids:
                if (found := self._files.get((session_id, file_id))) is not None:
                    found.asked = time.monotonic()
        return super().get_files(session_id, file_ids)

    def remove_file(self, session_id: str, file_id: str) -> None:
        """Let a file go."""
        with self._guarding:
            self._files.pop((session_id, file_id), None)
        super().remove_file(session_id, file_id)

    def remove_session_files(self, session_id: str) -> None:
        """Let all files of a session go, and what is known of it."""
        with self._guarding:
            for key in [key for key in self._files if key[0] == session_id]:
                del self._files[key]
            for known in (self._promised, self._pages, self._left):
                known.pop(session_id, None)
        super().remove_session_files(session_id)

    # -- what cnnviz calls ----------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(self._nbytes(session) for session in list(self.file_storage))

    def page_begins(self, session_id: str, page: str) -> None:
        """The session draws a whole page; the files of another one go."""
        with self._guarding:
            left = self._pages.get(session_id, (page, 0.0))[0] != page
            self._pages[session_id] = page, time.monotonic()
            if left:
                for file_id in [name for session, name in self._files if session == session_id]:
                    self.remove_file(session_id, file_id)

    def sweep(self) -> bool:
        """Let go what nobody needs; whether files are left to look after."""
        now = time.monotonic()
        with self._guarding:
            for (session, name), file in list(self._files.items()):
                began = self._pages.get(session, ("", 0.0))[1]
                unclaimed = file.asked is None and now - file.added > UNCLAIMED_SECONDS
                hidden = (file.asked or now) < began < now - UNCLAIMED_SECONDS
                if unclaimed or hidden:
                    self.remove_file(session, name)
            for session in {session for session, _ in self._files}:
                self._end_if_gone(session, now)
            self._forget_ended()
            return bool(self._files)

    def _end_if_gone(self, session: str, now: float) -> None:
        if runtime.get_instance().is_active_session(session):
            self._left.pop(session, None)
        elif now - self._left.setdefault(session, now) > GONE_SECONDS and self._loop is not None:
            # The session itself, which Streamlit keeps for two minutes: its state holds on to the files.
            self._loop.call_soon_threadsafe(runtime.get_instance().close_session, session)
            self.remove_session_files(session)

    def _forget_ended(self) -> None:
        """Forget the sessions without files that Streamlit has not ended with a word."""
        active = runtime.get_instance().is_active_session
        for known in (self._promised, self._pages):
            for session in [name for name in known if not active(name) and not self._nbytes(name)]:
                del known[session]

    def _nbytes(self, session: str) -> int:
        return sum(len(file.data) for file in list(self.file_storage.get(session, {}).values()))

    def _nbytes_of(self, session: str, file_id: str) -> int:
        found = self.file_storage.get(session, {}).get(file_id)
        return 0 if found is None else len(found.data)


class _Sweeper:
    """The thread that looks after a manager's files while there are any."""

    _lock = threading.Lock()
    _thread: threading.Thread | None = None

    @classmethod
    def wake(cls, uploads: StrictUploads) -> None:
        with cls._lock:
            if cls._thread is None:
                cls._thread = threading.Thread(
                    target=cls._look, args=(uploads,), name="cnnviz-uploads", daemon=True
                )
                cls._thread.start()

    @classmethod
    def _look(cls, uploads: StrictUploads) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with cls._lock:
                if not uploads.sweep():
                    cls._thread = None
                    return


def guard(page: str) -> None:
    """Be strict with this server's files from now on; ``page`` begins for this session."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists() or context.fragment_ids_this_run:
        return
    manager = runtime.get_instance().uploaded_file_mgr
    if type(manager) is MemoryUploadedFileManager:
        # The server made it before any page ran, and its upload address holds on to it.
        manager.__class__ = StrictUploads
        manager._begin()  # type: ignore[attr-defined]
    if isinstance(manager, StrictUploads):
        manager.page_begins(context.session_id, page)
