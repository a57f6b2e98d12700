"""How smoothly a network's picture follows the pointer while nothing is computed, in a real Chromium.

Usage: python -m benchmarks.pointing [--seconds N]

For each included MNIST network the page that "Save as a page" writes is opened, a digit is drawn, and the pointer moves
over the maps of all operations, sixty moves a second, from one map to the next: each lights what it is made of, and says
what it holds. The times from one animation frame to the next are taken in the page. Sixty frames a second are 16.7 ms
from one to the next; at most one frame in twenty may be missed. The same without a moving pointer is what the browser does
by itself on this machine. The load of the machine is printed beside: with other work on it the figures say nothing.
Exit status 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browser import browser
from cnnviz.browser.saving import page_of
from cnnviz.training.checkpoints import checkpoints

FRAME_MS = 1000 / 60
MISSED_MS = 1.5 * FRAME_MS
"""A longer time from one frame to the next means that one between them is missing."""
MOST_MISSED = 0.05
PATIENCE_MS = 60_000
MOVES_PER_MAP = 6

_WATCH = """() => {
  window.frames_ = [];
  let before = null;
  const step = (now) => {
    if (before !== null) window.frames_.push(now - before);
    before = now;
    window.watching = requestAnimationFrame(step);
  };
  window.watching = requestAnimationFrame(step);
}"""
_FOUND = "() => { cancelAnimationFrame(window.watching); return window.frames_; }"
_MAPS = """() => [...document.querySelectorAll(".map:not(.score)")].map((map) => {
  const box = map.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}).filter(([x, y]) => x > 0 && x < innerWidth && y > 0 && y < innerHeight)"""


@dataclass(frozen=True)
class Frames:
    """Milliseconds from one frame to the next."""

    times: Sequence[float]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.times, n=20)[-1]

    @property
    def missed(self) -> float:
        """The part (0..1) of the frames that came late."""
        return sum(round(each / FRAME_MS) - 1 for each in self.times if each > MISSED_MS) / sum(
            max(1, round(each / FRAME_MS)) for each in self.times
        )

    def __str__(self) -> str:
        return f"median {self.median:5.1f} ms, p95 {self.p95:5.1f} ms, missed {self.missed:5.1%}"


def frames(page: Page, seconds: float, moves: Iterator[tuple[float, float]] | None) -> Frames:
    """The frames of so many seconds, in which the pointer makes sixty ``moves`` a second, or none."""
    page.evaluate(_WATCH)
    end = time.monotonic() + seconds
    due = time.monotonic()
    while moves is not None and time.monotonic() < end:
        page.mouse.move(*next(moves))
        due = max(due + 1 / 60, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    time.sleep(max(0.0, end - time.monotonic()))
    times: list[float] = page.evaluate(_FOUND)
    return Frames(times)


def over(maps: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Over the middles of all ``maps``, again and again, with moves between them."""
    for (x0, y0), (x1, y1) in itertools.pairwise(itertools.cycle(maps)):
        for step in range(MOVES_PER_MAP):
            part = step / MOVES_PER_MAP
            yield x0 + (x1 - x0) * part, y0 + (y1 - y0) * part


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of pointing, for each network")
    seconds = parser.parse_args().seconds
    shipped = [found for found in checkpoints.available() if found.is_shipped and found.dataset == "mnist"]
    print(f"load of the machine: {os.getloadavg()[0]:.1f} before")
    print(f"target: {FRAME_MS:.1f} ms from frame to frame, at most {MOST_MISSED:.0%} missed")
    reached = True
    with browser() as chromium, tempfile.TemporaryDirectory() as name:
        for checkpoint in shipped:
            file = Path(name) / f"{checkpoint.id}.html"
            file.write_text(page_of(checkpoint), "utf-8")
            page = chromium.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
            page.goto(file.as_uri())
            page.get_by_role("button", name="Example: 4").click()
            page.wait_for_function(
                "document.querySelector('[data-verdict]').textContent", timeout=PATIENCE_MS
            )
            page.locator("#picture").evaluate("(picture) => picture.scrollIntoView()")
            page.wait_for_timeout(1_000)  # texts follow a moment later
            maps = [(x, y) for x, y in page.evaluate(_MAPS)]
            still = frames(page, seconds / 2, None)
            frames(page, 0.5, over(maps))  # compiled
            found = frames(page, seconds, over(maps))
            reached = reached and found.missed <= MOST_MISSED
            print(f"{checkpoint.id:<28} {len(maps):3} maps: {found}; nothing moves: {still}")
            page.close()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} after; {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
