"""The speed of a trace compared with torchsummary, torchinfo and a plain forward pass on the meta device.

Usage: python -m benchmarks.trace_speed [--rounds N]

All run alternately in one process; figures are the minimum of several rounds (other load can only add time),
excluding the time to build the networks. Memory is what a trace adds to the process after the imports. Exit status
1 if a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchinfo
import torchsummary
from torch import nn

from cnnviz.models import resolve
from cnnviz.tracing.copies import meta_copy
from cnnviz.tracing.inputs import TRACED_BATCH
from cnnviz.tracing.trace import trace

# Against a bare forward pass on the meta device: at most so many times its duration.
BARE_TARGETS = {
    "torchvision:vgg16": 1.5,
    "basic-cnn": 1.5,
    "torchvision:resnet18": 0.6,
    "torchvision:densenet201": 0.6,
    "torchvision:resnet152": 0.25,
}
# Against other tools: at least so many times as fast.
TORCHSUMMARY_TARGET, TORCHINFO_TARGET = 100, 40
MEMORY_TARGET_MB = 50


def shortest(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """The minimum time of each call in seconds; they alternate, after one warm-up round."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, seconds in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            if number:
                seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in taken]


def against_bare_pass(name: str, target: float, rounds: int) -> bool:
    """Compare a trace with an unobserved forward pass and print the result."""
    model, shape = resolve(name, {})
    assert shape is not None
    bare_model, x = meta_copy(model), torch.empty(TRACED_BATCH, *shape, device="meta")

    def bare() -> None:
        with torch.no_grad():
            bare_model(x)

    traced, alone = shortest(rounds, lambda: trace(model, shape), bare)
    ratio = traced / alone
    print(
        f"{name:<26}{traced * 1e3:8.1f} ms   bare {alone * 1e3:8.1f} ms   ratio {ratio:5.2f} (at most {target})"
    )
    return ratio <= target


def against_tools(rounds: int) -> bool:
    """Compare a trace of VGG-16 at 224 pixels with common tools and print the result."""
    import torchvision

    model: nn.Module = torchvision.models.vgg16(weights=None).eval()
    shape = (3, 224, 224)

    def with_torchsummary() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            torchsummary.summary(model, shape, device="cpu")

    def with_torchinfo() -> None:
        torchinfo.summary(model, input_size=(1, *shape), verbose=0)

    ours, summary, info = shortest(rounds, lambda: trace(model, shape), with_torchsummary, with_torchinfo)
    print(
        f"VGG-16 at 224: ours {ours * 1e3:.1f} ms, torchsummary {summary * 1e3:.0f} ms, torchinfo {info * 1e3:.0f} ms"
    )
    print(f"  {summary / ours:.0f} times as fast as torchsummary (at least {TORCHSUMMARY_TARGET})")
    print(f"  {info / ours:.0f} times as fast as torchinfo (at least {TORCHINFO_TARGET})")
    return summary / ours >= TORCHSUMMARY_TARGET and info / ours >= TORCHINFO_TARGET


def memory_of(name: str) -> bool:
    """Print the memory added by building and tracing a network, in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.trace_speed", "--memory", name],
        capture_output=True,
        text=True,
        check=True,
    )
    added = float(done.stdout)
    print(f"memory of {name:<24}{added:8.1f} MB above the imports (at most {MEMORY_TARGET_MB})")
    return added <= MEMORY_TARGET_MB


def _measure_memory(name: str) -> None:
    model, shape = resolve("basic-cnn", {})
    assert shape is not None
    import torchvision  # noqa: F401  the network is built with it: an import, too

    trace(model, shape)  # what any first trace loads counts as imports
    before = _resident_megabytes()
    model, shape = resolve(name, {})
    assert shape is not None
    traced = trace(model, shape)
    print(_resident_megabytes() - before)
    assert traced.total_params  # what was measured is still there


def _resident_megabytes() -> float:
    """Current memory of this process; Linux reports it in pages."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def main() -> int:
    """Run everything; returns 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        _measure_memory(options.memory)
        return 0
    good = [against_bare_pass(name, target, options.rounds) for name, target in BARE_TARGETS.items()]
    good.append(against_tools(min(options.rounds, 5)))
    good += [memory_of(name) for name in ("torchvision:resnet152", "torchvision:vgg16")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
