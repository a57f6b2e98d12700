"""What would mend a network's text: each change of it was tried by reading the changed text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnnviz.language import Message
from cnnviz.own.definition import Definition
from cnnviz.own.mending import mended
from cnnviz.own.reading import Reading, read
from cnnviz.own.rewriting import line_change


@dataclass(frozen=True)
class Change:
    """A change of a text, as plain data: from ``line`` (from 1) on, the ``old`` lines become the ``new`` ones.

    Where lines are put in, ``old`` is empty, where they are taken out, ``new``. ``sentence`` says what is done and
    ``definition`` is the network with the changed text.
    """

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    sentence: Message
    definition: Definition


def changes(definition: Definition, reading: Reading | None = None) -> tuple[Change, ...]:
    """The changes of the text that mend it, the best first; empty where none is certain.

    A pure function of its arguments, which executes nothing of the text: it may run as a job of the sandbox. ``reading``
    is that of ``definition``, if it is known.
    """
    found = read(definition) if reading is None else reading
    return tuple(_fixes(definition, found))


def _fixes(definition: Definition, reading: Reading) -> Iterator[Change]:
    failure = reading.trace.failure if reading.trace else None
    for mend, fix in failure.ways_out if failure else ():
        changed = mended(definition, fix, reading) if fix is not None else None
        if changed is not None:
            yield change_to(definition, changed, mend.text)


def change_to(before: Definition, after: Definition, sentence: Message) -> Change:
    """The change from one definition to another."""
    lines = line_change(before.text, after.text)
    return Change(lines.line, lines.old, lines.new, sentence, after)
