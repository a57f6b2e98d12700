"""The command line: the same core without a browser.

Results go to standard output, progress and errors to standard error. Exit status: 0 done, 1 a failure,
2 wrong usage. What is slow to import is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnviz import __version__, architectures
from cnnviz.cli import (
    app_command,
    figure_command,
    notebook_command,
    own_command,
    page_command,
    password_command,
    training_commands,
)
from cnnviz.cli.terminal import never_fail_for_an_encoding, print_json
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import LANGUAGES, Message, set_language
from cnnviz.language import translate as _

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (argparse itself exits with 2 on wrong usage)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _set_language_from(words)
    never_fail_for_an_encoding()
    try:
        options = _parser().parse_args(words)
        command: Callable[[argparse.Namespace], int] = options.command
        status = command(options)
        sys.stdout.flush()
        return status
    except CnnvizError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print(_("Stopped."), file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE

    except Exception as error:  # a fault of cnnviz: one line for the person, the rest for whoever asks
        if os.environ.get("CNNVIZ_TRACEBACK"):
            raise
        kind, said = type(error).__name__, " ".join(str(error).split())
        print(
            _(
                "Unexpected error: {kind}: {words} (set CNNVIZ_TRACEBACK=1 to see where)",
                kind=kind,
                words=said,
            ),
            file=sys.stderr,
        )
        return FAILED


def _set_language_from(words: list[str]) -> None:
    # Before the parser is built, so that its help is in that language too.
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--lang", default=None)
    set_language(early.parse_known_args(words)[0].lang)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--lang", choices=list(LANGUAGES), default=argparse.SUPPRESS, help=_("language of the output")
    )
    parser = argparse.ArgumentParser(
        prog="cnnviz" if Path(sys.argv[0]).stem == "cnnviz" else "python -m cnnviz",
        description=_("Look inside convolutional networks."),
        parents=[shared],
    )
    parser.add_argument(
        "--version", action="version", version=f"cnnviz {__version__}", help=_("print the version")
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[shared])
        command.set_defaults(command=function)
        return command

    as_json = add("list", _list, _("list the architectures"))
    as_json.add_argument("--json", action="store_true", help=_("print JSON"))
    _add_shape_commands(add)
    training_commands.add_commands(add)
    own_command.add_command(add, _shape)
    app_command.add_command(add, _shape, _edit)
    page_command.add_command(add)
    notebook_command.add_command(add)
    password_command.add_command(add)
    return parser


def _add_shape_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    summary = add("summary", _summary, _("shapes, parameters and multiply-adds, layer by layer"))
    summary.add_argument("--format", choices=("torchsummary", "table", "json"), default="table")
    why = add("why", _why, _("explain each number in a layer's output shape"))
    why.add_argument("--layer", help=_("name of a layer (default: the first Linear)"))
    why.add_argument("--json", action="store_true", help=_("print JSON"))
    for command in (summary, why, figure_command.add_command(add, _traced)):
        command.add_argument(
            "model", metavar="MODEL", help=_("a key from `list`, torchvision:NAME, or FILE.py:CLASS")
        )
        command.add_argument(
            "--input",
            type=_shape,
            action="append",
            metavar="C,H,W",
            help=_("channels, height, width; once for each input of a network that takes several"),
        )
        command.add_argument(
            "--set",
            type=_edit,
            action="append",
            default=[],
            dest="edits",
            metavar="PATH=VALUE",
            help=_("an architecture option or a layer's argument, such as conv1.kernel_size=3"),
        )


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            _("{text!r} must have the form C,H,W, such as 1,28,28", text=text)
        ) from None


def _edit(text: str) -> tuple[str, Any]:
    path, sign, value = text.partition("=")
    try:
        if not (path and sign):
            raise ValueError
        return path, json.loads(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            _(
                "{text!r} must have the form PATH=VALUE, where VALUE is a JSON literal: conv1.kernel_size=3, "
                "conv1.padding='\"same\"'",
                text=text,
            )
        ) from None


def _list(options: argparse.Namespace) -> int:
    import torch

    document: list[dict[str, Any]] = []
    for architecture in architectures.registered():
        with torch.device("meta"):
            total = sum(p.numel() for p in architecture.build().parameters())
        document.append(
            {
                "key": architecture.key,
                "title": architecture.title,
                "group": architecture.group,
                "input_shape": list(architecture.input_shape),
                "dataset": architecture.dataset,
                "total_params": total,
            }
        )
    if options.json:
        print_json(document)
    else:
        keys, titles = (max(len(entry[name]) for entry in document) + 2 for name in ("key", "title"))
        for entry in document:
            sizes = ",".join(str(size) for size in entry["input_shape"])
            print(f"{entry['key']:<{keys}}{entry['title']:<{titles}}{sizes:>10}{entry['total_params']:>14,}")
    return DONE


def _traced(options: argparse.Namespace) -> Any:
    from cnnviz.models import traced

    with contextlib.redirect_stdout(sys.stderr):  # what a person's own code prints is no result
        first, *others = options.input or (None,)
        return traced(options.model, dict(options.edits), first, own_files=True, further_inputs=others)


def _summary(options: argparse.Namespace) -> int:
    from cnnviz.shapes.text import summary_document, table_text, torchsummary_text

    traced = _traced(options)
    if options.format == "json":
        print_json(summary_document(options.model, traced))
    else:
        # The diagnosis goes to standard error, and one reads it there once.
        text = torchsummary_text if options.format == "torchsummary" else table_text
        print(text(traced, diagnosis=False))
    return _status(traced)


def _why(options: argparse.Namespace) -> int:
    from cnnviz.shapes.derivation import derive, derive_failure, linear_indices, side_by_side
    from cnnviz.shapes.text import derivation_document, derivation_text

    traced = _traced(options)
    broken = traced.failure is not None and options.layer in (None, traced.failure.name)
    _check_reached(traced, options)
    if broken:
        derivation = derive_failure(traced)
    elif options.layer:
        derivation = derive(traced, traced.op(options.layer).index)
    else:
        last = traced.output or traced.ops[-1]
        derivation = derive(traced, next(iter(linear_indices(traced)), last.index))
    beside = side_by_side(traced, derivation)
    if options.json:
        print_json(derivation_document(derivation, beside))
    else:
        print(derivation_text(derivation, beside))
    return _status(traced) if broken else DONE


def _check_reached(traced: Any, options: argparse.Namespace) -> None:
    """Say so where there is nothing to explain: nothing was executed, or the pass ended before the layer."""
    if traced.failure is None and not traced.ops:
        raise CnnvizError(
            Message("{model} executes no operation, so there is nothing to explain.", model=options.model)
        )
    executed = {op.name for op in traced.ops}
    if traced.failure and options.layer and options.layer not in {*executed, traced.failure.name}:
        raise CnnvizError(
            Message(
                "{layer} is not reached: the forward pass fails at {name}: {message}",
                layer=options.layer,
                name=traced.failure.name,
                message=traced.failure.message,
            )
        )


def _status(traced: Any) -> int:
    if traced.failure is None:
        return DONE
    sys.stdout.flush()
    print(" ".join(traced.failure.message.split()), file=sys.stderr)
    return FAILED
