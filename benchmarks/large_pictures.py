"""What it takes of a server's memory when a class uploads large pictures at once.

Usage: python -m benchmarks.large_pictures [--people N] [--megapixels N]

Each person sends a picture that is small as a file and large when it is decoded, to the Filters page, all at the same
moment. Exit status 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from PIL import Image, ImageDraw
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.load import visit_all
from benchmarks.protocol import Page, Session, connect
from benchmarks.serving import Server, memory, serve
from benchmarks.uploads import put

MOST_MEGABYTES = 500
"""Above the server at rest."""
_LINK = "view=maps&source=upload"


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--megapixels", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server:
        return 0 if asyncio.run(measure(server, options.people, options.megapixels)) else 1


def picture(megapixels: int) -> bytes:
    """A PNG file of a digit, drawn large."""
    side = round((megapixels * 1e6) ** 0.5)
    image = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(image).line((side * 0.55, side * 0.2, side * 0.45, side * 0.8), "black", side // 12)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def measure(server: Server, people: int, megapixels: int) -> bool:
    """Print the figures; whether the target is met."""
    content = picture(megapixels)
    await visit_all(server.url)
    at_rest, start = memory(server.pid) or 0, time.monotonic()
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(connect(server.url)) for _ in range(people)]
        all_of_them = asyncio.gather(*(upload(server, session, content) for session in sessions))
        most = 0
        while not all_of_them.done():
            most = max(most, memory(server.pid) or 0)
            await asyncio.sleep(0.05)
        pages = await all_of_them
    more = (most - at_rest) / 1e6
    read = sum("imgs" in page.kinds or page.kinds.count("html") > 3 for page in pages)
    print(
        f"{people} pictures of {megapixels} megapixels ({len(content) / 1e3:.0f} kB) at once: {more:,.0f} MB more "
        f"(target {MOST_MEGABYTES}), {read} read after {time.monotonic() - start:.0f} s"
    )
    return more <= MOST_MEGABYTES and read == people


async def upload(server: Server, session: Session, content: bytes) -> Page:
    """Choose the file in the widget of the page; the page that then comes."""
    page = await session.run("filters", _LINK)
    widget = next(one.file_uploader for one in page.elements if one.WhichOneof("type") == "file_uploader")
    (file_id,) = await session.upload_ids(["digit.png"])
    status = await put(server, session.session_id, file_id, content)
    if status >= 400:
        raise RuntimeError(f"The file was refused: {status}")
    state = WidgetState(id=widget.id)
    state.file_uploader_state_value.uploaded_file_info.add(
        name="digit.png", size=len(content), file_id=file_id
    )
    return await session.run("filters", _LINK, states=[state])


if __name__ == "__main__":
    sys.exit(main())
