"""How soon the network on the landing page reads its first digit, on a server that has just started.

Usage: python -m benchmarks.landing [--rounds N]

In a real Chromium, for each round a new server and a new browser: the times from the page's first contentful paint
(Streamlit's own frame, before it has anything from cnnviz) until the first text of cnnviz, until the network stands,
and until its first prediction; then the same for a second visitor with a new browser. Beside it a page of Streamlit
that shows one word of the same size of frame, on a server of its own that has just started, too: what Streamlit and
the browser need by themselves. Says whether the server had loaded torch when the first prediction was painted. Exit
status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.browser import browser
from benchmarks.serving import Server, serve

TARGET_MS = 1000.0
TARGET_BYTES = 300_000
_BARE = "import streamlit as st\n\nst.html('<p class=\"cnnviz-first\">bare</p>')\n"
_WATCH = """() => {
  window.seen = {};
  let root = null;  // a component's own tree
  const look = (name, found) => { if (found && !(name in window.seen)) window.seen[name] = performance.now(); };
  const all = () => {
    look("text", document.querySelector('[data-testid="stMain"] h1, .cnnviz-first'));
    const main = document.querySelector('[data-testid="stMain"]');
    root ??= [...(main?.querySelectorAll("div") ?? [])].map((one) => one.shadowRoot).find((one) => one?.querySelector(".alive"));
    look("network", root?.querySelector(".alive canvas"));
    look("prediction", root?.querySelector("[data-verdict]")?.textContent);
    requestAnimationFrame(all);
  };
  requestAnimationFrame(all);
}"""
_FOUND = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  return Object.fromEntries(Object.entries(window.seen).map(([name, at]) => [name, at - paint]));
}"""


@dataclass(frozen=True)
class Visit:
    """Milliseconds after the first contentful paint, by what is seen then."""

    seen: dict[str, float]
    with_torch: bool


def visit(chromium: Browser, server: Server, last: str) -> Visit:
    """Open the page in a context that has nothing in its caches, until ``last`` is seen."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(f"({_WATCH})()")
    page.goto(server.url)
    page.wait_for_function("(name) => name in window.seen", arg=last, timeout=60_000)
    with_torch = has_torch(server.pid)
    seen: dict[str, float] = page.evaluate(_FOUND)
    context.close()
    return Visit(seen, with_torch)


def has_torch(pid: int) -> bool:
    """Whether the process has torch's library in its memory; only Linux tells."""
    try:
        return "libtorch" in Path(f"/proc/{pid}/maps").read_text("utf-8")
    except OSError:
        return False


def bytes_of_the_network() -> int:
    """What the browser gets for the network and everything that draws it."""
    from cnnviz.browser import ahead, script
    from cnnviz.ui.home import first_sight

    told = base64.b64encode(ahead.FILE.read_bytes()).decode()
    shared = ("engine", "dom", "strokes", "board", "preparation", "paint", "verdict")
    parts = [script.joined([name]) for name in shared]
    own = [path.read_text("utf-8") for path in (Path(first_sight.__file__).parent / "alive").iterdir()]
    return len("".join([told, *parts, *own]).encode())


def told(title: str, visits: list[Visit], names: tuple[str, ...]) -> None:
    """Print the medians of ``visits``."""
    parts = [f"{name} {statistics.median(visit.seen[name] for visit in visits):5.0f} ms" for name in names]
    print(f"{title:<34} {', '.join(parts)}")


def fresh(
    make: Callable[[Path], tuple[str, ...]] | None, chromium: Browser, last: str, again: bool
) -> list[Visit]:
    """One visit to a new server, and where asked for a second one; ``make`` gives Streamlit's words."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = () if make is None else make(folder)
        with serve(folder, **({"words": words} if words else {})) as server:  # type: ignore[arg-type]
            return [visit(chromium, server, last) for _ in range(2 if again else 1)]


def bare(folder: Path) -> tuple[str, ...]:
    """Streamlit's words for a page with one word."""
    page = folder / "bare.py"
    page.write_text(_BARE, "utf-8")
    return ("-m", "streamlit", "run", str(page), "--server.headless", "true", "--server.port")


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    first, second, plain = [], [], []
    for _ in range(rounds):
        with browser() as chromium:  # a new one each time: it has compiled nothing yet
            plain += fresh(bare, chromium, "text", again=False)
        with browser() as chromium:
            one, two = fresh(None, chromium, "prediction", again=True)
        first.append(one)
        second.append(two)
    print("after the first contentful paint, medians")
    told("a bare page, first visitor", plain, ("text",))
    told("landing page, first visitor", first, ("text", "network", "prediction"))
    told("landing page, second visitor", second, ("text", "network", "prediction"))
    loaded = sum(one.with_torch for one in first)
    size = bytes_of_the_network()
    soon = statistics.median(one.seen["prediction"] for one in first) <= TARGET_MS
    print(f"torch was loaded before the first prediction in {loaded} of {rounds} servers")
    print(f"the network, its engine and its picture: {size:,} bytes; target {TARGET_BYTES:,}")
    print(f"target: first prediction within {TARGET_MS:.0f} ms: {'reached' if soon else 'MISSED'}")
    return 0 if soon and not loaded and size <= TARGET_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
