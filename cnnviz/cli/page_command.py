"""``cnnviz page``: a trained network as one HTML file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from cnnviz.files import write_whole
from cnnviz.language import translate as _


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``page`` to the commands."""
    page = add("page", _page, _("write a trained network as one HTML file, which needs no server"))
    page.add_argument("name", metavar="KEY|CHECKPOINT")
    page.add_argument("--output", type=Path, required=True, metavar="FILE.html")


def _page(options: argparse.Namespace) -> int:
    from cnnviz.browser.saving import page_of
    from cnnviz.training.checkpoints.checkpoints import find

    text = page_of(find(options.name))
    write_whole(options.output, text.encode())
    size = len(text.encode()) / 1000
    print(_("{path}: {size:,.0f} kB, opens in any browser.", path=options.output, size=size), file=sys.stderr)
    return 0
