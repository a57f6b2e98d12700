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
from cnnviz.own.definition import MOST_BYTES, Definition

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading
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
    from cnnviz.own.reading import read

    as_json = options.format == "json"
    definition = Definition(_text(options.file), options.class_name, input_shape=options.input)
    reading = read(definition)
    if options.keep:
        _keep(definition, reading)
    problem = reading.problem
    if problem is not None and problem.kind == "choice":
        raise UsageError(problem.message)
    if problem is not None:
        if as_json and problem.kind == "constructor":
            print_json(_not_built(str(options.file), options.input, reading))
        elif as_json:
            print_json({"refused": {"line": problem.line, "text": str(problem.message)}})
        return _told(problem.line, str(problem.message))
    assert reading.trace is not None
    if as_json:
        print_json(_document(str(options.file), reading.trace, reading))
    else:
        _print_table(reading.trace, reading)
    failure = reading.trace.failure
    return _DONE if failure is None else _told(failure.line, failure.message)


def _keep(definition: Definition, reading: Reading) -> None:
    """Keep the network as the app does, and say its key on standard error."""
    from cnnviz.own import kept

    print(_("kept as {key}", key=kept.keep(definition, reading).key), file=sys.stderr)


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_BYTES + 1)  # of a file without an end enough to be refused
    except FileNotFoundError:
        raise UsageError(Message("The file {path} does not exist.", path=path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(Message("{path} cannot be read: {error}", path=path, error=error)) from error


def _told(line: int | None, words: str) -> int:
    sys.stdout.flush()
    place = "" if line is None else _("Line {line}:", line=line) + " "
    print(place + " ".join(words.split()), file=sys.stderr)
    return _FAILED


def _print_table(found: Trace, reading: Reading) -> None:
    from cnnviz.shapes.text import table_text
    from cnnviz.shapes.warnings import warnings

    print(table_text(found, diagnosis=False))
    told = {(warning.code, warning.name) for warning in warnings(found)}
    for warning in reading.warnings:
        if (warning.code, warning.name) not in told:
            print(_("Line {line}:", line=warning.line), warning.text, warning.reason)
    for remark in reading.remarks:
        print(_("Line {line}:", line=remark.line), remark.text)


def _document(name: str, found: Trace, reading: Reading) -> dict[str, Any]:
    from cnnviz.shapes.text import summary_document, warning_document

    document = summary_document(name, found)
    if found.failure is not None:
        document["failure"]["line"] = found.failure.line
    for op, line in zip(document["ops"], found.lines, strict=True):
        op["line"] = line
    document["warnings"] = [{**warning_document(w), "line": w.line} for w in reading.warnings]
    document["warnings"] += _remarks(reading)
    return document


def _remarks(reading: Reading) -> list[dict[str, Any]]:
    return [{"line": remark.line, "text": str(remark.text)} for remark in reading.remarks]


def _not_built(name: str, input_shape: tuple[int, ...] | None, reading: Reading) -> dict[str, Any]:
    assert reading.problem is not None
    failure: dict[str, Any] = {
        "name": "__init__",
        "type": reading.chosen,
        "message": str(reading.problem.message),
        "expected": None,
        "received": None,
        "fix": None,
        "mends": [],
        "line": reading.problem.line,
    }
    empty: dict[str, Any] = {key: [] for key in ("ops", "modules", "unexecuted", "outputs")}
    return {
        "model": name,
        "input_shape": list(input_shape or ()),
        "total_params": 0,
        "macs": 0,
        **empty,
        "warnings": _remarks(reading),
        "failure": failure,
    }
