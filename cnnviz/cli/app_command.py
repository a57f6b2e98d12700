"""``cnnviz app``: the Streamlit app, from a checkout or from the installed package."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable

from cnnviz.language import translate as _
from cnnviz.settings import APP_DIRECTORY

_LARGEST_PORT = 65535


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``app`` to the commands."""
    app = add("app", _app, _("start the app and open it in the browser"))
    app.add_argument("--port", type=_port, help=_("port of the server (default: 8501, or the next free one)"))
    app.add_argument(
        "--no-browser", action="store_true", help=_("print the address without opening the browser")
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_PORT:
        raise argparse.ArgumentTypeError(
            _("{text!r} must be a whole number from 1 to {largest}", text=text, largest=_LARGEST_PORT)
        )
    return int(text)


def _app(options: argparse.Namespace) -> int:
    words = ["streamlit", "run", str(APP_DIRECTORY / "app.py")]
    if options.port is not None:
        words += ["--server.port", str(options.port)]
    if options.no_browser:
        words += ["--server.headless", "true"]
    sys.argv = words
    # In this process: who ends it ends the server, and nobody but ui imports streamlit.
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0
