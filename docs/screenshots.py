"""Take the pictures of every page for README and docs/, and a moving one of the landing page.

Usage: python -m docs.screenshots [--theme light|dark] [--lang en|zh] [--width PIXELS] [--to FOLDER] [PAGE ...]

A separate server shows the included checkpoints and one run trained for this purpose; another one, which a class
shares, the teacher's page. Without options, the
pictures are those of the documents: light, English, 1280 pixels wide, in docs/.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from benchmarks.browser import browser, draw, overflow, settle
from benchmarks.serving import ROOT, serve, train_for_show

LARGEST_HEIGHT = 1600
FILM_HEIGHT, FILM_SECONDS, FRAMES_PER_SECOND = 760, 9, 8
HEIGHTS = {"train": 1460, "own": 980, "glossary": 900}
"""Of pages whose lower part says where this one server keeps its files, or is on another picture."""
LINKS = {
    "home": "",
    "architecture": "architecture?model=inception-mini",
    "why": "architecture?model=inception-mini&view=why",
    "own": "architecture?model=own",
    "convolution": "convolution",
    "data": "data?dataset=mnist-sample",
    "train": "train?model=basic-cnn&dataset=mnist-sample&epochs=5",
    "filters": "filters?checkpoint=basic-cnn-mnist&dataset=mnist-sample&untrained=true&digit=2",
    "draw": "draw",
    "evaluate": "evaluate",
    "experiments": "experiments",
    "lessons": "lessons?lesson=linear&step=3",
    "exercises": "exercises?model=inception-mini&kind=in-features",
    "glossary": "glossary",
    "teacher": "teacher",
}
PASSWORD = "a password for the picture"


def prepare_draw(page: Page) -> None:
    """Draw a 2 and wait for the predictions."""
    draw(page, 2)
    page.locator('[class*="st-key-verdict-"]').first.wait_for()
    page.mouse.move(1, 1)  # the canvas's own toolbar fades away


def prepare_figures(page: Page) -> None:
    """Wait for Plotly, which draws after the page's script has ended."""
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length > 0")


def prepare_experiments(page: Page) -> None:
    """A prediction, and the figures of what came out."""
    page.locator(".st-key-predict button").click()
    page.locator(".st-key-again").wait_for()
    prepare_figures(page)


def prepare_exercises(page: Page) -> None:
    """A mistake, and what it is told."""
    field = page.locator(".st-key-question input[type=text]").first
    field.fill("88 x 4")
    field.press("Enter")
    page.get_by_text("352").last.wait_for()


def prepare_lessons(page: Page) -> None:
    """The right answer, and the view that comes with it."""
    field = page.locator(".st-key-left-lesson-question input[type=text]")
    field.fill("88 x 4 x 4")
    field.press("Enter")
    page.locator(".st-key-lesson-view .cnnviz-chain").first.wait_for()


def prepare_own(page: Page) -> None:
    """Wait for the editor, its mark and the button that mends the line."""
    page.locator(".cnnviz-mark-error").wait_for()
    page.locator(".st-key-own-mend button").wait_for()


def prepare_teacher(page: Page) -> None:
    """Unlock the page."""
    page.locator('input[type="password"]').fill(PASSWORD)
    page.locator(".st-key-unlock button").click()
    page.locator(".st-key-send").wait_for()


PREPARE: dict[str, Callable[[Page], None]] = {
    "own": prepare_own,
    "train": prepare_figures,
    "lessons": prepare_lessons,
    "exercises": prepare_exercises,
    "experiments": prepare_experiments,
    "filters": prepare_figures,
    "draw": prepare_draw,
    "teacher": prepare_teacher,
}


def take(page: Page, url: str, name: str, language: str, path: Path) -> None:
    """Open the page ``name``, wait until it is complete, and save a screenshot to ``path``."""
    link = LINKS[name]
    page.goto(f"{url}/{link}{'&' if '?' in link else '?'}lang={language}")
    settle(page)
    PREPARE.get(name, settle)(page)
    settle(page)
    page.wait_for_timeout(800)  # for Plotly's and Streamlit's transitions to end
    width = page.viewport_size["width"] if page.viewport_size else 0
    height: int = page.evaluate(
        "Math.ceil(document.querySelector('[data-testid=\"stMainBlockContainer\"]').getBoundingClientRect().height)"
    )
    height = min(height, HEIGHTS.get(name, LARGEST_HEIGHT))
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(800)
    page.screenshot(path=path, animations="disabled")
    page.set_viewport_size({"width": width, "height": 900})
    print(f"{path}: {width} x {height}, {overflow(page)} pixels too wide", flush=True)


def film(page: Page, path: Path) -> None:
    """Save what the landing page, which is open, shows for some seconds at its top: digits that draw themselves."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.set_viewport_size({"width": width, "height": FILM_HEIGHT})
    page.evaluate("window.scrollTo(0, 0)")
    seen: list[tuple[float, bytes]] = []
    page.wait_for_timeout(1_000)  # for the page to take its new size
    session = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        seen.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png"})
    page.wait_for_timeout(FILM_SECONDS * 1_000)
    session.send("Page.stopScreencast")
    chosen = _at_a_rate(seen)
    frames = [Image.open(io.BytesIO(data)).convert("RGB") for _when, data in chosen]
    ends = [when for when, _data in chosen[1:]] + [chosen[-1][0] + 1 / FRAMES_PER_SECOND]
    durations = [round(1_000 * (end - when)) for (when, _data), end in zip(chosen, ends, strict=True)]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=60, method=4
    )
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1000:.0f} kB", flush=True)


def _at_a_rate(seen: Sequence[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """Those of the frames, each with its time in seconds, that are far enough from the one before."""
    chosen: list[tuple[float, bytes]] = []
    for when, data in seen:
        if not chosen or when - chosen[-1][0] >= 1 / FRAMES_PER_SECOND:
            chosen.append((when, data))
    return chosen


def main() -> int:
    """Take the screenshots; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", default=list(LINKS), help=", ".join(LINKS))
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--to", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    if unknown := set(options.pages) - set(LINKS):
        parser.error(f"unknown page {sorted(unknown)[0]!r}; there are: {', '.join(LINKS)}")
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if "train" in options.pages:
            LINKS["train"] += f"&run={train_for_show(Path(folder), epochs=5, learning_rate=0.05)}"
        class_ = {"CNNVIZ_TEACHER_PASSWORD": PASSWORD}
        alone = [name for name in options.pages if name != "teacher"]
        for names, environment in ((alone, {}), ([*set(options.pages) - set(alone)], class_)):
            if names:
                take_all(names, Path(folder), environment, options)
    return 0


def take_all(
    names: Sequence[str], folder: Path, environment: Mapping[str, str], options: argparse.Namespace
) -> None:
    """Take the pictures of the pages ``names`` of one server."""
    with serve(folder, environment) as server, browser() as chromium:
        page = chromium.new_page(
            viewport={"width": options.width, "height": 900},
            color_scheme=options.theme,
            locale=options.lang,
        )
        page.set_default_timeout(120_000)
        for name in names:
            take(page, server.url, name, options.lang, options.to / f"{name}.png")
        if "home" in names:
            film(page, options.to / "home.webp")


if __name__ == "__main__":
    sys.exit(main())
