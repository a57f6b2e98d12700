"""A template whose networks are texts that misbehave: what a process of the sandbox might do in the worst case."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Reading, read
from cnnviz.own.sandbox import fresh, template
from cnnviz.own.sandbox.jobs import JOBS, Job
from cnnviz.own.sandbox.messages import DONE, framed
from cnnviz.settings import PROJECT_DIRECTORY

READABLE = (json.__file__, template.__file__, "/etc/passwd", str(PROJECT_DIRECTORY / "app.py"))


def loop() -> None:
    while True:
        pass


def allocate() -> None:
    held = []
    while True:
        held.append(numpy.empty(1 << 26))


def say(data: bytes) -> None:
    os.write(3, data)
    os._exit(0)


def told(what: Any) -> None:
    """Send something back to the test: the sentence of an error."""
    raise CnnvizError(Message("{told}", told=json.dumps(what)))


def tried(act: Callable[[], object]) -> str:
    """What ``act`` ended with: the name of the error, or ``done``."""
    try:
        act()
    except Exception as error:
        return type(error).__name__
    return "done"


def surroundings() -> None:
    told(
        {
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "files": listed("."),
            "descriptors": [number for number in range(64) if tried(partial(os.fstat, number)) == "done"],
        }
    )


def listed(folder: str) -> list[str]:
    """What is in a folder; nothing where that cannot even be asked, as with Landlock."""
    try:
        return os.listdir(folder)  # noqa: PTH208  names alone
    except PermissionError:
        return []


def doors() -> None:
    """Ways out of the process; ``__file__`` can be read, and is not changed by any of them."""
    mine = Path(__file__)
    outcomes = {
        "write": lambda: Path("mine").write_text("x"),
        "append": lambda: mine.open("a"),
        "empty": lambda: os.truncate(mine, 0),
        "delete": lambda: Path("/tmp/cnnviz-no-such-file").unlink(),
        "rename": lambda: mine.rename(mine.with_suffix(".txt")),
        "folder": lambda: Path("inner").mkdir(),
        "link": lambda: Path("link").symlink_to(mine),
        "rights": lambda: mine.chmod(0o777),
        "socket": socket.socket,
        "pair": socket.socketpair,
        "fork": os.fork,
        "program": lambda: os.execv("/bin/true", ["true"]),
        "thread": lambda: threading.Thread(target=int).start(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "limits of others": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
    }
    told({name: tried(act) for name, act in outcomes.items()})


def reading() -> None:
    told({path: tried(Path(path).read_bytes) for path in READABLE})


ACTS: Mapping[str, Callable[[], object]] = {
    "loop": loop,
    "sleep": lambda: time.sleep(60),
    "allocate": allocate,
    "segmentation fault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "garbage": lambda: say(b"\x00" * 100),
    "too long": lambda: say(framed(DONE, b"")[:1] + b"\xff\xff\xff\xff"),
    "half": lambda: say(framed(DONE, b"[]" * 100)[:50]),
    "no JSON": lambda: say(framed(DONE, b"import os")),
    "wrong class": lambda: say(framed(DONE, json.dumps(["Reading", 1]).encode())),
    "fault": lambda: 1 / 0,
    "surroundings": surroundings,
    "doors": doors,
    "reading": reading,
    "template": lambda: told(os.getppid()),
}


def misbehave(definition: Definition, edits: Mapping[str, object] | None) -> Reading:
    ACTS.get(definition.text, lambda: None)()
    return read(definition, edits)


if __name__ == "__main__":
    main = fresh.main if sys.argv[1] == fresh.FRESH else template.main
    main({**JOBS, "read": Job(misbehave, Reading)})
