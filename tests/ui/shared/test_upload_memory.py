"""Uploaded files: what is taken, what is refused, and when they go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from cnnviz.ui.shared import upload_memory
from cnnviz.ui.shared.upload_memory import GONE_SECONDS, UNCLAIMED_SECONDS, StrictUploads

ME, YOU = "my session", "your session"
MB = 1_000_000


class Server:
    """Streamlit's runtime as far as it is asked, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.active = {ME, YOU}
        self.closed: list[str] = []

    def is_active_session(self, session: str) -> bool:
        return session in self.active

    def close_session(self, session: str) -> None:
        self.closed.append(session)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setenv("CNNVIZ_UPLOADS_MB", "10")
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(upload_memory.time, "monotonic", lambda: server.now)
    monkeypatch.setattr(upload_memory._Sweeper, "wake", lambda _uploads: None)
    return server


@pytest.fixture
def uploads(server: Server) -> StrictUploads:
    return StrictUploads("/upload")


def put(uploads: StrictUploads, session: str, size: int, name: str | None = None) -> str:
    """The id of a file that a browser sends under the address that it was given, or under one that it made up."""
    file_id = name or uploads.get_upload_urls(session, ["digit.png"])[0].file_id

    async def handler() -> None:
        uploads.add_file(session, UploadedFileRec(file_id, "digit.png", "image/png", bytes(size)))

    asyncio.run(handler())
    return file_id


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(HTTPException) as caught:
        call()
    return caught.value.status_code


def test_only_an_address_that_the_session_was_given_is_good_and_once(uploads: StrictUploads) -> None:
    assert refusal(lambda: put(uploads, ME, 1, "made-up")) == 403
    mine = put(uploads, ME, 1)
    assert refusal(lambda: put(uploads, ME, 1, mine)) == 403
    yours = uploads.get_upload_urls(YOU, ["digit.png"])[0].file_id
    assert refusal(lambda: put(uploads, ME, 1, yours)) == 403
    assert uploads.nbytes == 1


def test_a_session_gets_half_of_the_room_and_all_get_the_whole(uploads: StrictUploads) -> None:
    first = put(uploads, ME, 3 * MB)
    assert refusal(lambda: put(uploads, ME, 3 * MB)) == 507
    uploads.remove_file(ME, first)
    assert uploads.nbytes == 0
    for session in (ME, YOU):
        put(uploads, session, 5 * MB)
    assert refusal(lambda: put(uploads, "a third", 1)) == 507
    assert uploads.nbytes == 10 * MB


def test_what_no_widget_asks_for_goes(uploads: StrictUploads, server: Server) -> None:
    wanted, _ = put(uploads, ME, 2), put(uploads, ME, 3)
    assert len(uploads.get_files(ME, [wanted])) == 1
    server.now += UNCLAIMED_SECONDS + 1
    assert uploads.sweep()
    assert uploads.nbytes == 2


def test_what_a_widget_has_asked_for_stays_until_the_page_is_drawn_without_it(
    uploads: StrictUploads, server: Server
) -> None:
    file = put(uploads, ME, 2)
    uploads.page_begins(ME, "filters")
    uploads.get_files(ME, [file])
    server.now += 3600
    uploads.sweep()
    assert uploads.nbytes == 2
    uploads.page_begins(ME, "filters")
    uploads.sweep()
    assert uploads.nbytes == 2  # the page is still being drawn
    server.now += UNCLAIMED_SECONDS + 1
    assert not uploads.sweep()
    assert uploads.nbytes == 0


def test_another_page_frees_the_files_at_once(uploads: StrictUploads) -> None:
    for session in (ME, YOU):
        uploads.page_begins(session, "filters")
        uploads.get_files(session, [put(uploads, session, 2)])
    uploads.page_begins(ME, "draw")
    assert list(uploads.file_storage[ME]) == []
    assert uploads.nbytes == 2


def test_a_session_that_is_gone_is_ended_and_one_that_comes_back_is_not(
    uploads: StrictUploads, server: Server
) -> None:
    for session in (ME, YOU):
        uploads.get_files(session, [put(uploads, session, 2)])
    loop = asyncio.new_event_loop()
    uploads._loop = loop
    server.active.clear()
    uploads.sweep()
    server.now += GONE_SECONDS - 1
    server.active.add(YOU)
    uploads.sweep()
    server.active.clear()
    server.now += 2
    uploads.sweep()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert server.closed == [ME]
    assert uploads.nbytes == 2


def test_a_server_that_runs_becomes_strict(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = MemoryUploadedFileManager("/upload")
    plain.add_file(ME, UploadedFileRec("before", "x", "x", b"12"))
    server.uploaded_file_mgr = plain  # type: ignore[attr-defined]
    monkeypatch.setattr(runtime, "exists", lambda: True)

    class Context:
        session_id, fragment_ids_this_run = ME, None

    monkeypatch.setattr(upload_memory, "get_script_run_ctx", Context)
    upload_memory.guard("filters")
    assert isinstance(plain, StrictUploads)
    assert refusal(lambda: put(plain, ME, 1, "made-up")) == 403
    server.now += UNCLAIMED_SECONDS + 1
    assert not plain.sweep()
    assert plain.file_storage[ME] == {}
