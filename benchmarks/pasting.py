"""A class that pastes networks at once: how long each waits for the table, and how much slower other pages become.

Usage: python -m benchmarks.pasting [--people N] [--rounds N]

Over Streamlit's own protocol, on a server where torch and the sandbox are there. Another person reruns two pages, first
alone, then while all open a link with a network's code at the same moment, each a text that was not read before. Exit
status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.own_networks import definitions
from benchmarks.protocol import Session, connect
from benchmarks.serving import serve
from benchmarks.sessions import percentile95
from cnnviz.own.link import packed

SLOWER = 2.0
"""How many times its usual time another page may take while all paste."""
MANY_SECONDS = 1.5
PAGES = ("", "architecture")
_ALONE = 20


def links() -> Iterator[str]:
    """Queries of links with the code of a student's network, each of another text."""
    texts = [network for name, network in definitions().items() if not name.startswith("torchvision")]
    for number, network in zip(count(), cycle(texts), strict=False):
        yield urlencode({"code": packed(replace(network, text=f"{network.text}\n# {number}\n"))})


async def paste(url: str, query: str) -> tuple[float, float]:
    """Seconds until a person who opens a link with code has the table, or is told why there is none; and the whole page."""
    async with connect(url) as session:
        page = await session.run("architecture", query)
    for element, arrived in zip(page.elements, page.arrived, strict=True):
        if element.WhichOneof("type") == "alert" or "<table" in element.html.body:
            return arrived, page.seconds
    raise RuntimeError("The page shows neither a table nor a problem")


async def others(session: Session, done: asyncio.Event, taken: dict[str, list[float]]) -> None:
    """Rerun the pages by turns until all have pasted."""
    while not done.is_set():
        for page in PAGES:
            taken[page].append((await session.run(page)).seconds)


async def measure(url: str, people: int, rounds: int) -> bool:
    """Print the figures; whether the targets are met."""
    queries = links()
    usual: dict[str, list[float]] = {page: [] for page in PAGES}
    meanwhile: dict[str, list[float]] = {page: [] for page in PAGES}
    waited: list[tuple[float, float]] = []
    async with connect(url) as session:
        for _ in range(2):  # the caches, torch and the sandbox
            await paste(url, next(queries))
            for page in PAGES:
                await session.run(page)
        await asyncio.sleep(8)  # the sandbox makes itself ready for more once it is quiet
        for _ in range(_ALONE):
            for page in PAGES:
                usual[page].append((await session.run(page)).seconds)
        for _ in range(rounds):
            done = asyncio.Event()
            watching = asyncio.create_task(others(session, done, meanwhile))
            waited += await asyncio.gather(*(paste(url, next(queries)) for _ in range(people)))
            done.set()
            await watching
    for title, taken in zip(("the table", "the whole page"), zip(*waited, strict=True), strict=True):
        middle, p95 = statistics.median(taken), percentile95(list(taken))
        print(f"{people} paste at once, until {title:<15} median {middle:.2f} s   p95 {p95:.2f} s")
    met = percentile95([table for table, _whole in waited]) < MANY_SECONDS
    for page in PAGES:
        alone, busy = statistics.median(usual[page]), statistics.median(meanwhile[page])
        print(
            f"{page or 'home':<14} alone {alone * 1e3:6.1f} ms   meanwhile {busy * 1e3:6.1f} ms   "
            f"{busy / alone:.1f} times (at most {SLOWER})"
        )
        met &= busy <= SLOWER * alone
    print("targets: " + ("reached" if met else "MISSED"))
    return met


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        met = asyncio.run(measure(server.url, options.people, options.rounds))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
