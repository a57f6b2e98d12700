"""Memory of a network's page while one draws for an hour, in a real Chromium.

Usage: python -m benchmarks.live_memory [--strokes N]

A page as "Save as a page" writes it, of basic-cnn, is drawn on with the mouse as fast as it takes: 1,800 strokes of six
moves, a new drawing after every third stroke, are an hour of a stroke every two seconds. Six times, the first after a
tenth for warming up, the heaps of the page and of its worker are measured after a forced collection. Exit status 1 if one
of them is more than 5 % away from what it was after warming up.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from benchmarks.browser import browser
from cnnviz.browser.saving import page_of
from cnnviz.training.checkpoints import checkpoints

STROKES = 1_800
MOST_CHANGE = 0.05
PARTS = 5


class Heaps:
    """The JavaScript heaps of a page and of its worker."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._worker = ""
        self._answers: dict[int, Any] = {}
        self._sent = 0
        self._session.on("Target.attachedToTarget", self._note)
        self._session.on("Target.receivedMessageFromTarget", self._hear)
        self._session.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        )

    def _note(self, event: dict[str, Any]) -> None:
        if event["targetInfo"]["type"] == "worker":
            self._worker = event["sessionId"]

    def _hear(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message["result"]

    def _ask_worker(self, method: str) -> Any:
        self._sent += 1
        message = json.dumps({"id": self._sent, "method": method})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._worker, "message": message})
        while self._sent not in self._answers:
            self._page.wait_for_timeout(10)
        return self._answers.pop(self._sent)

    def bytes(self) -> dict[str, int]:
        """What is used after a collection, with the memory of arrays, by heap."""
        asks: dict[str, Callable[[str], Any]] = {"page": self._session.send, "worker": self._ask_worker}
        found = {}
        for name, ask in asks.items():
            for _ in range(2):  # what the first pass finalises, the second collects
                ask("HeapProfiler.collectGarbage")
            used = ask("Runtime.getHeapUsage")
            found[name] = int(used["usedSize"]) + int(used.get("backingStorageSize", 0))
        return found


def draw(page: Page, strokes: int, chance: random.Random) -> None:
    """Strokes across the canvas, three to a drawing; the last one is cleared away, too."""
    box = page.locator("canvas[data-draw]").bounding_box()
    assert box is not None

    def place() -> tuple[float, float]:
        return box["x"] + chance.uniform(0.1, 0.9) * box["width"], box["y"] + chance.uniform(0.1, 0.9) * box[
            "height"
        ]

    for number in range(strokes):
        page.mouse.move(*place())
        page.mouse.down()
        page.mouse.move(*place(), steps=6)
        page.mouse.up()
        if number % 3 == 2 or number == strokes - 1:
            page.evaluate("document.querySelector('#clear').click()")
    page.wait_for_timeout(300)  # the last answer is painted


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strokes", type=int, default=STROKES)
    strokes = parser.parse_args().strokes
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        file = Path(folder) / "page.html"
        file.write_text(page_of(checkpoints.get("basic-cnn-mnist")), "utf-8")
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(file.as_uri())
        page.wait_for_timeout(500)
        heaps = Heaps(page)
        draw(page, strokes // 10, chance)
        first = heaps.bytes()
        print(f"after {strokes // 10:,} strokes: {_shown(first)}", flush=True)
        worst = 0.0
        for part in range(1, PARTS + 1):
            draw(page, strokes // PARTS, chance)
            found = heaps.bytes()
            print(f"after {strokes // 10 + part * strokes // PARTS:,} strokes: {_shown(found)}", flush=True)
            worst = max(worst, *(abs(found[name] / first[name] - 1) for name in first))
    kept = worst <= MOST_CHANGE
    print(
        f"target: flat within {MOST_CHANGE:.0%}: {'reached' if kept else 'MISSED'}, at most {worst:.1%} away"
    )
    return 0 if kept else 1


def _shown(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {used / 2**20:.2f} MB" for name, used in found.items())


if __name__ == "__main__":
    sys.exit(main())
