"""What a server lets in, by a real one: its own machine, its own pages, and files that are not too large."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.serving import Server, serve
from cnnviz.settings import PROJECT_DIRECTORY

pytestmark = pytest.mark.slow
FOREIGN = "http://elsewhere.example"
ANOTHER_ADDRESS = "127.0.0.2"
"""Of this machine as well, and reached only where the server listens on all of them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As README starts it."""
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


def answer(url: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str]]:
    request = urllib.request.Request(
        url, method=method, headers=headers, data=b"" if method == "PUT" else None
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers


def port(server: Server) -> int:
    return urlsplit(server.url).port or 0


def is_reached(server: Server, address: str) -> bool:
    try:
        with socket.create_connection((address, port(server)), timeout=5):
            return True
    except OSError:
        return False


@contextlib.asynccontextmanager
async def opened(
    server: Server, origin: str | None = None, name: str = "localhost"
) -> AsyncIterator[tuple[ForwardMsg, str]]:
    """The home page under this ``name``: the server's first message, and what a red box says."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    async with websockets.connect(
        f"ws://{name}:{port(server)}/_stcore/stream",
        host="127.0.0.1",
        subprotocols=[websockets.Subprotocol("streamlit")],
        max_size=2**26,
        origin=None if origin is None else websockets.Origin(origin),
    ) as connection:
        await connection.send(message.SerializeToString())
        first, told, kind = ForwardMsg(), "", None
        while kind != "script_finished":
            sent = ForwardMsg.FromString(await asyncio.wait_for(connection.recv(decode=False), 120))
            kind = sent.WhichOneof("type")
            if kind == "new_session":
                first = sent
            elif kind == "delta" and sent.delta.new_element.WhichOneof("type") == "alert":
                told += sent.delta.new_element.alert.body
        yield first, told


on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="Other systems have no second address of their own"
)


@on_linux
def test_only_the_server_s_own_machine_reaches_it(server: Server) -> None:
    assert is_reached(server, "127.0.0.1")
    assert not is_reached(server, ANOTHER_ADDRESS)


@on_linux
def test_every_machine_reaches_a_public_one(tmp_path: Path) -> None:
    words = ("-m", "cnnviz", "app", "--no-browser", "--port")
    with serve(tmp_path, {"CNNVIZ_PUBLIC": "1"}, words) as server:
        assert is_reached(server, ANOTHER_ADDRESS)


def test_a_public_one_that_only_its_own_machine_reaches_says_so_there(tmp_path: Path) -> None:
    async def said(name: str) -> str:
        async with opened(server, origin=f"http://{name}:{port(server)}", name=name) as (_first, told):
            return told

    with serve(tmp_path, {"CNNVIZ_PUBLIC": "1"}) as server:
        assert "`streamlit run` does not read CNNVIZ_PUBLIC" in asyncio.run(said("localhost"))
        assert asyncio.run(said("class.example")) == ""  # behind a reverse proxy


def test_pages_of_other_servers_are_let_in_nowhere(server: Server) -> None:
    status, headers = answer(f"{server.url}/_stcore/health", Origin=FOREIGN)
    assert (status, headers.get("Access-Control-Allow-Origin")) == (200, None)

    async def open_from_there() -> None:
        async with opened(server, origin=FOREIGN):
            pass

    with pytest.raises(websockets.InvalidStatus, match="403"):
        asyncio.run(open_from_there())


def test_nothing_is_uploaded_without_a_token_of_the_page(server: Server) -> None:
    status, _headers = answer(f"{server.url}/_stcore/upload_file/session/file", "PUT")
    assert status == 403


def test_uploads_are_bounded_and_nothing_is_told_to_anybody(server: Server) -> None:
    async def statuses() -> list[int]:
        async with opened(server, origin=server.url) as (first, told):
            assert told == ""
            assert first.new_session.config.gather_usage_stats is False
            session = first.new_session.initialize.session_id
            return [await asyncio.to_thread(put, server, session, megabytes) for megabytes in (65, 64)]

    assert asyncio.run(statuses()) == [413, 400]  # the smaller one is let in; there is no file in it


def put(server: Server, session: str, megabytes: int) -> int:
    """The answer to an upload of this size, with the token that pages have."""
    cookie = "_streamlit_xsrf"
    _status, headers = answer(f"{server.url}/_stcore/health")
    token = headers["Set-Cookie"].partition(f"{cookie}=")[2].partition(";")[0]
    size = megabytes * 2**20
    named = {
        "X-Xsrftoken": token,
        "Cookie": f"{cookie}={token}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(size),
    }
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port(server), timeout=60)) as connection:
        connection.request("PUT", f"/_stcore/upload_file/{session}/file", headers=named)
        with contextlib.suppress(OSError):  # what is too large is not even read
            connection.send(b"--x--\r\n" + b" " * (size - 7))
        return connection.getresponse().status


def test_another_name_than_this_machine_s_gets_a_sentence_only(server: Server) -> None:
    name = "rebound.example"

    async def said() -> str:
        async with opened(server, origin=f"http://{name}:{port(server)}", name=name) as (_first, told):
            return told

    assert f"was opened as {name}" in asyncio.run(said())


def test_the_settings_say_so_themselves() -> None:
    """What a later Streamlit may choose by default."""
    given = tomllib.loads((PROJECT_DIRECTORY / ".streamlit/config.toml").read_text("utf-8"))
    assert given["browser"] == {"gatherUsageStats": False}
    chosen = {name: given["server"][name] for name in ("enableCORS", "enableXsrfProtection", "address")}
    assert chosen == {"enableCORS": True, "enableXsrfProtection": True, "address": "localhost"}
    assert given["server"]["maxUploadSize"] == 64, json.dumps(given)
