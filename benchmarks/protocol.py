"""Streamlit's own websocket protocol: what a browser sends and receives, without a browser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LARGEST_MESSAGE = 64 * 2**20
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Page:
    """One run of a page: ``seconds`` from the request to the last message, and all the ``elements``, each with the
    seconds until it ``arrived``.
    """

    seconds: float
    elements: tuple[Element, ...]
    arrived: tuple[float, ...]

    @property
    def kinds(self) -> list[str]:
        """What the elements are, in order: ``heading``, ``button``, ..."""
        return [str(element.WhichOneof("type")) for element in self.elements]


class Session:
    """One person's connection."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket

    async def run(self, page: str = "", query: str = "", widgets: Mapping[str, Any] | None = None) -> Page:
        """Run ``page`` (its name in the link; "" is the landing page) and wait for all of it.

        ``widgets`` are states by widget id; values are sent as JSON, as components' states are.

        Raises:
            RuntimeError: the script ended in an exception.
        """
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        message.rerun_script.context_info.color_scheme = "light"
        for name, value in (widgets or {}).items():
            message.rerun_script.widget_states.widgets.add(id=name, json_value=json.dumps(value))
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        found = [(element, time.perf_counter() - start) async for element in self._elements()]
        elements, arrived = zip(*found, strict=True) if found else ((), ())
        return Page(time.perf_counter() - start, elements, arrived)

    async def _elements(self) -> AsyncIterator[Element]:
        while True:
            data = await asyncio.wait_for(self._socket.recv(decode=False), TIMEOUT_SECONDS)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    raise RuntimeError(element.exception.message)
                yield element
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise RuntimeError("The page does not compile")
                return


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Session]:
    """A session with the server at ``url`` (http://host:port)."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(
        address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=LARGEST_MESSAGE, origin=None
    ) as socket:
        yield Session(socket)
