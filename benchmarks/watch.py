"""What ``cnnviz.watch`` costs a training: microseconds a step, and the whole training's time as a ratio.

Usage: python -m benchmarks.watch [--steps N] [--rounds N]

Basic CNN on random images (a batch of 64), one thread, on the GPU if there is one; trainings with and without
``cnnviz.watch`` alternate, and of each the shortest counts (other load can only add time). The ratio is that of the
processor's time, all threads together, on a GPU that of the clock. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time

import torch
from torch.nn import functional

import cnnviz
from cnnviz import architectures

LOG_TARGET, RATIO_TARGET = 50.0, 1.03
"""Microseconds that the middle call of ``run.log`` may take, and what watching may make of a training's time."""


def train(device: torch.device, steps: int, is_watched: bool) -> tuple[float, list[float]]:
    """Train for ``steps``; the seconds that this took, and those of each ``run.log``."""
    torch.manual_seed(0)
    model = architectures.get("basic-cnn").build().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    images, labels = torch.randn(64, 1, 28, 28, device=device), torch.randint(10, (64,), device=device)
    run = cnnviz.watch(model, name="benchmark") if is_watched else None
    taken = []
    if device.type == "cuda":
        torch.cuda.synchronize()
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    start = clock()
    for _step in range(steps):
        scores = model(images)
        loss = functional.cross_entropy(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracy = (scores.argmax(1) == labels).float().mean()
        if run is not None:
            begin = time.perf_counter()
            run.log(loss=loss, accuracy=accuracy)
            taken.append(time.perf_counter() - begin)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = clock() - start
    if run is not None:
        run.finish()
    return seconds, taken


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(None):
        os.environ["CNNVIZ_RUNS_DIR"] = folder
        train(device, 20, is_watched=True)  # everything is loaded
        plain, watched, logs = [], [], []
        for _round in range(options.rounds):
            plain.append(train(device, options.steps, is_watched=False)[0])
            seconds, taken = train(device, options.steps, is_watched=True)
            watched.append(seconds)
            logs += taken
    middle, ratio = 1e6 * statistics.median(logs), min(watched) / min(plain)
    print(f"device                    {device}")
    print(f"a step without cnnviz     {1e6 * min(plain) / options.steps:10,.1f} us")
    print(f"run.log, median           {middle:10.1f} us (target: at most {LOG_TARGET:g})")
    print(
        f"run.log, mean             {1e6 * statistics.fmean(logs):10.1f} us, samples and snapshots included"
    )
    print(f"watched / not watched     {ratio:10.3f} (target: at most {RATIO_TARGET:g})")
    return 0 if middle <= LOG_TARGET and ratio <= RATIO_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
