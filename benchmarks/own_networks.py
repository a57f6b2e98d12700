"""How long it takes from a pasted network to its table, read in the sandbox, beside reading it in this process.

Usage: python -m benchmarks.own_networks [--rounds N] [--people N]

The networks are the students' of the tests and torchvision's files as they are installed. Each is read several times,
the input of a student's guessed as on the page; then many people paste different ones at the same moment. Exit status
1 if a target is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks.sessions import percentile95
from cnnviz.own import sandbox
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read

ONE_SECONDS = 0.3
"""For each network, the 95th percentile of one person's waiting."""
MANY_SECONDS = 1.5
"""The 95th percentile where all paste at once."""
_STUDENTS = Path(__file__).parents[1] / "tests" / "own" / "students"
_QUIET_SECONDS = 5.0
_SLOWEST = 5

TORCHVISION: Mapping[str, str] = {
    "alexnet": "class Net(AlexNet):\n    pass\n",
    "vgg": "class Net(VGG):\n    def __init__(self):\n        super().__init__(make_layers(cfgs['D'], True))\n",
    "resnet": "class Net(ResNet):\n    def __init__(self):\n        super().__init__(Bottleneck, [3, 4, 6, 3])\n",
    "squeezenet": "class Net(SqueezeNet):\n    pass\n",
    "densenet": "class Net(DenseNet):\n    pass\n",
    "googlenet": "class Net(GoogLeNet):\n    def __init__(self):\n        super().__init__(init_weights=False)\n",
    "mobilenetv2": "class Net(MobileNetV2):\n    pass\n",
    "shufflenetv2": (
        "class Net(ShuffleNetV2):\n    def __init__(self):\n"
        "        super().__init__([4, 8, 4], [24, 116, 232, 464, 1024])\n"
    ),
}
"""Files of torchvision's models, and what is written below each."""


def definitions() -> dict[str, Definition]:
    """All networks by name."""
    found = {
        path.stem: Definition(path.read_text(encoding="utf-8")) for path in sorted(_STUDENTS.glob("*.py"))
    }
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise RuntimeError("torchvision is needed")
    models = Path(spec.origin).parent / "models"
    for name, rest in TORCHVISION.items():
        text = (models / f"{name}.py").read_text(encoding="utf-8")
        found[f"torchvision {name}"] = Definition(f"{text}\n\n{rest}", "Net", (), (3, 224, 224))
    return found


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def told(title: str, taken: list[float]) -> float:
    """Print a line of figures; returns the 95th percentile."""
    p95 = percentile95(taken)
    print(
        f"{title:<34} median {statistics.median(taken) * 1e3:6.0f} ms   p95 {p95 * 1e3:6.0f} ms   "
        f"last {max(taken) * 1e3:6.0f} ms"
    )
    return p95


def one_by_one(networks: Mapping[str, Definition], rounds: int) -> bool:
    """Read each network ``rounds`` times in the sandbox, then in this process; whether each meets the target.

    One after the other: a server itself reads no network, and what that leaves in memory would count for the sandbox.
    """
    there: dict[str, list[float]] = {name: [] for name in networks}
    here: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(rounds):
        for name, network in networks.items():
            there[name].append(seconds(partial(sandbox.read, network)))
    for _ in range(rounds):
        for name, network in networks.items():
            here[name].append(seconds(partial(read, network)))
    told("one person, in the sandbox", [taken for each in there.values() for taken in each])
    told("one person, in this process", [taken for each in here.values() for taken in each])
    p95s = sorted(((percentile95(each), name) for name, each in there.items()), reverse=True)
    print("slowest: " + ", ".join(f"{name} {p95 * 1e3:.0f} ms" for p95, name in p95s[:_SLOWEST]))
    missed = [name for p95, name in p95s if p95 >= ONE_SECONDS]
    print(
        f"target: p95 of each under {ONE_SECONDS} s: {'MISSED by ' + ', '.join(missed) if missed else 'reached'}"
    )
    return not missed


def at_once(networks: Mapping[str, Definition], people: int, rounds: int) -> bool:
    """Let ``people`` paste different networks at the same moment; whether that meets the target."""
    chosen = random.Random(0)
    taken: list[float] = []
    with ThreadPoolExecutor(people) as threads:
        for _ in range(rounds):
            picked = chosen.sample(sorted(networks), people)
            taken += threads.map(lambda name: seconds(partial(sandbox.read, networks[name])), picked)
    p95 = told(f"{people} people at once, in the sandbox", taken)
    print(f"target: p95 under {MANY_SECONDS} s: {'reached' if p95 < MANY_SECONDS else 'MISSED'}")
    return p95 < MANY_SECONDS


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=30)
    options = parser.parse_args()
    networks = definitions()
    first = next(iter(networks.values()))
    print(f"first on a cold server             {seconds(partial(sandbox.read, first)):.1f} s")
    time.sleep(_QUIET_SECONDS)  # as between the first two people; the template makes itself ready for more
    read(first)
    met = [one_by_one(networks, options.rounds), at_once(networks, options.people, options.rounds)]
    if hasattr(os, "getloadavg"):
        print(f"load average of the machine at the end: {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
