"""How long processes of this machine take to tell each other their gradients: measured, as it differs by a factor of ten."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from cnnviz.training.parallel.group import stay_on_this_machine

_CALLS, _LARGE_CALLS = 200, 4
_FEW, _MANY = 64, 4_000_000  # numbers
_FLOAT_BYTES = 4
_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True)
class Exchange:
    """What a sum over two processes of this machine takes: the seconds of one of few numbers, and bytes a second of one of
    many.
    """

    call_seconds: float
    bytes_a_second: float

    def seconds(self, calls: int, size: float, processes: int) -> float:
        """About how long ``calls`` sums over so many ``processes`` take, of ``size`` bytes in all.

        They tell each other in rounds; in each round twice as many know.
        """
        return calls * (processes - 1).bit_length() * self.call_seconds + size / self.bytes_a_second


def measured() -> Exchange:
    """Measure it, between two threads that talk as processes do: over gloo's sockets. Takes half a second.

    Raises:
        RuntimeError: gloo finds no way.
    """
    stay_on_this_machine()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as two:
        first, _second = two.map(lambda rank: _measure(Path(folder) / "meeting", rank), range(2))
    return first


def _measure(meeting: Path, rank: int) -> Exchange:
    store = dist.FileStore(str(meeting), 2)  # type: ignore[attr-defined]
    group = dist.ProcessGroupGloo(store, rank, 2, _PATIENCE)

    def sums(count: int, size: int) -> list[float]:
        numbers, seconds = torch.zeros(size), list[float]()
        for _call in range(count + 1):
            begin = time.perf_counter()
            group.allreduce([numbers]).wait()  # type: ignore[attr-defined]
            seconds.append(time.perf_counter() - begin)
        return seconds[1:]  # the first one makes the connection

    # A mean, as now and then one waits for the processor, for much longer than all others.
    calls, large = statistics.mean(sums(_CALLS, _FEW)), statistics.median(sums(_LARGE_CALLS, _MANY))
    return Exchange(calls, _MANY * _FLOAT_BYTES / large)
