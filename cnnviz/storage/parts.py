"""Files that change, in an object store, whose objects cannot: each is kept as parts that follow each other.

A part is called ``FILE/GENERATION-OFFSET``. Whoever begins such a file anew, as a run that is resumed does, begins a
higher generation with one part that holds all that there is; parts of lower ones, also those that a worker which has lost
its run still sends, no longer count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"(.+)/(\d{8,})-(\d{14})")


@dataclass(frozen=True, order=True)
class Part:
    """``size`` bytes of ``file`` from the byte ``offset`` on."""

    file: str
    generation: int
    offset: int
    size: int

    @property
    def name(self) -> str:
        """What its object is called, below the run's."""
        return name_of(self.file, self.generation, self.offset)

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.size


def name_of(file: str, generation: int, offset: int) -> str:
    """What a part's object is called."""
    return f"{file}/{generation:08d}-{offset:014d}"


def part_of(name: str, size: int) -> Part | None:
    """The part that an object of this name and size is; None where it is a file of its own."""
    match = _NAME.fullmatch(name)
    return None if match is None else Part(match[1], int(match[2]), int(match[3]), size)


def in_force(parts: Iterable[Part]) -> Sequence[Part]:
    """Of the parts of one file those that count, in order: of the highest generation that has its beginning, up to the
    first that is missing.
    """
    known = sorted(parts)
    begun = {part.generation for part in known if part.offset == 0}
    if not begun:
        return ()
    chain: list[Part] = []
    for part in known:
        if part.generation == max(begun) and part.offset == (chain[-1].end if chain else 0):
            chain.append(part)
    return tuple(chain)
