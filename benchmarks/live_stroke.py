"""From a move of the pen to the painted verdicts of all chosen networks on the Draw page, and what a drawing costs the
server, in a real Chromium.

Usage: python -m benchmarks.live_stroke [--digits N]

Digits are drawn with the mouse, sixty moves a second. The time is measured in the browser: from the pointer event's own
time stamp until the frame with the verdicts of a drawing that has this move in it is painted. All included MNIST
networks are chosen, as by default. Then the same with the processor throttled: DevTools slows the page's main thread,
and not its workers; so every answer of a worker is held back until the worker has taken as many times as long, too.
What the server does is counted while the digits are drawn and for a moment after each: the messages that it gets (each
runs a part of the page again) and its processor time. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.browser import DIGITS, browser, canvas, settle
from benchmarks.serving import Server, serve

TARGET_MS, THROTTLED_TARGET_MS = 33.0, 100.0
TARGET_SERVER_MS = 30.0
THROTTLING = 6
FEWEST_NETWORKS = 7
REST_MS = 1_200
DRAWN = (2, 3, 7, 4)
HELD_BACK = """rate => {
  window.Worker = class extends window.Worker {
    set onmessage(hear) {
      super.onmessage = (event) => {
        setTimeout(() => hear(event), window.isThrottled ? (rate - 1) * (event.data.took ?? 0) : 0);
      };
    }
  };
}"""
WATCH = """() => {
  const moves = [];  // [number of the drawing, time of the pointer event]
  window.delays = [];
  window.addEventListener('pointerrawupdate', (event) => {
    if (event.buttons) moves.push([globalThis.cnnvizSheet.number, event.timeStamp]);
  });
  document.addEventListener('cnnviz-answers', ({ detail }) => {
    if (detail.image === null) return;
    const shown = moves.filter(([number]) => number <= detail.number);
    moves.splice(0, shown.length);
    const channel = new MessageChannel();  // answers are shown within a frame: its turn comes when that is painted
    channel.port1.onmessage = () => {
      for (const [, begun] of shown) window.delays.push(performance.now() - begun);
    };
    channel.port2.postMessage(null);
  });
}"""
BYTES = """() => performance.getEntriesByType('resource')
  .filter(({ name }) => /\\/media\\/.*\\.bin/.test(name)).map(({ encodedBodySize }) => encodedBodySize)"""


@dataclass(frozen=True)
class Figures:
    """``delays`` in milliseconds; ``messages`` to the server and its processor time in ``server_ms``, for a digit."""

    delays: Sequence[float]
    messages: float
    server_ms: float


def opened(chromium: Browser, server: Server, rate: int) -> tuple[Page, list[object]]:
    """The Draw page with all networks ready, and a list that grows with each message to the server."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.add_init_script(f"({HELD_BACK})({rate})")
    page.goto(f"{server.url}/draw")
    settle(page)
    page.get_by_role("button", name="8", exact=True).click()
    page.wait_for_function(
        "document.querySelectorAll('[data-verdict]').length >= 7 && "
        "[...document.querySelectorAll('[data-verdict]')].every(label => label.textContent)"
    )
    page.evaluate(WATCH)
    clear(page)
    return page, sent


def clear(page: Page) -> None:
    """Clear the canvas and wait until the server knows."""
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_timeout(REST_MS)
    settle(page)


def measure(page: Page, sent: list[object], server: Server, digits: int) -> Figures:
    """Draw ``digits`` digits; the canvas is empty before and after."""
    box = canvas(page).bounding_box()
    if box is None:
        raise RuntimeError("The canvas is not in sight")
    page.evaluate("window.delays = []")
    messages, spent = 0, 0.0
    for number in range(digits):
        before, begun = len(sent), processor_ms(server.pid)
        for stroke in DIGITS[DRAWN[number % len(DRAWN)]]:
            draw(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke])
        page.wait_for_timeout(REST_MS)
        messages += len(sent) - before
        spent += processor_ms(server.pid) - begun
        clear(page)
    delays: list[float] = page.evaluate("window.delays")
    return Figures(delays, messages / digits, spent / digits)


def draw(page: Page, points: Sequence[tuple[float, float]], moves: int = 6) -> None:
    """A stroke through ``points``, with ``moves`` moves from one to the next, sixty a second."""
    page.mouse.move(*points[0])
    page.mouse.down()
    due = time.monotonic()
    for start, end in pairwise(points):
        for step in range(1, moves + 1):
            part = step / moves
            page.mouse.move(*(a + (b - a) * part for a, b in zip(start, end, strict=True)))
            due = max(due + 1 / 60, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
    page.mouse.up()


def processor_ms(pid: int) -> float:
    """The processor time that a process has taken, in milliseconds; 0 where it cannot be determined."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(title: str, delays: Sequence[float], target: float) -> bool:
    """Print median and 95th percentile; whether the target is reached."""
    median = statistics.median(delays)
    late = statistics.quantiles(delays, n=20)[-1]
    reached = median <= target
    word = "reached" if reached else "MISSED"
    print(
        f"{title}: median {median:.0f} ms, p95 {late:.0f} ms of {len(delays)}; target {target:.0f} ms: {word}"
    )
    return reached


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server, browser() as chromium:
        page, sent = opened(chromium, server, THROTTLING)
        sizes: list[int] = page.evaluate(BYTES)
        if len(sizes) < FEWEST_NETWORKS:
            parser.error(f"only {len(sizes)} networks read the drawing, the target is for {FEWEST_NETWORKS}")
        plain = measure(page, sent, server, options.digits)
        page.evaluate("window.isThrottled = true")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLING})
        throttled = measure(page, sent, server, options.digits)
    print(f"{len(sizes)} networks, {sum(sizes):,} bytes, fetched once")
    reached = [
        told("pointer to painted verdicts", plain.delays, TARGET_MS),
        told(f"processor throttled {THROTTLING} times", throttled.delays, THROTTLED_TARGET_MS),
        plain.server_ms <= TARGET_SERVER_MS,
    ]
    print(
        f"server, for a digit: {plain.messages:.1f} messages, {plain.server_ms:.0f} ms of processor time; target "
        f"{TARGET_SERVER_MS:.0f} ms: {'reached' if reached[-1] else 'MISSED'}"
    )
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
