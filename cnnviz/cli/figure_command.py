"""``cnnviz figure``: a network as a figure for a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnviz.files import write_whole
from cnnviz.language import translate as _

SUFFIXES = (".svg", ".pdf", ".tex")
STYLES = ("blocks", "lenet")


def add_command(
    add: Callable[..., argparse.ArgumentParser], traced: Callable[[argparse.Namespace], Any]
) -> argparse.ArgumentParser:
    """Add ``figure`` to the commands and return it; ``traced`` makes the trace that its options name."""

    def write(options: argparse.Namespace) -> int:
        return _write(options, traced(options))

    command = add("figure", write, _("draw a network as a figure for a report: SVG, PDF or TikZ"))
    command.add_argument(
        "--style", choices=STYLES, default=STYLES[0], help=_("blocks to scale, or like LeNet's figure")
    )
    command.add_argument(
        "--depth",
        type=_depth,
        metavar="N",
        help=_("draw blocks of this level and below as one box each; 0 draws every layer"),
    )
    command.add_argument("--output", type=_file, required=True, metavar="FILE.svg|.pdf|.tex")
    return command


def _write(options: argparse.Namespace, trace: Any) -> int:
    from cnnviz.shapes.figure.figure import figure
    from cnnviz.shapes.figure.writers import WRITERS

    drawn = figure(trace, options.model, options.style, options.depth)
    data = WRITERS[options.output.suffix.lower()](drawn)
    write_whole(options.output, data)
    print(_("{path}: {size:,.0f} kB.", path=options.output, size=len(data) / 1000), file=sys.stderr)
    return 0


def _file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(
            _("{text!r} must end with one of {suffixes}", text=text, suffixes=", ".join(SUFFIXES))
        )
    return path


def _depth(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(_("{text!r} must be a whole number, 0 or more", text=text))
    return int(text)
