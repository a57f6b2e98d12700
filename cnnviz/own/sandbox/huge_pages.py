"""A process of many small pages is slow to fork: where Linux can, they are gathered into huge ones."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_COLLAPSE = 25
"""``MADV_COLLAPSE``, since Linux 6.1; an older one refuses it."""
_HUGE = 1 << 21
_PRIVATE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0\s*(\[heap\])?$")


def gather_memory() -> None:
    """Gather the memory of this process into pages of 2 MiB, in which a fork takes a third of the time."""
    if sys.platform != "linux":
        return
    try:
        system = ctypes.CDLL(None)
        for start, end in regions(Path("/proc/self/maps").read_text(encoding="ascii", errors="replace")):
            system.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _COLLAPSE)
    except (OSError, AttributeError):  # a system without these is merely slower
        return


def regions(maps: str) -> Iterator[tuple[int, int]]:
    """Where the whole huge pages of the heap and of other private memory begin and end."""
    for line in maps.splitlines():
        found = _PRIVATE.match(line)
        if found is not None:
            start, end = (int(address, 16) for address in found.groups()[:2])
            start, end = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if start < end:
                yield start, end
