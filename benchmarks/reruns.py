"""Server time of a warm rerun of each page, over Streamlit's own protocol.

Usage: python -m benchmarks.reruns [--reruns N]

The Train page shows a finished run (one epoch on the sample, trained beforehand), the Draw page a drawing. Measured
from sending the request to receiving the last element, on a single connection with no other load. Exit status 1
if a page's median misses the target.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.protocol import Page, Session, connect
from benchmarks.serving import ROOT, serve, train_for_show
from cnnviz.drawing import to_mnist

TARGET_SECONDS = 0.1
PAGES = ("", *sorted(path.stem for path in (ROOT / "pages").glob("*.py")))


def drawing(page: Page, number: int = 1) -> Mapping[str, Any]:
    """The state of the page's canvas after someone drew a 1 on it, as its JavaScript sends it; drawings have numbers."""
    image = Image.new("RGBA", (320, 320), "black")
    ImageDraw.Draw(image).line((170, 60, 150, 260), fill="white", width=24)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    prepared = to_mnist(np.asarray(image), (0, 0, 0, 255))
    if prepared is None:
        raise RuntimeError("Nothing is drawn")
    sent = {
        "number": number,
        "image": base64.b64encode(prepared.image.tobytes()).decode(),
        "picture": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "redrawn": None,
        "sent": number,
    }
    return {components(page)["sheet"][0]: {"drawing": sent}}


def components(page: Page) -> Mapping[str, tuple[str, str]]:
    """By the name of each of the app's components on a page its id, and the fragment that it is in."""
    return {
        element.bidi_component.component_name.rpartition("cnnviz_")[2]: (element.bidi_component.id, fragment)
        for element, fragment in zip(page.elements, page.part_of, strict=True)
        if element.WhichOneof("type") == "bidi_component"
    }


async def reruns(session: Session, name: str, count: int) -> list[float]:
    """Seconds of ``count`` reruns of a page, after two that fill the caches."""
    first = await session.run(name)
    widgets = drawing(first) if name == "draw" else {}
    warm = await session.run(name, widgets=widgets)
    if name == "draw" and warm.kinds.count("html") < first.kinds.count("html"):
        raise RuntimeError("The drawing did not arrive")
    return [(await session.run(name, widgets=widgets)).seconds for _ in range(count)]


async def measure(url: str, count: int) -> bool:
    """Print the figures of every page; whether all are under the target."""
    reached = True
    async with connect(url) as session:
        for name in PAGES:
            seconds = sorted(await reruns(session, name, count))
            median = statistics.median(seconds)
            reached &= median < TARGET_SECONDS
            print(
                f"{name or 'home':<14} median {median * 1e3:6.1f} ms   slowest {seconds[-1] * 1e3:6.1f} ms",
                flush=True,
            )
    return reached


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reruns", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train_for_show(Path(folder), epochs=1, learning_rate=0.01)
        with serve(Path(folder)) as server:
            reached = asyncio.run(measure(server.url, options.reruns))
    print(f"target: median under {TARGET_SECONDS * 1e3:.0f} ms: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
