"""How long a class waits when many sessions open the app at once, over Streamlit's own protocol.

Usage: python -m benchmarks.sessions [--sessions N] [--page NAME]

All sessions connect to a fresh server at the same moment; each measures from before it connects until the last
element of the page has arrived. Then all rerun the page once, and open it again after torch has been imported in
the background. Exit status 1 if the 95th percentile misses the target.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.protocol import connect
from benchmarks.serving import Server, memory, serve

TARGET_SECONDS = 1.5
IMPORT_SECONDS = 30.0


async def open_page(url: str, page: str) -> float:
    """Seconds from before connecting until the page is complete."""
    start = time.perf_counter()
    async with connect(url) as session:
        elements = (await session.run(page)).elements
        seconds = time.perf_counter() - start
    if not elements:
        raise RuntimeError("The page is empty")
    return seconds


async def open_all(url: str, page: str, sessions: int) -> list[float]:
    """The seconds of all ``sessions``, which start together, in rising order."""
    return sorted(await asyncio.gather(*(open_page(url, page) for _ in range(sessions))))


def percentile95(seconds: list[float]) -> float:
    """The 95th percentile (for a single value, that value)."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


def report(title: str, seconds: list[float], server: Server) -> float:
    """Print one line of figures; returns the 95th percentile in seconds."""
    p95 = percentile95(seconds)
    resident = memory(server.pid)
    megabytes = f", memory {resident / 1e6:,.0f} MB" if resident is not None else ""
    median = statistics.median(seconds)
    print(f"{title:<28} median {median:6.3f} s   p95 {p95:6.3f} s   last {seconds[-1]:6.3f} s{megabytes}")
    return p95


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--page", default="", help="a page's name in the link; default: the landing page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        first = asyncio.run(open_all(server.url, options.page, options.sessions))
        p95 = report(f"{options.sessions} sessions, fresh server", first, server)
        _wait_for_import(server)
        warm = asyncio.run(open_all(server.url, options.page, options.sessions))
        p95 = max(p95, report(f"{options.sessions} sessions, torch there", warm, server))
    print(f"target: p95 under {TARGET_SECONDS} s: {'reached' if p95 < TARGET_SECONDS else 'MISSED'}")
    return 0 if p95 < TARGET_SECONDS else 1


def _wait_for_import(server: Server) -> None:
    """Wait until the server's memory has grown by the size of torch and is stable (the only sign of the import)."""
    deadline, before = time.monotonic() + IMPORT_SECONDS, 0
    while time.monotonic() < deadline:
        time.sleep(2)  # between two looks at a growing number, there is nothing to wait for
        now = memory(server.pid) or 0
        if now > 350e6 and now - before < 1e6:
            return
        before = now


if __name__ == "__main__":
    sys.exit(main())
