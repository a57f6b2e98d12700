"""What it costs a server that a whole class draws at once.

Usage: python -m benchmarks.class_draws [--people N] [--seconds N]

Everybody has the Draw page open and draws a digit every few seconds. While the pen moves, the browser reads; when it
rests, the server hears of the drawing once, as the canvas sends it, and runs that part of the page. Then the same where
everybody also looks at what follows from the drawing, below the canvas, which is run again for each. Printed for a
drawing: the parts of pages that were run, the server's processor time, and how long it took to answer. Exit status 1 if
a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live_stroke import processor_ms
from benchmarks.protocol import Page, Session, connect
from benchmarks.reruns import components, drawing
from benchmarks.serving import Server, serve
from benchmarks.sessions import percentile95

TARGET_MS = 30.0
"""Of the server's processor time for a drawing that nobody looks further into."""
PAUSE = (3.0, 6.0)
"""Seconds from one drawing to the next."""


@dataclass(frozen=True)
class Found:
    """Of all drawings together: the server's processor time in ms, the parts of pages run, and their seconds."""

    drawings: int
    processor_ms: float
    seconds: list[float]


async def draw(session: Session, page: Page, looks: bool, number: int) -> list[float]:
    """Send a drawing; what follows from it is asked for where somebody ``looks``. The seconds of each part's run."""
    fragment = components(page)["sheet"][1]
    state = drawing(page, number)
    parts = [await session.run("draw", widgets=state, fragment=fragment)]
    if looks:
        below, fragment = components(page)["following"]
        wanted = {below: {"wanted": {"number": number, "patience": 4000}}}
        parts.append(await session.run("draw", widgets={**state, **wanted}, fragment=fragment))
        if "html" not in parts[-1].kinds:
            raise RuntimeError("The drawing did not arrive")
    return [part.seconds for part in parts]


async def person(
    session: Session, page: Page, looks: bool, seconds: float, chance: random.Random
) -> list[list[float]]:
    """Somebody who draws for some seconds: of each drawing the seconds of the parts that were run."""
    end = time.monotonic() + seconds
    found: list[list[float]] = []
    await asyncio.sleep(chance.uniform(0, PAUSE[1]))  # people do not begin together
    while time.monotonic() < end:
        found.append(await draw(session, page, looks, len(found) + 1))
        await asyncio.sleep(chance.uniform(*PAUSE))
    return found


async def measure(server: Server, people: int, seconds: float) -> list[Found]:
    """All people with the page open: first they draw, then they look at what follows, too."""
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(connect(server.url)) for _ in range(people)]
        pages = [await session.run("draw") for session in sessions]
        for looks in (False, True):  # caches are filled by the first of them
            await draw(sessions[0], pages[0], looks, 1_000_000)
        found = []
        for looks in (False, True):
            before = processor_ms(server.pid)
            each = await asyncio.gather(
                *(
                    person(session, page, looks, seconds, random.Random(number))
                    for number, (session, page) in enumerate(zip(sessions, pages, strict=True))
                )
            )
            parts = [part for one in each for part in one]
            found.append(
                Found(
                    len(parts),
                    processor_ms(server.pid) - before,
                    [second for part in parts for second in part],
                )
            )
        return found


def told(title: str, found: Found) -> float:
    """Print what was found; the processor time of a drawing in ms."""
    spent = found.processor_ms / found.drawings
    print(
        f"{title}: {found.drawings} drawings, {len(found.seconds) / found.drawings:.1f} parts of the page run and "
        f"{spent:.0f} ms of processor time each; answered in {1000 * statistics.median(found.seconds):.0f} ms, "
        f"p95 {1000 * percentile95(found.seconds):.0f} ms"
    )
    return spent


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        drawn, looked = asyncio.run(measure(server, options.people, options.seconds))
    spent = told(f"{options.people} people draw", drawn)
    told("they look at what follows, too", looked)
    reached = spent <= TARGET_MS
    print(f"target for a drawing {TARGET_MS:.0f} ms: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
