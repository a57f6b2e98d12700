"""What would mend a network's text: each change of it was tried by reading the changed text."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from cnnviz.language import Message
from cnnviz.operations.op import Fix
from cnnviz.own.definition import MOST_BYTES, Definition
from cnnviz.own.layer_edits import mended, rewritten
from cnnviz.own.reading import Reading, read
from cnnviz.own.remedies.layers import of_calls
from cnnviz.own.remedies.names import of_names
from cnnviz.own.remedies.shapes import of_shapes
from cnnviz.own.remedies.structure import of_structure
from cnnviz.own.remedies.syntax import of_syntax
from cnnviz.own.remedies.text import Proposal, Text
from cnnviz.own.remedies.warnings import of_warnings
from cnnviz.own.rewriting import Source, line_change

_MOST_TRIED = 16


@dataclass(frozen=True)
class Change:
    """A change of a text, as plain data: from ``line`` (from 1) on, the ``old`` lines become the ``new`` ones.

    Where lines are put in, ``old`` is empty, where they are taken out, ``new``. ``sentence`` says what is done and
    ``definition`` is the network with the changed text. ``cures`` is the code of the warning that it ends; None where
    it mends a failure or a problem.
    """

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    sentence: Message
    definition: Definition
    cures: str | None = None


def changes(definition: Definition, reading: Reading | None = None) -> tuple[Change, ...]:
    """The changes of the text that mend it, the best first; empty where none is certain.

    Those come first that mend the problem or failure, the others end a warning each. A pure function of its arguments,
    which executes nothing of the text: it may run as a job of the sandbox. ``reading`` is that of ``definition``, if it
    is known.
    """
    found = read(definition) if reading is None else reading
    mending = list(_mending(definition, found))
    texts = {change.definition.text for change in mending}
    ending = [change for change in _ending_warnings(definition, found) if change.definition.text not in texts]
    return (*mending, *ending)


def trial_written(definition: Definition, edits: Mapping[str, object]) -> tuple[Change, ...]:
    """The change of the text that makes ``edits`` of its layers; empty where no place of the text makes them alone."""
    written = rewritten(definition, edits)
    if written is None or written == definition:
        return ()
    new = line_change(definition.text, written.text).new
    return (change_to(definition, written, _written(new)),)


def _mending(definition: Definition, reading: Reading) -> Iterator[Change]:
    failure = reading.trace.failure if reading.trace else None
    if failure is None and reading.problem is None:
        return
    for mend, fix in failure.ways_out if failure else ():
        changed = mended(definition, fix, reading) if fix is not None else None
        if changed is not None and fix is not None:
            change = change_to(definition, changed, mend.text)
            yield change if _tells(change, fix) else replace(change, sentence=_written(change.new))
            return
    text = _text(definition, reading)
    found = (p for part in (of_syntax, of_structure, of_names, of_calls, of_shapes) for p in part(text))
    for proposal in islice(found, _MOST_TRIED):
        changed = _tried(definition, reading, text.source, proposal)
        if changed is not None:
            yield change_to(definition, changed, proposal.sentence)
            return


def _tells(change: Change, fix: Fix) -> bool:
    """Whether the sentence about ``fix``, which names a layer, tells what changes in the text: the line of that layer."""
    layer = fix.text.partition("(")[0].rpartition(".")[2]
    return any(layer in line for line in change.new)


def _written(lines: Sequence[str]) -> Message:
    return Message("Write {code}.", code=" ".join(line.strip() for line in lines))


def _ending_warnings(definition: Definition, reading: Reading) -> Iterator[Change]:
    done: set[tuple[str | None, str]] = set()
    text = _text(definition, reading)
    for proposal in islice(of_warnings(text), _MOST_TRIED):
        key = (proposal.cures, proposal.sentence.template)
        changed = None if key in done else _tried(definition, reading, text.source, proposal)
        if changed is not None:
            done.add(key)
            yield change_to(definition, changed, proposal.sentence, proposal.cures)


def _text(definition: Definition, reading: Reading) -> Text:
    try:
        body = ast.parse(definition.text).body if len(definition.text.encode()) <= MOST_BYTES else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    return Text(Source(definition.text, body), reading)


def _tried(definition: Definition, reading: Reading, source: Source, proposal: Proposal) -> Definition | None:
    """The definition with ``proposal`` made, if that helps; with the fix that it needs beside it, if one does."""
    changed = replace(definition, text=source.after(proposal.edits))
    found = read(changed)
    if _helps(reading, found, proposal.cures):
        return changed
    fix = found.trace.failure.fix if found.trace and found.trace.failure else None
    further = mended(changed, fix, found) if fix is not None else None
    return further if further is not None and _helps(reading, read(further), proposal.cures) else None


def _helps(before: Reading, after: Reading, cures: str | None) -> bool:
    """Whether a network comes further, or has one warning less, no other one instead, and all of its parameters."""
    if cures is None:
        return _comes_further(before, after)
    if before.trace is None or after.trace is None or (after.trace.failure and not before.trace.failure):
        return False
    codes, left = (Counter(w.code for w in reading.warnings) for reading in (before, after))
    new = {code for code in left if left[code] > codes[code]} - _MAY_FOLLOW
    return left[cures] < codes[cures] and not new and after.trace.total_params >= before.trace.total_params


_MAY_FOLLOW = frozenset(("no-activation", "relu-at-the-end"))
"""Warnings about what came to be looked at only then."""


def _comes_further(before: Reading, after: Reading) -> bool:
    failure = before.trace.failure if before.trace else None
    if after.trace is None or after.trace.failure is None or failure is None:
        return _stage(after) > _stage(before)
    goals = {op.name for op in after.trace.ops}
    layers = {op.name for op in after.trace.ops if op.module is not None}
    return failure.name in layers or (failure.name not in goals and _stage(after) > _stage(before))


def _stage(reading: Reading) -> tuple[int, ...]:
    """How far a network comes: to a line of its text, to so many ops, or to its end."""
    if reading.trace is None:
        kind = 1 if reading.problem is not None and reading.problem.kind == "constructor" else 0
        return (0, kind, (reading.problem.line or 0) if reading.problem is not None else 0)
    if reading.trace.failure is not None:
        return (1, len(reading.trace.ops), reading.trace.failure.line or 0)
    return (2, 0, 0)


def change_to(before: Definition, after: Definition, sentence: Message, cures: str | None = None) -> Change:
    """The change from one definition to another."""
    lines = line_change(before.text, after.text)
    return Change(lines.line, lines.old, lines.new, sentence, after, cures)
