"""Streamlit's own websocket protocol: what a browser sends and receives, without a browser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

LARGEST_MESSAGE = 64 * 2**20
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Page:
    """One run of a page: ``seconds`` from the request to the last message, and all the ``elements``, each with the
    seconds until it ``arrived`` and the fragment that it is ``part_of`` ("" for none).

    ``timers`` are the seconds after which a browser asks for each fragment again, and ``query`` what then stands in
    its address bar. ``whole`` is false where only a fragment was run.
    """

    seconds: float
    elements: tuple[Element, ...]
    arrived: tuple[float, ...]
    part_of: tuple[str, ...]
    timers: Mapping[str, float]
    query: str
    whole: bool

    @property
    def kinds(self) -> list[str]:
        """What the elements are, in order: ``heading``, ``button``, ..."""
        return [str(element.WhichOneof("type")) for element in self.elements]


class Session:
    """One person's connection."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self.session_id = ""
        """What the server calls this session; known once it has run a page."""
        self._page = ""

    async def run(
        self,
        page: str = "",
        query: str = "",
        widgets: Mapping[str, Any] | None = None,
        *,
        states: Iterable[WidgetState] = (),
        fragment: str = "",
        by_itself: bool = False,
    ) -> Page:
        """Run ``page`` (its name in the link; "" is the landing page) and wait for all of it.

        ``widgets`` are states by widget id; values are sent as JSON, as components' states are. ``states`` are those of
        other widgets. ``fragment`` names the part of the page that is to run alone, ``by_itself`` as its timer asks.

        Raises:
            RuntimeError: the script ended in an exception.
        """
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name, asked.query_string = page, query
        asked.fragment_id, asked.is_auto_rerun = fragment, by_itself
        if fragment:  # a part that asks for the whole page gets the one that is open
            asked.page_script_hash = self._page
        asked.context_info.color_scheme = "light"
        asked.widget_states.widgets.extend(states)
        for name, value in (widgets or {}).items():
            asked.widget_states.widgets.add(id=name, json_value=json.dumps(value))
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        found = _Arriving(start, query)
        while not found.take(await self._next()):
            pass
        return found.page()

    async def _next(self) -> ForwardMsg:
        data = await asyncio.wait_for(self._socket.recv(decode=False), TIMEOUT_SECONDS)
        message: ForwardMsg = ForwardMsg.FromString(data)
        if message.WhichOneof("type") == "new_session":
            self.session_id = message.new_session.initialize.session_id
        elif message.WhichOneof("type") == "navigation":
            self._page = message.navigation.page_script_hash
        return message

    async def upload_ids(self, names: Sequence[str]) -> list[str]:
        """Ask for the ids under which files of these ``names`` may be uploaded."""
        message = BackMsg()
        message.file_urls_request.request_id = "benchmark"
        message.file_urls_request.file_names.extend(names)
        message.file_urls_request.session_id = self.session_id
        await self._socket.send(message.SerializeToString())
        while (answer := await self._next()).WhichOneof("type") != "file_urls_response":
            pass
        return [str(one.file_id) for one in answer.file_urls_response.file_urls]


@dataclass
class _Arriving:
    """What has arrived of a page so far."""

    start: float
    query: str
    elements: list[tuple[Element, float, str]] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    whole: bool = True

    def take(self, message: ForwardMsg) -> bool:
        """Take the next message; whether it is the last."""
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "exception":
                raise RuntimeError(element.exception.message)
            self.elements.append((element, time.perf_counter() - self.start, message.delta.fragment_id))
        elif kind == "new_session":
            self.whole = not message.metadata.run.fragment_ids
            if self.whole:  # what a fragment had shown before it asked for the whole page is gone
                self.elements.clear()
                self.timers.clear()
        elif kind == "auto_rerun":
            self.timers[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise RuntimeError("The page does not compile")
            return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False

    def page(self) -> Page:
        elements, arrived, part_of = zip(*self.elements, strict=True) if self.elements else ((), (), ())
        seconds = time.perf_counter() - self.start
        return Page(seconds, elements, arrived, part_of, self.timers, self.query, self.whole)


@asynccontextmanager
async def connect(url: str, cookie: str = "") -> AsyncIterator[Session]:
    """A session with the server at ``url`` (http://host:port), with the ``cookie`` that it was given there."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(
        address,
        subprotocols=[websockets.Subprotocol("streamlit")],
        max_size=LARGEST_MESSAGE,
        origin=None,
        additional_headers={"Cookie": cookie} if cookie else None,
    ) as socket:
        yield Session(socket)
