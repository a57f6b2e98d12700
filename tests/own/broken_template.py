"""A template whose networks are texts that misbehave: what a process of the sandbox might do in the worst case."""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Reading, read
from cnnviz.own.sandbox import template
from cnnviz.own.sandbox.jobs import JOBS, Job
from cnnviz.own.sandbox.messages import DONE, framed


def loop() -> None:
    while True:
        pass


def allocate() -> None:
    held = []
    while True:
        held.append(bytearray(1 << 24))


def say(data: bytes) -> None:
    os.write(3, data)
    os._exit(0)


def told(what: Any) -> None:
    """Send something back to the test: the sentence of an error."""
    raise CnnvizError(Message("{told}", told=json.dumps(what)))


def tried(*acts: Callable[[], object]) -> list[str]:
    """What each act ended with: the name of the error, or ``done``."""
    outcomes = []
    for act in acts:
        try:
            act()
            outcomes.append("done")
        except Exception as error:
            outcomes.append(type(error).__name__)
    return outcomes


def surroundings() -> None:
    told(
        {
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "files": os.listdir(),  # noqa: PTH208  names alone
            "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],  # noqa: PTH208
        }
    )


def writing() -> None:
    told(tried(lambda: Path("mine").write_text("x"), lambda: Path("/tmp/cnnviz-test").write_text("x")))


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
    "writing": writing,
    "template": lambda: told(os.getppid()),
}


def misbehave(definition: Definition, edits: Mapping[str, object] | None) -> Reading:
    ACTS.get(definition.text, lambda: None)()
    return read(definition, edits)


if __name__ == "__main__":
    template.main({**JOBS, "read": Job(misbehave, Reading)})
