"""The server and the sandbox are killed, connections are cut: what comes after is answered.

``CNNVIZ_LONG_FAULTS=1`` kills the server 100 times, while a training goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest
import websockets

from benchmarks.protocol import connect
from benchmarks.serving import Server, serve
from cnnviz.own import sandbox
from cnnviz.own.definition import Definition
from cnnviz.settings import PROJECT_DIRECTORY

LONG = bool(os.environ.get("CNNVIZ_LONG_FAULTS"))
ROUNDS = 100 if LONG else 1
PAGES = ("", "architecture", "train", "filters", "draw", "data") if LONG else ("",)
TEXT = (PROJECT_DIRECTORY / "tests" / "own" / "students").glob("*.py")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


async def cut(server: Server, chance: random.Random) -> None:
    """Ask for a page, and be gone before it is there."""
    async with connect(server.url) as session:
        with contextlib.suppress(TimeoutError, websockets.ConnectionClosed):
            await asyncio.wait_for(session.run(chance.choice(PAGES)), chance.uniform(0.01, 0.3))


async def visited(server: Server) -> int:
    """Open the landing page; how many elements it has."""
    async with connect(server.url) as session:
        return len((await session.run("")).elements)


def test_the_server_is_killed_and_connections_are_cut(tmp_path: Path) -> None:
    chance, variables = random.Random(18), {"CNNVIZ_SPARE_WORKERS": "0"}
    for _ in range(ROUNDS):
        with serve(tmp_path, variables) as server:

            async def disturb(server: Server = server) -> int:
                await asyncio.gather(*(cut(server, chance) for _ in range(8)))
                return await visited(server)

            assert asyncio.run(disturb()) > 10
            os.kill(server.pid, signal.SIGKILL)
        log = server.log.read_text(encoding="utf-8")
        assert "Traceback" not in log, log[-3000:]
    with serve(tmp_path, variables) as server:
        assert asyncio.run(visited(server)) > 10


@pytest.mark.skipif(not LONG, reason="tests/own/test_sandbox.py kills it once")
def test_the_sandbox_is_killed() -> None:
    definition = Definition(next(iter(sorted(TEXT))).read_text(encoding="utf-8"))
    assert sandbox.read(definition).trace is not None
    chance = random.Random(18)
    for number in range(ROUNDS):
        for pid in children():
            if chance.random() < 0.7:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        changed = Definition(f"{definition.text}\n# {number}\n")
        assert sandbox.read(changed).trace is not None


def children() -> list[int]:
    """The processes of the sandbox that this process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            words = (path / "cmdline").read_bytes()
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"cnnviz.own.sandbox.template" in words:
                found.append(int(path.name))
    return found
