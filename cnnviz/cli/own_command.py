"""``cnnviz own``: a network as text, read as the closed language; nothing of the file is executed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz.cli.terminal import print_json
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.own.definition import Definition

if TYPE_CHECKING:
    from cnnviz.own.program import Program
    from cnnviz.tracing.trace import Trace

_DONE, _FAILED = 0, 1


def add_command(add: Callable[..., argparse.ArgumentParser], shape: Callable[[str], tuple[int, ...]]) -> None:
    """Add ``own`` to the commands; ``shape`` reads C,H,W."""
    own = add("own", _own, _("read a network from its text, without running it"))
    own.add_argument("file", metavar="FILE.py", type=Path, help=_("a file that defines a class of nn.Module"))
    own.add_argument("--class", dest="class_name", metavar="NAME", help=_("the class (default: the network)"))
    own.add_argument(
        "--input", type=shape, metavar="C,H,W", help=_("channels, height, width (default: a usual size)")
    )
    own.add_argument("--format", choices=("table", "json"), default="table")
    own.add_argument(
        "--keep",
        action="store_true",
        help=_("keep the network, so that other commands and the app know it by its key"),
    )


def _own(options: argparse.Namespace) -> int:
    from cnnviz.own.program import load
    from cnnviz.own.reading import ConstructionError, chosen_class, network, traced
    from cnnviz.own.values import Refused

    as_json = options.format == "json"
    if options.keep:
        _keep(Definition(_text(options.file), options.class_name, input_shape=options.input))
    try:
        program = load(_text(options.file))
        own = chosen_class(program, options.class_name)
        try:
            found = traced(network(own), options.input)
        except ConstructionError as error:
            if as_json:
                print_json(_not_built(str(options.file), options.input, own.name, error, program))
            return _told(error.line, str(error))
    except Refused as error:
        if as_json:
            print_json({"refused": {"line": error.line, "text": str(error)}})
        return _told(error.line, str(error))
    if as_json:
        print_json(_document(str(options.file), found, program))
    else:
        _print_table(found, program)
    return _DONE if found.failure is None else _told(found.failure.line, found.failure.message)


def _keep(definition: Definition) -> None:
    """Keep the network as the app does, and say its key on standard error."""
    from cnnviz.own import kept
    from cnnviz.own.reading import read

    made = kept.keep(definition, read(definition))
    print(_("kept as {key}", key=made.key), file=sys.stderr)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(Message("The file {path} does not exist.", path=path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(Message("{path} cannot be read: {error}", path=path, error=error)) from error


def _told(line: int | None, words: str) -> int:
    sys.stdout.flush()
    place = "" if line is None else _("Line {line}:", line=line) + " "
    print(place + " ".join(words.split()), file=sys.stderr)
    return _FAILED


def _print_table(found: Trace, program: Program) -> None:
    from cnnviz.shapes.text import table_text

    print(table_text(found, diagnosis=False))
    for remark in program.remarks:
        print(_("Line {line}:", line=remark.line), remark.text)


def _document(name: str, found: Trace, program: Program) -> dict[str, Any]:
    from cnnviz.shapes.text import summary_document

    document = summary_document(name, found)
    if found.failure is not None:
        document["failure"]["line"] = found.failure.line
    for op, line in zip(document["ops"], found.lines, strict=True):
        op["line"] = line
    for warning in document["warnings"]:
        warning["line"] = None if warning["op"] is None else found.lines[warning["op"]]
    document["warnings"] += _remarks(program)
    return document


def _remarks(program: Program) -> list[dict[str, Any]]:
    return [{"line": remark.line, "text": str(remark.text)} for remark in program.remarks]


def _not_built(
    name: str, input_shape: tuple[int, ...] | None, class_name: str, error: Any, program: Program
) -> dict[str, Any]:
    failure = {
        "name": "__init__",
        "type": class_name,
        "message": str(error),
        "expected": None,
        "received": None,
        "fix": None,
        "mends": [],
        "line": error.line,
    }
    empty: dict[str, Any] = {key: [] for key in ("ops", "modules", "unexecuted", "outputs")}
    return {
        "model": name,
        "input_shape": list(input_shape or ()),
        "total_params": 0,
        "macs": 0,
        **empty,
        "warnings": _remarks(program),
        "failure": failure,
    }
