"""Proposals for a text that is no Python yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.own.program import COMMANDS, PROMPTS
from cnnviz.own.remedies.text import Proposal, Text
from cnnviz.own.rewriting import Edit

_PROMPT = re.compile(r"(?:>>>|\.\.\.) ?")
_STEP = "    "
_MOST_LEVELS = 3


def of_syntax(text: Text) -> Iterator[Proposal]:
    """What is no part of the code goes; a line is indented otherwise, or gets a colon or a closing parenthesis."""
    problem = text.reading.problem
    if problem is None or problem.line is None or text.source.body:
        return
    lines = text.source.data.count(b"\n") + 1
    if problem.line > lines:
        return
    yield from _not_code(text, problem.line)
    start = text.source.line_start(problem.line)
    rest = text.source.data[start:].split(b"\n", 1)[0]
    end = start + len(rest.split(b"#", 1)[0].rstrip())
    for sign, sentence in (
        (":", Message("Put a colon at the end of the line.")),
        (")", Message("Close the parenthesis at the end of the line.")),
    ):
        yield Proposal((Edit(end, end, sign),), sentence)
    yield from _indented(text, problem.line)


def _not_code(text: Text, line: int) -> Iterator[Proposal]:
    """Commands of a notebook become comments, prompts of the console go; all of them at once."""
    written = text.source.data.decode().splitlines()
    first = written[line - 1].lstrip() if line <= len(written) else ""
    if first.startswith(COMMANDS):
        found = [n for n, each in enumerate(written, 1) if each.lstrip().startswith(COMMANDS)]
        starts = [text.source.line_start(n) + len(text.source.indent(n).encode()) for n in found]
        edits = tuple(Edit(start, start, "# ") for start in starts)
        yield Proposal(edits, Message("Make comments of the commands for the notebook."))
    elif first.startswith(PROMPTS):
        edits = tuple(
            Edit(text.source.line_start(n), text.source.line_start(n) + prompt.end(), "")
            for n, each in enumerate(written, 1)
            if (prompt := _PROMPT.match(each)) is not None
        )
        yield Proposal(edits, Message("Take the prompts out."))


def _indented(text: Text, line: int) -> Iterator[Proposal]:
    """The line as far in as one before it, the closest one first, or one step further than the last one."""
    start, blanks = text.source.line_start(line), text.source.indent(line)
    before = [
        n for n in range(1, line) if text.source.data[text.source.line_start(n) :].split(b"\n", 1)[0].strip()
    ]
    levels = dict.fromkeys(text.source.indent(n) for n in reversed(before))
    if before:
        levels[text.source.indent(before[-1]) + _STEP] = None
    levels.pop(blanks, None)
    for level in sorted(levels, key=lambda level: abs(len(level) - len(blanks)))[:_MOST_LEVELS]:
        edit = Edit(start, start + len(blanks.encode()), level)
        yield Proposal((edit,), Message("Indent the line as far as the others of its block."))
