"""An installed Chromium, driven by Playwright: for browser tests, benchmarks and screenshots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

HOW_TO_GET_ONE = (
    "no Chromium or Chrome found: install one (apt-get install chromium, or Google Chrome), run "
    "`playwright install chromium`, or set CNNVIZ_BROWSER to the path of one"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
)
ARGUMENTS = (
    "--no-sandbox",  # containers run as root, where Chromium refuses its own sandbox
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
Stroke = Sequence[tuple[float, float]]
DIGITS: dict[int, tuple[Stroke, ...]] = {
    # Points as parts of the canvas's width and height; each stroke is one move of the pen.
    0: (
        (
            (0.5, 0.15), (0.36, 0.22), (0.29, 0.4), (0.29, 0.6), (0.37, 0.79), (0.5, 0.86),
            (0.63, 0.79), (0.71, 0.6), (0.71, 0.4), (0.64, 0.22), (0.5, 0.15),
        ),
    ),
    1: (((0.52, 0.12), (0.48, 0.88)),),
    2: (
        (
            (0.3, 0.32), (0.36, 0.2), (0.5, 0.14), (0.64, 0.2), (0.69, 0.34), (0.62, 0.5),
            (0.46, 0.66), (0.29, 0.84), (0.74, 0.84),
        ),
    ),
    3: (
        (
            (0.31, 0.2), (0.5, 0.13), (0.66, 0.22), (0.66, 0.36), (0.47, 0.47), (0.68, 0.58),
            (0.7, 0.74), (0.54, 0.87), (0.3, 0.8),
        ),
    ),
    4: (((0.36, 0.16), (0.3, 0.36), (0.26, 0.56), (0.72, 0.56)), ((0.6, 0.14), (0.58, 0.5), (0.56, 0.88))),
    7: (((0.24, 0.19), (0.74, 0.19), (0.6, 0.5), (0.45, 0.86)),),
}  # fmt: skip


def find_browser() -> Path | None:
    """The path of an installed browser that Playwright can drive, or None."""
    named = os.environ.get("CNNVIZ_BROWSER")
    candidates = [named] if named else [*map(shutil.which, NAMES), *PLACES]
    found = next((Path(path) for path in candidates if path and Path(path).is_file()), None)
    if found is None and not named:
        with sync_playwright() as playwright:
            own = Path(playwright.chromium.executable_path)
        found = own if own.is_file() else None
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser for the duration of the block.

    Raises:
        RuntimeError: no browser is installed; the message says how to install one.
    """
    path = find_browser()
    if path is None:
        raise RuntimeError(HOW_TO_GET_ONE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield chromium
        finally:
            chromium.close()


def canvas(page: Page) -> Locator:
    """The Draw page's canvas, scrolled into view."""
    found = page.locator("canvas[data-draw]")
    found.wait_for()
    found.scroll_into_view_if_needed()
    return found


def draw(page: Page, digit: int, size: float = 1.0) -> None:
    """Draw a digit with the mouse at the upper left of the canvas; ``size`` in (0, 1] is relative to the largest that fits."""
    box = canvas(page).bounding_box()
    if box is None:
        raise RuntimeError("The canvas is not in sight")
    for stroke in DIGITS[digit]:
        points = [
            (box["x"] + x * size * box["width"], box["y"] + y * size * box["height"]) for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def stroke(page: Page, sheet: Locator, *points: tuple[float, float]) -> None:
    """One stroke with the mouse straight from point to point, given as parts of the width and height of ``sheet``."""
    box = sheet.bounding_box()
    if box is None:
        raise RuntimeError("The canvas is not in sight")
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def paste(page: Page, field: Locator, text: str) -> None:
    """Put ``text`` from the clipboard in the place of what is in an editable ``field``."""
    field.focus()
    page.keyboard.press("Control+a")
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData('text/plain', text);
            document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
        }""",
        text,
    )


def overflow(page: Page) -> int:
    """The number of pixels by which the page is wider than the window."""
    width: int = page.evaluate(
        """() => {
            const main = document.querySelector('[data-testid="stMain"]') ?? document.documentElement;
            return Math.max(main.scrollWidth - main.clientWidth,
                            document.documentElement.scrollWidth - window.innerWidth);
        }"""
    )
    return width


def settle(page: Page) -> None:
    """Wait until the page's script has finished and nothing is being redrawn."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")
