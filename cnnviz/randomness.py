"""PyTorch's global random generator, used without leaving a trace.

The generator belongs to the whole process: whoever seeds it and whoever puts it back must not meet in
two threads of a server, or one gets the other's numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.RLock()


@contextmanager
def untouched_generator(seed: int | None = None) -> Iterator[None]:
    """Put the CPU's generator back at the end of the block; with ``seed`` the block begins from there."""
    import torch

    with _one_at_a_time, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        yield
