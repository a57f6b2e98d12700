"""What nasty links leave in a server's memory, and how long they are waited for.

Usage: python -m benchmarks.nasty_links [--links N]

The server is at rest once every page has been seen. Then one person after the other opens links that are made of
nonsense, and of large networks. Exit status 1 if a target is missed, or a page ended in an exception.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.load import visit_all
from benchmarks.protocol import connect
from benchmarks.serving import Server, memory, serve, train_for_show
from cnnviz.training.store.runs import processor_seconds
from tests.faults.nasty import link

MOST_MEGABYTES = 400
"""Above the server at rest."""
MOST_SECONDS = 5.0
"""Of the server's processor, for one link."""
_PER_PERSON = 20
_LARGE = 0.1
_NETWORKS = ("alexnet", "zfnet", "vgg11", "vgg16", "googlenet", "densenet", "resnet18")


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--links", type=int, default=2700)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train_for_show(Path(folder), epochs=1, learning_rate=0.01)
        with serve(Path(folder)) as server:
            return 0 if asyncio.run(measure(server, options.links)) else 1


async def measure(server: Server, count: int) -> bool:
    """Print the figures; whether the targets are met."""
    await visit_all(server.url)
    at_rest, chance = memory(server.pid) or 0, random.Random(18)
    seconds: list[tuple[float, str]] = []
    failed = 0
    for done in range(0, count, _PER_PERSON):
        async with connect(server.url) as session:
            for _ in range(_PER_PERSON):
                page, query = _link(chance)
                before = processor_seconds(server.pid) or 0.0
                try:
                    await session.run(page, query)
                except RuntimeError as problem:
                    failed += 1
                    print(f"{page}?{query[:300]}: {problem}", file=sys.stderr)
                seconds.append(((processor_seconds(server.pid) or 0.0) - before, f"{page}?{query[:80]}"))
        if done % (5 * _PER_PERSON) == 0:
            held = ((memory(server.pid) or 0) - at_rest) / 1e6
            print(f"{done + _PER_PERSON} links: {held:,.0f} MB above rest", flush=True)
    more = ((memory(server.pid) or 0) - at_rest) / 1e6
    slowest = max(seconds)
    print(f"{len(seconds)} links, {failed} ended in an exception")
    print(f"slowest {slowest[0]:.1f} s of the processor (target {MOST_SECONDS:.0f}): {slowest[1]}")
    print(f"at the end {more:,.0f} MB above {at_rest / 1e6:,.0f} MB at rest (target {MOST_MEGABYTES})")
    return not failed and slowest[0] <= MOST_SECONDS and more <= MOST_MEGABYTES


def _link(chance: random.Random) -> tuple[str, str]:
    """A page's name and the rest of a link."""
    if chance.random() < _LARGE:
        return "filters", urlencode(
            {"checkpoint": f"untrained-{chance.choice(_NETWORKS)}", "view": "filters"}
        )
    page, parameters = link(chance)
    text = urlencode(parameters, doseq=True, errors="replace")
    return "" if page == "app.py" else Path(page).stem, text


if __name__ == "__main__":
    sys.exit(main())
