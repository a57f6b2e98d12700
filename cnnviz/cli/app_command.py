"""``cnnviz app``: the Streamlit app, from a checkout or from the installed package; with a network of one's own file."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.settings import APP_DIRECTORY, settings
from cnnviz.storage.opening import storage

_LARGEST_PORT = 65535
_EVERYWHERE = "0.0.0.0"  # all of this machine's addresses


def add_command(
    add: Callable[..., argparse.ArgumentParser],
    shape: Callable[[str], tuple[int, ...]],
    edit: Callable[[str], tuple[str, Any]],
) -> None:
    """Add ``app`` to the commands; ``shape`` reads C,H,W, ``edit`` PATH=VALUE."""
    app = add("app", _app, _("start the app and open it in the browser"))
    app.add_argument(
        "network",
        nargs="?",
        metavar="FILE.py:CLASS",
        help=_("a network of your own; the file is run, and run again when it changes"),
    )
    app.add_argument(
        "--weights", type=Path, metavar="FILE", help=_("its weights: a state_dict as .pth, or .safetensors")
    )
    app.add_argument(
        "--input", type=shape, metavar="C,H,W", help=_("channels, height, width (default: a usual size)")
    )
    app.add_argument(
        "--set",
        type=edit,
        action="append",
        default=[],
        dest="edits",
        metavar="PATH=VALUE",
        help=_("an argument of its constructor, or of a layer, such as conv1.kernel_size=3"),
    )
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
    if options.network is not None:
        _hold(options)
    elif options.weights is not None or options.input is not None or options.edits:
        raise UsageError(Message("Specify which network is meant: FILE.py:CLASS."))
    storage()  # an address that cannot be used is told here, and not on every page
    words = ["streamlit", "run", str(APP_DIRECTORY / "app.py")]
    if options.network is not None:
        words += ["--server.address", "localhost"]  # the network is this person's alone
    elif settings().public:
        words += ["--server.address", _EVERYWHERE]
    if options.port is not None:
        words += ["--server.port", str(options.port)]
    if options.no_browser:
        words += ["--server.headless", "true"]
    sys.argv = words
    # In this process: who ends it ends the server, and nobody but ui imports streamlit.
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def _hold(options: argparse.Namespace) -> None:
    """Let another process run the file, and tell the app, which begins in this one, where it is."""
    from cnnviz.hosted.starting import hold_file
    from cnnviz.models import own_file

    path, class_name = own_file(options.network)
    hold_file(path, class_name, options.weights, options.input, dict(options.edits))
