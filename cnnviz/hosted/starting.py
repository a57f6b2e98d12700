"""Starting the app for a live model: from the command line, from a script or from a notebook."""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.hosted.client import ADDRESS, SECRET
from cnnviz.hosted.file import AGAIN
from cnnviz.hosted.host import Held, Host
from cnnviz.hosted.protocol import Facts
from cnnviz.language import Message
from cnnviz.settings import APP_DIRECTORY, PROJECT_DIRECTORY

if TYPE_CHECKING:
    from torch import nn

_SECRET_BYTES = 32
_ADDRESS_LINE = re.compile(r"URL: (http://\S+)")
_START_SECONDS = 60.0
_LIBRARIES = ("torch", "torchvision")
"""Their networks have no text of a person's own."""


def hold_file(
    path: Path,
    class_name: str,
    weights: Path | None = None,
    input_shape: Sequence[int] | None = None,
    edits: Mapping[str, object] | None = None,
) -> None:
    """Start the process that runs a person's file, and tell this one's app by two variables where it is.

    It ends with this one. Where the file ends it, another one takes its place. ``edits`` are arguments of the
    constructor, and of layers by path.

    Raises:
        UsageError: there is no such file.
        CnnvizError: the process does not start.
    """
    for file in (path, weights):
        if file is not None and not file.is_file():
            raise UsageError(Message("The file {path} does not exist.", path=file))
    words = [str(path), class_name, "--edits", json.dumps(dict(edits or {}))]
    if weights is not None:
        words += ["--weights", str(weights.absolute())]
    if input_shape is not None:
        words += ["--input", ",".join(map(str, input_shape))]
    begun = time.time_ns()
    process = _file_process(words)
    threading.Thread(target=_replace_ended, args=(path, words, process, begun), daemon=True).start()


def _replace_ended(path: Path, words: Sequence[str], process: subprocess.Popen[str], begun: int) -> None:
    """Wait for the end of a file's process, and start another one, for as long as that goes."""
    with suppress(CnnvizError):
        while True:
            with process:  # its pipes are closed
                status = process.wait()
            # What was saved meanwhile may be mended.
            mended = status == AGAIN or (path.is_file() and path.stat().st_mtime_ns > begun)
            begun = time.time_ns()
            process = _file_process([*words, *([] if mended else ["--ended", _as_word(status)])])


def _as_word(status: int) -> str:
    """How a process ended: the name of the signal, or its exit status."""
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit {status}"


def _file_process(words: Sequence[str]) -> subprocess.Popen[str]:
    secret = secrets.token_bytes(_SECRET_BYTES)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cnnviz.hosted.file", *words],
        env=_environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(secret.hex() + "\n")  # it stays open: its end is the other process's end
        process.stdin.flush()
        address = json.loads(process.stdout.readline())
    except (ValueError, OSError):
        raise CnnvizError(Message("The process that runs {path} did not start.", path=words[0])) from None
    os.environ.update({ADDRESS: address, SECRET: secret.hex()})
    return process


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    paths = filter(None, (str(PROJECT_DIRECTORY), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables}


@dataclass(eq=False)
class Exploration:
    """A running app that shows a model; ``address`` is where. It ends with :meth:`close`, or with the program."""

    address: str
    _process: subprocess.Popen[str]
    _host: Host

    def close(self) -> None:
        """End the app."""
        self._process.terminate()
        self._process.wait()
        self._host.close()

    def wait(self) -> None:
        """Go on when the app has ended; Ctrl+C ends it."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:  # a notebook shows a link
        return f'<a href="{self.address}" target="_blank">{self.address}</a>'


def explore(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    port: int | None = None,
    browser: bool = True,
    wait: bool | None = None,
) -> Exploration:
    """Open the app with a live ``model``: its table, filters, feature maps and answers, as it is at each moment.

    The model stays in this program and is not changed; while it is trained, each click in the app shows its weights
    as they are then.

    Args:
        model: any network; it may be broken.
        input_shape: without the batch, (C, H, W) for images.
        port: of the app's server; None: a free one.
        browser: whether the browser is opened.
        wait: whether to go on only when the app ends; None: in a script, but not in a notebook or at a prompt.

    Raises:
        UsageError: ``model`` is no network, or ``input_shape`` no shape.
        CnnvizError: the app does not start.
    """
    from cnnviz.tracing.inputs import checked_model, checked_shape

    held = Held(checked_model(model))
    shape = checked_shape(input_shape)
    title, source = type(model).__name__, _source_of(model)
    secret = secrets.token_bytes(_SECRET_BYTES)
    host = Host(lambda: Facts(title, f"explore({title})", held.stamp(), shape, source), lambda: held, secret)
    running = _serve(host, {ADDRESS: host.address, SECRET: secret.hex()}, port or 0, browser)
    print(running.address)
    if wait or (wait is None and not hasattr(sys, "ps1") and "ipykernel" not in sys.modules):
        running.wait()
    return running


def _source_of(model: nn.Module) -> str | None:
    """The text of the file, or of the notebook's cell, that defines the class of ``model``; None where there is none, or
    where that is a library's.
    """
    cls = type(model)
    if cls.__module__.partition(".")[0] in _LIBRARIES:
        return None
    try:
        file = inspect.getsourcefile(cls)
        return Path(str(file)).read_text("utf-8") if file and Path(file).is_file() else inspect.getsource(cls)
    except (OSError, TypeError, UnicodeDecodeError):
        return None


def _serve(host: Host, variables: Mapping[str, str], port: int, browser: bool) -> Exploration:
    """Start the app, which finds ``host`` by the ``variables``.

    Raises:
        CnnvizError: it does not start.
    """
    words = [sys.executable, "-P", "-m", "cnnviz.hosted.app", "run", str(APP_DIRECTORY / "app.py")]
    words += [
        "--server.port",
        str(port),
        "--server.address",
        "localhost",
        "--server.fileWatcherType",
        "none",
    ]
    words += ["--server.headless", "false" if browser else "true"]
    process = subprocess.Popen(
        words,
        env=_environment(variables),
        stdin=subprocess.PIPE,  # its end is the app's end
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        return Exploration(_address(process), process, host)
    except BaseException:
        process.kill()
        host.close()
        raise


def _address(process: subprocess.Popen[str]) -> str:
    """Where the app answers, as it says itself; what else it says is read and dropped for as long as it runs."""
    assert process.stdout is not None
    said = []
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            said.append(line)
            found = _ADDRESS_LINE.search(line)
            if found is not None:
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return found[1]
    finally:
        timer.cancel()
    raise CnnvizError(
        Message("The app did not start: {reason}", reason=(said or [""])[-1].strip() or process.poll())
    )
