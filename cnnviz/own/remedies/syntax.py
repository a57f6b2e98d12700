"""Proposals for a text that is no Python yet."""

from __future__ import annotations

from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.own.remedies.text import Proposal, Text
from cnnviz.own.rewriting import Edit


def of_syntax(text: Text) -> Iterator[Proposal]:
    """A colon or a closing parenthesis at the end of the line at fault."""
    problem = text.reading.problem
    if problem is None or problem.line is None or text.source.body:
        return
    lines = text.source.data.count(b"\n") + 1
    if problem.line > lines:
        return
    start = text.source.line_start(problem.line)
    rest = text.source.data[start:].split(b"\n", 1)[0]
    end = start + len(rest.split(b"#", 1)[0].rstrip())
    for sign, sentence in (
        (":", Message("Put a colon at the end of the line.")),
        (")", Message("Close the parenthesis at the end of the line.")),
    ):
        yield Proposal((Edit(end, end, sign),), sentence)
